"""Whose cancel ends a subscription: a former case's of ours, or another that came after it.

Two invoices of one subscription may be open at once, and a third come before it is over: what one
case ended is over for all of them. But a cancel for the period's end can be undone.
"""

from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from tests.integration.services.bench import Bench
from tests.integration.store.building import DAY, MINUTE, NOW, open_case
from worker.domain.case import Attempt, AttemptKind, AttemptState

HOUR = timedelta(hours=1)


def ended(bench: Bench, kind: AttemptKind, *, at: datetime) -> None:
    """Let a case of `sub_1` have been closed by an ending of ours."""
    case_id = bench.case(failed_ago=NOW - at + 16 * DAY)
    with bench.ledger.begin() as tx:
        case = tx.cases.load(case_id)
        assert case is not None
        key, sending = "dun:v1:in_1:1", AttemptState.SENDING
        sent = Attempt(1, kind, f"ending:{kind.value}", key, sending, 1200, "eur", "", at, at)
        tx.attempts.start(case, sent, asked_at=at)
        tx.attempts.settle(case, 1, AttemptState.SUCCEEDED, now=at)
    with bench.ledger.connection() as connection:
        connection.exec_driver_sql(
            "UPDATE cases SET state = 'closed', outcome = 'ended', closed_at = %(at)s",
            {"at": at},
        )


def next_case(
    bench: Bench, *, failed_at: datetime, canceled_at: datetime | None, status: str = "past_due"
) -> int:
    """Open a case of the subscription's next invoice, which shows a cancel."""
    ids = {"customer_id": "cus_1", "subscription_id": "sub_1"}
    read = bench.failed_invoice(2, created_at=failed_at - HOUR, **ids)
    shown = bench.stripe.invoices["in_1"].subscription
    assert shown is not None
    ends = replace(shown, status=status, cancel_at_period_end=True, canceled_at=canceled_at)
    bench.stripe.invoices["in_2"] = replace(read, subscription=ends)
    return open_case(bench.ledger, 2, due_at=NOW, failed_at=failed_at, **ids)


def is_ended_by_us(bench: Bench, case_id: int) -> bool:
    """Return whether the ending that the invoice shows counts as ours for a case."""
    case, read = bench.loaded(case_id), bench.stripe.invoices["in_2"]
    with bench.ledger.begin() as tx:
        return tx.cases.surroundings(case, read, now=NOW, wall_now=NOW).ended_by_us


def test_a_cancel_of_ours_that_was_undone_does_not_claim_the_customers_own(bench: Bench) -> None:
    """Else the case ends as ours, and the invoice is marked uncollectible."""
    ended(bench, AttemptKind.CANCEL_AT_PERIOD_END, at=NOW - 60 * DAY)
    case_id = next_case(bench, failed_at=NOW - 30 * HOUR, canceled_at=NOW - 2 * HOUR)
    assert bench.look(case_id) == "cancelled"


@pytest.mark.parametrize("failed_at", [NOW - 30 * HOUR, NOW - HOUR], ids=["older", "younger"])
@pytest.mark.parametrize("status", ["past_due", "canceled"])
@pytest.mark.parametrize("canceled_at", [NOW - 2 * HOUR + MINUTE, None])
def test_what_one_case_ended_is_over_for_the_others(
    bench: Bench, failed_at: datetime, status: str, canceled_at: datetime | None
) -> None:
    """Stripe keeps telling when it was asked for, also once the period is over."""
    ended(bench, AttemptKind.CANCEL_AT_PERIOD_END, at=NOW - 2 * HOUR)
    case_id = next_case(bench, failed_at=failed_at, canceled_at=canceled_at, status=status)
    assert is_ended_by_us(bench, case_id)


def test_what_was_cancelled_at_once_stays_ours(bench: Bench) -> None:
    """Nobody can undo it, whatever Stripe tells of the time."""
    ended(bench, AttemptKind.CANCEL, at=NOW - 2 * HOUR)
    case_id = next_case(bench, failed_at=NOW - HOUR, canceled_at=NOW, status="canceled")
    assert is_ended_by_us(bench, case_id)
