"""`dunning extend`: more time for a case, with who and why."""

from datetime import timedelta

import pytest

from tests.integration.cli.conftest import Command
from tests.integration.cli.seeding import NOW, Seeding, seed_story
from tests.integration.cli.test_hold import acts, due_at, loaded, refused
from worker.domain.case import CaseState, Outcome
from worker.domain.decisions import Decision, Wait
from worker.ports import CaseChange
from worker.store.ledger import PostgresLedger

WHO = ("--by", "jo", "--reason", "the bank moves house")


@pytest.fixture
def story(seeding: Seeding) -> int:
    """Give the number of the case with the whole story."""
    return seed_story(seeding)


def test_the_ending_moves_later(dunning: Command, ledger: PostgresLedger, story: int) -> None:
    result = dunning.run("extend", "INV-0042", "--days", "7", *WHO)
    assert result.exit_code == 0, result.exception
    said, ends = result.stdout.splitlines()
    assert said == f"C-{story} has 7 days more: undone steps and the ending move."
    assert ends.startswith("Ends now: Tue 22 Dec 09:00 cancel")
    case, _ = loaded(ledger, story)
    assert case.shift == timedelta(days=7)
    assert due_at(ledger, story) == NOW
    assert acts(ledger) == [(story, "extend", "jo", "the bank moves house")]
    shown = dunning.run("case", str(story)).stdout
    assert "7 days, by jo: the bank moves house" in shown


@pytest.mark.parametrize("days", ["0", "-3", "91"])
def test_days_out_of_range_are_refused(
    dunning: Command, ledger: PostgresLedger, story: int, days: str
) -> None:
    said = refused(dunning, "extend", str(story), "--days", days, *WHO)
    assert said == f"Refused: --days {days} is not between 1 and 90."
    assert acts(ledger) == []


def test_a_closed_case_gets_none_and_is_left_as_it_was(
    dunning: Command, seeding: Seeding, ledger: PostgresLedger, story: int
) -> None:
    change = CaseChange(state=CaseState.CLOSED, outcome=Outcome.VOIDED, closed_at=NOW)
    seeding.decide(story, Decision(Wait(), "closed", "It is closed."), NOW, change=change)
    before, _ = loaded(ledger, story)
    assert refused(dunning, "extend", str(story), "--days", "3", *WHO) == (
        f"Refused: C-{story} is closed."
    )
    assert loaded(ledger, story)[0] == before


def test_without_who_or_why_it_is_refused(dunning: Command, story: int) -> None:
    words = ("extend", str(story), "--days", "3")
    assert refused(dunning, *words).startswith("Say who does this: --by NAME")
    assert refused(dunning, *words, "--by", "jo").startswith("Say why: --reason")
