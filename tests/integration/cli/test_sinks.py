"""`dunning sinks`: how far each came, and sending facts again."""

import json
from pathlib import Path

import pytest

from tests.integration.cli.conftest import Command
from tests.integration.cli.seeding import LEASE, Seeding, seed_story
from worker.clock import SystemClock
from worker.errors import UsageError
from worker.services.seal_facts import seal_facts
from worker.store.ledger import PostgresLedger


@pytest.fixture
def dunning_with_sinks(
    dunning: Command, seeding: Seeding, ledger: PostgresLedger, tmp_path: Path
) -> Command:
    """Give the command beside a file with one sink, which has taken two facts."""
    seed_story(seeding)
    seal_facts(ledger=ledger, clock=SystemClock())
    clock = SystemClock()
    with ledger.begin() as tx:
        now = clock.wall_now()
        tx.sinks.claim("old", token="t", wall_now=now, lease=LEASE)
        tx.sinks.advance("old", token="t", was=0, becomes=2, wall_now=now, lease=LEASE)
        tx.sinks.release("old", token="t")
    (tmp_path / "sinks.yaml").write_text("sinks: [{ name: warehouse, folder: /var/facts }]\n")
    dunning.variables["CONFIG_DIR"] = str(tmp_path)
    return dunning


def test_each_is_listed_with_what_waits(dunning_with_sinks: Command) -> None:
    told = [
        json.loads(line) for line in dunning_with_sinks.run("sinks", "--json").stdout.splitlines()
    ]
    old, new = told
    assert (old["sink"], old["position"], old["goes_to"], old["failures"]) == ("old", 2, None, 0)
    assert (new["sink"], new["position"], new["goes_to"]) == ("warehouse", 0, "/var/facts")
    assert new["waiting"] == old["waiting"] + 2 > 2
    said = dunning_with_sinks.run("sinks").stdout
    assert "not in sinks.yaml any more" in said
    assert "not begun" in said


def test_facts_are_sent_again_from_a_position(
    dunning_with_sinks: Command, ledger: PostgresLedger
) -> None:
    who = ("--by", "jo", "--reason", "lost there")
    result = dunning_with_sinks.run("sinks", "replay", "old", "--from", "2", *who)
    assert "from position 2 on" in result.stdout
    with ledger.begin() as tx:
        assert [state.position for state in tx.sinks.states()] == [1]
    refused = dunning_with_sinks.run("sinks", "replay", "nobody", "--from", "1", *who)
    assert isinstance(refused.exception, UsageError)
    unsaid = dunning_with_sinks.run("sinks", "replay", "old", "--from", "1", "--by", "jo")
    assert isinstance(unsaid.exception, UsageError)
