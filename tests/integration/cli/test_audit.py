"""`dunning audit verify`: what it says and the code it ends with; places in `dunning events`."""

import json

import pytest

from tests.integration.cli.conftest import Command
from tests.integration.cli.seeding import Seeding, seed_story
from worker.clock import SystemClock
from worker.errors import UsageError
from worker.services.seal_facts import seal_facts
from worker.store.ledger import PostgresLedger


@pytest.fixture
def facts(seeding: Seeding, ledger: PostgresLedger) -> int:
    """Give how many facts are sealed."""
    seed_story(seeding)
    return seal_facts(ledger=ledger, clock=SystemClock())


def test_a_chain_that_holds_is_told_with_its_head(dunning: Command, facts: int) -> None:
    told = json.loads(dunning.run("audit", "verify", "--json").stdout)
    assert (told["facts"], told["holds"], told["waiting"]) == (facts, True, 0)
    result = dunning.run("audit", "verify", "--expect", f"{facts}:{told['head']}")
    assert result.stdout == f"{facts} facts, head {told['head']}\n"
    assert result.exit_code == 0


def test_an_altered_fact_ends_with_3_and_its_position(
    dunning: Command, facts: int, ledger: PostgresLedger
) -> None:
    with ledger.connection() as connection:
        connection.exec_driver_sql(
            "UPDATE events SET data = '{}' "
            "WHERE seq = (SELECT seq FROM event_chain WHERE position = 2)"
        )
    result = dunning.run("audit", "verify")
    assert result.exit_code == 3
    assert result.stdout.startswith("Position 2: its fact ")
    assert "was altered" in result.stdout
    told = json.loads(dunning.run("audit", "verify", "--json").stdout)
    assert (told["holds"], told["position"], told["facts"]) == (False, 2, 1)


@pytest.mark.parametrize("head", ["12", "abc", "1:abc", f"-1:{'a' * 64}"])
def test_what_is_no_head_is_refused(dunning: Command, head: str) -> None:
    result = dunning.run("audit", "verify", "--expect", head)
    assert isinstance(result.exception, UsageError)
    assert "write POSITION:HASH" in str(result.exception)


def test_events_tell_their_places_once_they_are_sealed(
    dunning: Command, facts: int, seeding: Seeding
) -> None:
    events = [json.loads(line) for line in dunning.run("events").stdout.splitlines()]
    assert sorted(event["position"] for event in events) == list(range(1, facts + 1))
    seeding.case(43, amount_minor=1200, currency="eur")
    later = [json.loads(line) for line in dunning.run("events").stdout.splitlines()]
    assert len([event for event in later if "position" not in event]) >= 1
