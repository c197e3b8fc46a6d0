"""`dunning retry`: one sentence where it is refused, and nothing is recorded then."""

import pytest
from sqlalchemy import func, select

from tests.integration.cli.conftest import Command
from tests.integration.cli.seeding import Seeding, seed_story
from worker.cli.main import EXIT_CODES
from worker.errors import UsageError
from worker.store.ledger import PostgresLedger
from worker.store.tables import operator_acts

WHO = ("--by", "jo", "--reason", "the bank says it is cured")


@pytest.fixture
def story(seeding: Seeding) -> int:
    """Give the number of the case with the whole story."""
    return seed_story(seeding)


def wishes(ledger: PostgresLedger) -> int:
    """Return how many wishes for a charge are recorded."""
    with ledger.connection() as connection:
        return connection.execute(select(func.count()).select_from(operator_acts)).scalar_one()


def refused(dunning: Command, *words: str, **variables: str) -> str:
    """Return the sentence of a command that is refused with exit code 2."""
    error = dunning.run("retry", *words, **variables).exception
    assert isinstance(error, UsageError)
    assert (UsageError, 2) in EXIT_CODES
    return str(error)


def test_a_networks_wait_is_told_with_its_end_in_office_time(
    dunning: Command, ledger: PostgresLedger, story: int
) -> None:
    assert refused(dunning, f"C-{story}", *WHO) == (
        f"Refused: C-{story} is not charged now: Mastercard advice 27: wait 4 days;"
        " the earliest allowed time is Sun 6 Dec 08:19."
    )
    assert wishes(ledger) == 0


def test_without_who_or_why_it_is_refused(
    dunning: Command, ledger: PostgresLedger, story: int
) -> None:
    assert refused(dunning, str(story)).startswith("Say who does this: --by NAME")
    assert refused(dunning, str(story), DUNNING_OPERATOR="kim").startswith("Say why: --reason")
    assert wishes(ledger) == 0


def test_a_case_before_a_person_is_refused(
    dunning: Command, seeding: Seeding, ledger: PostgresLedger, story: int
) -> None:
    seeding.review(story, "try 1: no answer from Stripe for 23 hours")
    assert refused(dunning, "INV-0042", *WHO) == (
        f"Refused: C-{story} is not charged now: the case waits for a person:"
        " try 1: no answer from Stripe for 23 hours."
    )
    assert wishes(ledger) == 0


def test_a_name_of_several_cases_lists_them_and_charges_none(
    dunning: Command, seeding: Seeding, ledger: PostgresLedger, story: int
) -> None:
    later = seeding.case(42, invoice=43)
    result = dunning.run("retry", "cus_42", *WHO)
    assert result.exit_code == 2
    assert f"C-{story}" in result.stdout
    assert f"C-{later}" in result.stdout
    assert wishes(ledger) == 0


def test_a_name_that_nobody_has_says_so(dunning: Command, story: int) -> None:
    assert refused(dunning, "C-9", *WHO).startswith("No case is called C-9")
