"""A second end of one case, and a start before the day the service goes live."""

from dataclasses import replace
from datetime import timedelta

from tests.integration.services.bench import Bench
from tests.integration.store.building import DAY, NOW
from worker.domain.case import CaseState, Outcome
from worker.services.operate import go

WHO_AND_WHY = {"by": "jo", "reason": "all checked"}


def letters_of(bench: Bench) -> list[tuple[str, str]]:
    """Return step and notice of all letters, oldest first."""
    query = "SELECT step, notice FROM letters ORDER BY id"
    with bench.ledger.connection() as connection:
        return [(row.step, row.notice) for row in connection.exec_driver_sql(query)]


def test_a_case_that_ends_again_writes_about_it_again(bench: Bench) -> None:
    """Paid, returned by the bank, paid again: the customer hears of both."""
    case_id = bench.case(failed_ago=timedelta(hours=20))
    bench.looks(case_id, until="letter_due")
    (letter_id,) = bench.due()[1]
    assert bench.deliver(letter_id) == "sent"
    unpaid = bench.stripe.invoices["in_1"]
    paid = replace(unpaid, status="paid", amount_remaining_minor=0, amount_paid_minor=1200)
    for _ in range(2):
        bench.stripe.invoices["in_1"] = paid
        bench.clock.now += timedelta(hours=3)
        wake(bench, case_id)
        bench.looks(case_id, until="paid")
        assert bench.loaded(case_id).outcome is Outcome.RECOVERED
        bench.stripe.invoices["in_1"] = unpaid
        wake(bench, case_id)
        bench.looks(case_id, until="payment_returned")
        assert bench.loaded(case_id).state is CaseState.OPEN
    closings = [one for one in letters_of(bench) if one[0].startswith("closing")]
    assert closings == [("closing", "payment_recovered"), ("closing 2", "payment_recovered")]


def wake(bench: Bench, case_id: int) -> None:
    """Make a case due."""
    with bench.ledger.begin() as tx:
        assert tx.cases.wake(now=bench.clock.now, case_ids=[case_id]) == 1


def test_a_start_before_the_day_of_going_live_takes_no_time_away(bench: Bench) -> None:
    """A ledger that a live key began is stopped from its go-live on."""
    with bench.ledger.connection() as connection:
        query = "UPDATE control SET charging = false, stopped_at = %(at)s"
        connection.exec_driver_sql(query, {"at": NOW + 9 * DAY})
    case_id = bench.case()
    assert go(ledger=bench.ledger, clock=bench.clock, now=NOW, **WHO_AND_WHY) == 1
    assert bench.loaded(case_id).shift == timedelta()
