"""What Stripe shows outranks every plan: one row per truth, each at a time when a charge is due."""

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest

from tests.unit.domain.building import (
    ALL_DONE,
    T0,
    Row,
    after,
    around,
    attempt,
    case,
    decision,
    done_until,
    final_letter,
    invoice,
    letter,
    payment,
    subscription,
)
from worker.domain.case import (
    AttemptKind,
    AttemptState,
    Case,
    CaseState,
    CloseRequest,
    Outcome,
    Surroundings,
)
from worker.domain.decisions import (
    Charge,
    Close,
    End,
    Hold,
    Release,
    Review,
    Wait,
)
from worker.domain.policy import RetriesBy
from worker.domain.readings import CustomerReading, InvoiceReading, SubscriptionReading

NOW = after(days=1, hours=2)
"""`try 1` is overdue: without the truth, the engine charges."""

CANCEL, PERIOD_END = AttemptKind.CANCEL, AttemptKind.CANCEL_AT_PERIOD_END
SENDING, PROCESSING = AttemptState.SENDING, AttemptState.PROCESSING
SUCCEEDED, ABANDONED = AttemptState.SUCCEEDED, AttemptState.ABANDONED

INVOICE_AT = T0 - timedelta(hours=1)


def cancelling(asked_at: datetime) -> InvoiceReading:
    """Return an invoice whose subscription ends with its period, as asked for then."""
    ends = subscription(cancel_at_period_end=True, canceled_at=asked_at)
    return invoice(created_at=INVOICE_AT, subscription=ends)


GIVEN_UP = [
    Row(
        "voided",
        Close(Outcome.VOIDED, "the invoice was voided"),
        "voided",
        invoice=invoice(status="void"),
    ),
    Row(
        "marked uncollectible",
        Close(Outcome.WRITTEN_OFF, "the invoice was marked uncollectible"),
        "written_off",
        invoice=invoice(status="uncollectible"),
    ),
    Row(
        "voided before our own void was done",
        Close(Outcome.VOIDED, "the invoice was voided"),
        "voided",
        case(attempts=(attempt("ending: void", ABANDONED, AttemptKind.VOID),)),
        invoice(status="void"),
    ),
    Row(
        "a status that Stripe added",
        Review("the invoice has the unexpected status frozen"),
        "status_unknown",
        invoice=invoice(status="frozen"),
        next_at=NOW + timedelta(days=1),
    ),
    Row(
        "voided by us: the ending goes on",
        Close(
            Outcome.ENDED,
            "cancelled for the unpaid invoice",
            letter="subscription_ended",
        ),
        "ended",
        case(
            attempts=(
                attempt("ending: cancel", SUCCEEDED, CANCEL),
                attempt("ending: void", SUCCEEDED, AttemptKind.VOID, no=2),
            )
        ),
        invoice(status="void", subscription=subscription(status="canceled")),
    ),
]


def customer_cancelled(reason: str) -> Close:
    """Return the close of a case whose subscription somebody else ended."""
    return Close(Outcome.CUSTOMER_CANCELLED, reason)


DURING = "the customer has cancelled"
CANCELLED = [
    Row(
        "already cancelled",
        customer_cancelled("the subscription is canceled"),
        "cancelled",
        invoice=invoice(subscription=subscription(status="canceled")),
    ),
    Row(
        "cancelled by the customer, who said so",
        customer_cancelled("the subscription is canceled"),
        "cancelled",
        invoice=invoice(
            subscription=subscription(
                status="canceled", cancellation_reason="cancellation_requested"
            )
        ),
    ),
    Row(
        "cancelled by Stripe for the failed payment",
        Close(Outcome.ENDED, "Stripe cancelled it for the failed payment"),
        "ended_by_stripe",
        invoice=invoice(
            subscription=subscription(status="canceled", cancellation_reason="payment_failed")
        ),
    ),
    Row(
        "first payment never came",
        customer_cancelled("the subscription is incomplete_expired"),
        "cancelled",
        invoice=invoice(subscription=subscription(status="incomplete_expired")),
    ),
    Row(
        "at the period's end, asked for after the failure",
        customer_cancelled(DURING),
        "cancelled",
        invoice=invoice(
            subscription=subscription(cancel_at_period_end=True, canceled_at=after(hours=3))
        ),
    ),
    Row(
        "at a date, asked for after the failure",
        customer_cancelled(DURING),
        "cancelled",
        invoice=invoice(
            subscription=subscription(cancel_at=after(days=20), canceled_at=after(hours=3))
        ),
    ),
    Row(
        "asked for in the very second of the failure",
        customer_cancelled(DURING),
        "cancelled",
        invoice=invoice(subscription=subscription(cancel_at_period_end=True, canceled_at=T0)),
    ),
    *(
        Row(
            f"{name}, and Stripe does not say when it was asked for",
            customer_cancelled(DURING),
            "cancelled",
            invoice=invoice(subscription=shown),
        )
        for name, shown in (
            ("at the period's end", subscription(cancel_at_period_end=True)),
            ("at a date", subscription(cancel_at=after(days=20))),
        )
    ),
    Row(
        "at the period's end, asked for as soon as there was an invoice",
        customer_cancelled(DURING),
        "cancelled",
        invoice=cancelling(INVOICE_AT + timedelta(seconds=1)),
    ),
    Row(
        "at the period's end, planned as the invoice began: goes on",
        Charge("try 1", "pm_old"),
        "charge_due",
        invoice=cancelling(INVOICE_AT),
    ),
    Row(
        "a status that nobody knows, and a person has it",
        Wait(),
        "in_review",
        case(state=CaseState.IN_REVIEW, reason="the invoice has the unexpected status draft"),
        invoice(status="draft"),
        next_at=NOW + timedelta(days=1),
    ),
    Row(
        "a status that nobody knows, and who has it closes it",
        Close(Outcome.CLOSED_BY_HAND, "jo closed it: ours"),
        "closed_by_hand",
        case(state=CaseState.IN_REVIEW, reason="the invoice has the unexpected status draft"),
        invoice(status="draft"),
        around(close_request=CloseRequest("jo", "ours")),
    ),
    Row(
        "the customer is gone",
        customer_cancelled("the customer was deleted"),
        "cancelled",
        invoice=invoice(customer=CustomerReading("cus_1", deleted=True)),
    ),
    Row(
        "in review as well",
        customer_cancelled("the subscription is canceled"),
        "cancelled",
        case(state=CaseState.IN_REVIEW),
        invoice(subscription=subscription(status="canceled")),
    ),
]

STANDING_STILL = [
    Row(
        "a dispute begins",
        Hold("the customer disputes a payment"),
        "disputed",
        around=around(dispute_open=True),
        next_at=NOW + timedelta(days=1),
    ),
    Row(
        "a dispute goes on",
        Wait(),
        "disputed",
        case(state=CaseState.HELD, reason="the customer disputes a payment"),
        around=around(dispute_open=True),
        next_at=NOW + timedelta(days=1),
    ),
    Row(
        "a dispute is over",
        Release("the dispute is closed"),
        "released",
        case(state=CaseState.HELD),
        next_at=NOW,
    ),
    Row(
        "a currency that Stripe added",
        Review("the currency zzz is not known to this release"),
        "currency_unknown",
        invoice=invoice(currency="zzz"),
        next_at=NOW + timedelta(days=1),
    ),
    Row(
        "in review",
        Wait(),
        "in_review",
        case(state=CaseState.IN_REVIEW, reason="look at it"),
        next_at=NOW + timedelta(days=1),
    ),
    Row(
        "in review and disputed: stays with its person",
        Wait(),
        "in_review",
        case(state=CaseState.IN_REVIEW),
        around=around(dispute_open=True),
        next_at=NOW + timedelta(days=1),
    ),
    *(
        Row(
            f"a payment is {status}",
            Wait(),
            "payment_processing",
            invoice=invoice(payment=payment(status)),
            next_at=NOW + timedelta(days=1),
        )
        for status in ("processing", "requires_capture")
    ),
    Row(
        "a second payment is processing beside the failed default one",
        Wait(),
        "payment_processing",
        invoice=invoice(other_payment_under_way=True),
        next_at=NOW + timedelta(days=1),
    ),
    Row(
        "a second payment is processing, and the default one was never read",
        Wait(),
        "payment_processing",
        invoice=invoice(payment=None, other_payment_under_way=True),
        next_at=NOW + timedelta(days=1),
    ),
    Row(
        "3-D Secure since 59 minutes",
        Wait(),
        "authentication_under_way",
        case(action_required_at=NOW - timedelta(minutes=59)),
        invoice(payment=payment("requires_action")),
        next_at=NOW + timedelta(minutes=1),
    ),
    Row(
        "3-D Secure since an hour: goes on",
        Charge("try 1", "pm_old"),
        "charge_due",
        case(action_required_at=NOW - timedelta(hours=1)),
        invoice(payment=payment("requires_action")),
    ),
    Row(
        "3-D Secure is over: goes on",
        Charge("try 1", "pm_old"),
        "charge_due",
        case(action_required_at=NOW - timedelta(minutes=5)),
    ),
    Row(
        "no payment at all: goes on",
        Charge("try 1", "pm_old"),
        "charge_due",
        invoice=invoice(payment=None),
    ),
    Row(
        "collection is paused",
        Wait(),
        "collection_paused",
        invoice=invoice(subscription=subscription(collection_paused=True)),
        next_at=NOW + timedelta(days=1),
    ),
    Row(
        "credited in full",
        Wait(),
        "nothing_owed",
        invoice=invoice(amount_remaining_minor=0),
        next_at=NOW + timedelta(days=1),
    ),
    Row(
        "paid in part: goes on with the rest",
        Charge("try 1", "pm_old"),
        "charge_due",
        invoice=invoice(amount_remaining_minor=1, amount_paid_minor=4899),
    ),
    Row(
        "an older invoice leads",
        Wait(),
        "follows",
        around=around(leading_case=7),
        next_at=NOW + timedelta(days=1),
    ),
    Row(
        "the leading case ended the subscription: its invoice follows",
        End(AttemptKind.UNCOLLECTIBLE),
        "ending_invoice",
        invoice=invoice(subscription=subscription(status="canceled")),
        around=around(ended_by_us=True, leading_case=7),
    ),
]


@pytest.mark.parametrize(
    "row",
    [
        pytest.param(row, id=f"{group}: {row.name}")
        for group, rows in (
            ("given up", GIVEN_UP),
            ("cancelled", CANCELLED),
            ("stands still", STANDING_STILL),
        )
        for row in rows
    ],
)
def test_truth(row: Row) -> None:
    decided = decision(NOW, row.case, row.invoice, row.around)
    assert (decided.act, decided.rule, decided.next_at) == (row.act, row.rule, row.next_at)
    assert decided.reason.endswith(".") or decided.reason == row.case.reason


def test_without_a_truth_the_charge_is_due() -> None:
    """The rows above prove nothing if the engine would have waited anyway."""
    assert decision(NOW).act == Charge("try 1", "pm_old")


ENDING_DUE = {
    "attempts": (),
    "steps": done_until(ALL_DONE),
    "letters": (final_letter(),),
}


@pytest.mark.parametrize(
    ("shown", "near"),
    [
        (invoice(payment=payment("processing")), around()),
        (invoice(subscription=subscription(collection_paused=True)), around()),
        (invoice(amount_remaining_minor=0), around()),
        (invoice(), around(dispute_open=True)),
        (invoice(), around(leading_case=7)),
    ],
    ids=["processing", "paused", "nothing owed", "disputed", "follows"],
)
def test_no_truth_lets_an_ending_through(shown: InvoiceReading, near: Surroundings) -> None:
    now = after(days=14, hours=1)
    assert decision(now, case(**ENDING_DUE)).act == End(CANCEL)
    assert not isinstance(decision(now, case(**ENDING_DUE), shown, near).act, End)


GONE = subscription(status="canceled")
BY_US = case(attempts=(attempt("ending: cancel", SUCCEEDED, CANCEL),))


@pytest.mark.parametrize(
    ("the_case", "shown", "near", "told"),
    [
        (BY_US, GONE, around(), "subscription_ended"),
        (case(), GONE, around(ended_by_us=True), ""),
        (BY_US, subscription(), around(), ""),
        (
            replace(BY_US, letters=(letter("closing", notice="subscription_ended"),)),
            GONE,
            around(),
            "",
        ),
    ],
    ids=["our cancel", "another case's", "undone", "told before"],
)
@pytest.mark.parametrize(
    "change",
    [
        {"status": "void"},
        {"status": "uncollectible"},
        {"status": "paid", "amount_due_minor": 0},
        {"status": "open"},
    ],
    ids=["voided", "written off", "credited", "closed by hand"],
)
def test_an_ending_of_ours_is_told_whoever_closes_the_case(
    the_case: Case,
    shown: SubscriptionReading,
    near: Surroundings,
    told: str,
    change: dict[str, Any],
) -> None:
    """Its customer would read of it nowhere else; but once, and of nothing that was undone."""
    near = replace(near, close_request=CloseRequest("jo", "ours"))
    act = decision(NOW, the_case, invoice(subscription=shown, **change), near).act
    assert isinstance(act, Close)
    assert act.outcome is not Outcome.ENDED
    assert act.letter == told


def test_stripe_seen_scheduling_is_remembered_whatever_is_decided() -> None:
    scheduled = invoice(next_payment_attempt_at=after(days=3), payment=payment("processing"))
    seen = decision(NOW, case(owner=None), scheduled)
    assert (seen.rule, seen.owner) == ("payment_processing", RetriesBy.STRIPE)
    assert decision(NOW, case(owner=RetriesBy.STRIPE), scheduled).owner is None
