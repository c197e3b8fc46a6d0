"""Whose cancel ends a subscription: a former case's of ours, or another that came after it.

Two invoices of one subscription may be open at once, and a third come before it is over: what one
case ended is over for all of them. But a cancel for the period's end can be undone.
"""

from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from tests.integration.services import raw
from tests.integration.services.bench import Bench
from tests.integration.services.telling import fold, hear
from tests.integration.store.building import DAY, MINUTE, NOW, open_case
from worker.domain.case import Attempt, AttemptKind, AttemptState, Outcome

HOUR = timedelta(hours=1)


def ended(bench: Bench, kind: AttemptKind, *, at: datetime) -> None:
    """Let a case of `sub_1` have been closed by an ending of ours."""
    case_id = bench.case(failed_ago=NOW - at + 16 * DAY)
    went_through(bench, case_id, kind, at=at)
    with bench.ledger.connection() as connection:
        connection.exec_driver_sql(
            "UPDATE cases SET state = 'closed', outcome = 'ended', closed_at = %(at)s",
            {"at": at},
        )


def went_through(bench: Bench, case_id: int, kind: AttemptKind, *, at: datetime) -> None:
    """Let a request that ends the subscription of the case's have gone through."""
    with bench.ledger.begin() as tx:
        case = tx.cases.load(case_id)
        assert case is not None
        key, sending = "dun:v1:in_1:1", AttemptState.SENDING
        sent = Attempt(1, kind, f"ending:{kind.value}", key, sending, 1200, "eur", "", at, at)
        tx.attempts.start(case, sent, asked_at=at)
        tx.attempts.settle(case, 1, AttemptState.SUCCEEDED, now=at)


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


def lost(bench: Bench, case_id: int, *, sends: int = 1) -> None:
    """Let a cancel of the case have been sent at NOW, and have no answer yet."""
    about = (1, AttemptKind.CANCEL, "ending: cancel", "dun:v1:in_1:1", AttemptState.SENDING)
    with bench.ledger.begin() as tx:
        case = tx.cases.load(case_id)
        assert case is not None
        tx.attempts.start(case, Attempt(*about, 1200, "eur", "", NOW, NOW), asked_at=NOW)
        for no in range(1, sends):
            again_at = NOW + no * 2 * MINUTE
            tx.attempts.resend(case, 1, asked_at=again_at, wall_now=again_at)


def gone(bench: Bench, canceled_at: datetime) -> None:
    """Let Stripe show that the subscription was cancelled then."""
    read = bench.stripe.invoices["in_1"]
    assert read.subscription is not None
    over = replace(read.subscription, status="canceled", canceled_at=canceled_at)
    bench.stripe.invoices["in_1"] = replace(read, subscription=over)


def test_a_cancel_before_ours_was_sent_is_the_customers(bench: Bench) -> None:
    """They cancelled between the read and our request, whose answer was lost: no letter says that
    we ended it, and their invoice is not marked."""
    case_id = bench.case()
    lost(bench, case_id)
    gone(bench, NOW - 3 * MINUTE)
    bench.looks(case_id, "cancelled")
    closed = bench.loaded(case_id)
    assert (closed.outcome, closed.letters) == (Outcome.CUSTOMER_CANCELLED, ())
    assert [each.state for each in closed.attempts] == [AttemptState.ABANDONED]
    assert bench.broken_promises() == []


@pytest.mark.parametrize(("sends", "minutes"), [(1, 0), (2, 0), (2, 2)])
def test_a_cancel_since_ours_was_first_sent_is_ours(bench: Bench, sends: int, minutes: int) -> None:
    """Either sending may have been carried out, and two clocks differ by some seconds."""
    case_id = bench.case()
    lost(bench, case_id, sends=sends)
    gone(bench, NOW + minutes * MINUTE - timedelta(seconds=65))
    bench.look(case_id)
    assert [each.state for each in bench.loaded(case_id).attempts] == [AttemptState.SUCCEEDED]


def test_an_end_that_was_planned_from_the_beginning_is_no_cancel_before_ours(bench: Bench) -> None:
    """A subscription of a fixed term bears its date from its creation on."""
    case_id = bench.case()
    lost(bench, case_id)
    gone(bench, NOW - 90 * DAY)
    bench.look(case_id)
    assert [each.state for each in bench.loaded(case_id).attempts] == [AttemptState.SUCCEEDED]


def test_a_cancel_of_its_own_that_was_undone_does_not_claim_the_customers(bench: Bench) -> None:
    """Staff took the subscription up again, and the case waits for a person since then."""
    case_id = bench.case(failed_ago=80 * DAY)
    went_through(bench, case_id, AttemptKind.CANCEL_AT_PERIOD_END, at=NOW - 60 * DAY)
    read = bench.stripe.invoices["in_1"]
    assert read.subscription is not None
    own = replace(read.subscription, cancel_at_period_end=True, canceled_at=NOW - 2 * HOUR)
    bench.stripe.invoices["in_1"] = replace(read, subscription=own)
    assert bench.look(case_id) == "cancelled"
    closed = bench.loaded(case_id)
    assert (closed.outcome, closed.letters) == (Outcome.CUSTOMER_CANCELLED, ())


@pytest.mark.parametrize("canceled_at", [NOW - 60 * DAY + MINUTE, None])
def test_a_cancel_of_its_own_that_holds_stays_ours(
    bench: Bench, canceled_at: datetime | None
) -> None:
    """Stripe's time of it is a little after ours, or it tells none."""
    case_id = bench.case(failed_ago=80 * DAY)
    went_through(bench, case_id, AttemptKind.CANCEL_AT_PERIOD_END, at=NOW - 60 * DAY)
    read = bench.stripe.invoices["in_1"]
    assert read.subscription is not None
    ours = replace(read.subscription, cancel_at_period_end=True, canceled_at=canceled_at)
    bench.stripe.invoices["in_1"] = replace(read, subscription=ours, status="void")
    assert bench.look(case_id) == "voided"
    assert [each.notice for each in bench.loaded(case_id).letters] == ["subscription_ended"]


def test_what_was_cancelled_at_once_stays_ours(bench: Bench) -> None:
    """Nobody can undo it, whatever Stripe tells of the time."""
    ended(bench, AttemptKind.CANCEL, at=NOW - 2 * HOUR)
    case_id = next_case(bench, failed_at=NOW - HOUR, canceled_at=NOW, status="canceled")
    assert is_ended_by_us(bench, case_id)


@pytest.mark.parametrize(
    ("canceled_at", "kind"),
    [(NOW - 60 * DAY + MINUTE, "involuntary"), (NOW - 2 * HOUR, "voluntary")],
)
def test_a_loss_counts_as_ours_only_where_our_cancel_holds(
    bench: Bench, canceled_at: datetime, kind: str
) -> None:
    """Else a customer who stayed, and left of their own will months later, counted as unpaid."""
    ended(bench, AttemptKind.CANCEL_AT_PERIOD_END, at=NOW - 60 * DAY)
    lost = raw.subscription(
        status="canceled",
        canceled_at=int(canceled_at.timestamp()),
        cancellation_details={"reason": "cancellation_requested"},
    )
    begun = raw.subscription()
    hear(
        bench,
        raw.event(1, "customer.subscription.created", begun, at=NOW - 3 * HOUR),
        raw.event(2, "customer.subscription.deleted", lost, at=NOW - HOUR),
        until=NOW,
    )
    fold(bench)
    [churned] = bench.facts("subscription.churned")
    assert churned["kind"] == kind


@pytest.mark.parametrize(("still_ends", "reason"), [(True, "consent_withdrawn"), (False, "unpaid")])
def test_a_cancel_that_was_undone_does_not_say_why_a_later_loss_came(
    bench: Bench, *, still_ends: bool, reason: str
) -> None:
    """The case that cancelled knew of a bank's word that the customer withdrew their consent."""
    ended(bench, AttemptKind.CANCEL_AT_PERIOD_END, at=NOW - 60 * DAY)
    with bench.ledger.connection() as connection:
        connection.exec_driver_sql(
            """UPDATE cases SET failure = '{"decline_class": "consent_withdrawn"}'"""
        )
    lost = raw.subscription(status="unpaid", cancel_at_period_end=still_ends)
    begun = raw.subscription()
    hear(
        bench,
        raw.event(1, "customer.subscription.created", begun, at=NOW - 3 * HOUR),
        raw.event(2, "customer.subscription.updated", lost, at=NOW - HOUR),
        until=NOW,
    )
    fold(bench)
    [churned] = bench.facts("subscription.churned")
    assert churned["reason"] == reason


def test_stripes_own_cancel_for_the_payment_takes_no_cancel_of_ours_back(bench: Bench) -> None:
    """It came before ours ran out: the case goes on to what is left of its ending, and its letter
    tells of it."""
    case_id = bench.case(failed_ago=16 * DAY)
    went_through(bench, case_id, AttemptKind.CANCEL_AT_PERIOD_END, at=NOW - 2 * HOUR)
    read = bench.stripe.invoices["in_1"]
    assert read.subscription is not None
    over = replace(
        read.subscription,
        status="canceled",
        canceled_at=NOW - HOUR,
        cancellation_reason="payment_failed",
    )
    bench.stripe.invoices["in_1"] = replace(read, status="uncollectible", subscription=over)
    assert bench.look(case_id) == "written_off"
    assert [each.notice for each in bench.loaded(case_id).letters] == ["subscription_ended"]
