"""`dunning close`: what stays owed is shown first, then the worker is asked."""

import json

import pytest

from tests.integration.cli.conftest import Command
from tests.integration.cli.seeding import NOW, Seeding, seed_story
from tests.integration.cli.test_hold import acts, due_at, refused
from worker.store.ledger import PostgresLedger

WHO = ("--by", "jo", "--reason", "an error of ours")


@pytest.fixture
def story(seeding: Seeding) -> int:
    """Give the number of the case with the whole story."""
    return seed_story(seeding)


def test_it_says_what_stays_owed_and_asks_the_worker(
    dunning: Command, ledger: PostgresLedger, story: int
) -> None:
    result = dunning.run("close", "INV-0042", "--yes", *WHO)
    assert result.exit_code == 0, result.exception
    assert result.stdout.splitlines() == [
        f"C-{story}: €49.00 stay owed; no more try, letter or ending.",
        "The invoice INV-0042 stays open at Stripe.",
        "Is the amount waived? Then void the invoice there, or mark it uncollectible.",
        "The subscription stays past_due: Stripe goes on invoicing.",
        f"C-{story} will be closed within seconds.",
    ]
    assert acts(ledger) == [(story, "close", "jo", "an error of ours")]
    assert due_at(ledger, story) == NOW
    told = json.loads(dunning.run("case", str(story), "--json").stdout)["timeline"][-1]
    said = ("close asked for", "by jo: an error of ours; waits for the worker")
    assert (told["what"], told["detail"]) == said
    assert "is to be closed already" in refused(dunning, "close", str(story), "--yes", *WHO)


def test_without_yes_and_nobody_there_nothing_is_done(
    dunning: Command, ledger: PostgresLedger, story: int
) -> None:
    said = refused(dunning, "close", str(story), *WHO)
    assert said == f"Nothing was done. Close C-{story} with --yes."
    assert acts(ledger) == []


def test_as_data_it_acts(dunning: Command, ledger: PostgresLedger, story: int) -> None:
    told = json.loads(dunning.run("close", str(story), "--json", *WHO).stdout)
    assert told["case"] == f"C-{story}"
    assert len(acts(ledger)) == 1


def test_without_who_or_why_it_is_refused(dunning: Command, story: int) -> None:
    assert refused(dunning, "close", str(story)).startswith("Say who does this: --by NAME")
