"""Paid cases: whose act it was, what the customer is told, and what moves a closed case."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from tests.unit.domain import network_tries_building as tries
from tests.unit.domain.building import (
    NEW_CARD,
    Row,
    after,
    around,
    attempt,
    case,
    decision,
    invoice,
    letter,
    paid_invoice,
    payment,
    subscription,
)
from worker.domain.case import (
    AttemptKind,
    AttemptState,
    Case,
    CaseState,
    CloseRequest,
    LetterState,
    Outcome,
    RecoveredBy,
)
from worker.domain.decisions import Close, Reopen, Review, Wait
from worker.domain.network_tries import MadeBy
from worker.domain.policy import RetriesBy
from worker.domain.readings import CustomerReading, PaymentReading

NOW = after(days=1, hours=2)
"""`try 1` is overdue: without the payment, the engine charges."""

CANCEL = AttemptKind.CANCEL
OVER = subscription(status="canceled")
SENDING, SUCCEEDED = AttemptState.SENDING, AttemptState.SUCCEEDED


def recovered(by: RecoveredBy, **changes: Any) -> Close:
    """Return the close of a paid case."""
    close = Close(Outcome.RECOVERED, f"paid: {by.value.replace('_', ' ')}", by)
    return replace(close, **changes)


PAID = [
    Row(
        "by a retry of ours",
        recovered(RecoveredBy.RETRY),
        "paid",
        case(attempts=(attempt(state=SUCCEEDED),)),
        paid_invoice(),
    ),
    Row(
        "by a new card",
        recovered(RecoveredBy.NEW_CARD),
        "paid",
        case(attempts=(attempt(f"new card {NEW_CARD}", SUCCEEDED),)),
        paid_invoice(),
    ),
    Row("by the customer", recovered(RecoveredBy.CUSTOMER), "paid", case(), paid_invoice()),
    Row(
        "by the customer after a decline of ours",
        recovered(RecoveredBy.CUSTOMER),
        "paid",
        case(attempts=(attempt(),)),
        paid_invoice(),
    ),
    Row(
        "outside Stripe, with no payment",
        recovered(RecoveredBy.OUT_OF_BAND),
        "paid",
        case(),
        paid_invoice(payment=None),
    ),
    Row(
        "outside Stripe, after a failed payment",
        recovered(RecoveredBy.OUT_OF_BAND),
        "paid",
        case(owner=RetriesBy.STRIPE),
        paid_invoice(payment=payment("requires_payment_method")),
    ),
    Row(
        "by Stripe's own retry",
        recovered(RecoveredBy.STRIPE),
        "paid",
        case(owner=RetriesBy.STRIPE),
        paid_invoice(),
    ),
    *(
        Row(
            f"while Stripe retries, and its event names {what}",
            recovered(by),
            "paid",
            case(owner=RetriesBy.STRIPE),
            paid_invoice(),
            around(tries=(tries.paid(NOW, charge_id="ch_1", **told),)),
        )
        for what, told, by in (
            ("no request", {"made_by": MadeBy.STRIPE}, RecoveredBy.STRIPE),
            ("nobody", {"made_by": MadeBy.CUSTOMER}, RecoveredBy.STRIPE),
            ("a request", {"made_by": MadeBy.CUSTOMER, "asked_for": True}, RecoveredBy.CUSTOMER),
        )
    ),
    Row(
        "after our cancel: late",
        recovered(RecoveredBy.CUSTOMER, outcome=Outcome.RECOVERED_LATE),
        "paid",
        case(attempts=(attempt("ending: cancel", SUCCEEDED, CANCEL),)),
        paid_invoice(subscription=OVER),
    ),
    Row(
        "after our cancel of the leading case: late",
        recovered(RecoveredBy.CUSTOMER, outcome=Outcome.RECOVERED_LATE),
        "paid",
        case(),
        paid_invoice(subscription=OVER),
        around(ended_by_us=True),
    ),
    Row(
        "after our cancel for the period's end, which staff undid: in time",
        recovered(RecoveredBy.CUSTOMER),
        "paid",
        case(attempts=(attempt("ending: cancel", SUCCEEDED, CANCEL),)),
        paid_invoice(),
        around(ended_by_us=True),
    ),
    Row(
        "by the customer, long after a payment by our retry was returned",
        recovered(RecoveredBy.CUSTOMER),
        "paid",
        case(attempts=(attempt(state=SUCCEEDED),)),
        paid_invoice(payment=PaymentReading("pi_1", "succeeded", "ch_2", NEW_CARD)),
    ),
    Row(
        "outside Stripe, though a charge of ours once went through",
        recovered(RecoveredBy.OUT_OF_BAND),
        "paid",
        case(attempts=(attempt(state=SUCCEEDED),)),
        paid_invoice(payment=payment("requires_payment_method")),
    ),
    Row(
        "while in review",
        recovered(RecoveredBy.CUSTOMER),
        "paid",
        case(state=CaseState.IN_REVIEW),
        paid_invoice(),
    ),
    Row(
        "while held for a dispute",
        recovered(RecoveredBy.CUSTOMER),
        "paid",
        case(state=CaseState.HELD),
        paid_invoice(),
        around(dispute_open=True),
    ),
    *(
        Row(
            f"and the customer had a letter that is {state.value}",
            recovered(RecoveredBy.CUSTOMER, letter="payment_recovered" if told else ""),
            "paid",
            case(letters=(letter(state=state),)),
            paid_invoice(),
        )
        for state, told in (
            (LetterState.SENT, True),
            (LetterState.SENDING, True),
            (LetterState.UNKNOWN, True),
            (LetterState.QUEUED, False),
            (LetterState.REFUSED, False),
            (LetterState.SUPPRESSED, False),
        )
    ),
]


RETURNED = around(payment_returned=True)
NOT_RECOVERED = [
    Row("credited in full: no money came",
        Close(Outcome.VOIDED, "the invoice was credited in full"), "credited",
        invoice=paid_invoice(amount_due_minor=0, amount_paid_minor=0)),
    Row("returned before the case was closed: a person collects it",
        Review("the payment was returned; Stripe still shows the invoice as paid"),
        "returned_after_paid", invoice=paid_invoice(), around=RETURNED,
        next_at=NOW + timedelta(days=1)),
    Row("returned, and with a person already", Wait(), "in_review",
        case(state=CaseState.IN_REVIEW, reason="returned"), paid_invoice(), RETURNED,
        NOW + timedelta(days=1)),
    Row("returned, and who has it closes it",
        Close(Outcome.CLOSED_BY_HAND, "jo closed it: paid by transfer"), "closed_by_hand",
        case(state=CaseState.IN_REVIEW, reason="returned"), paid_invoice(),
        replace(RETURNED, close_request=CloseRequest("jo", "paid by transfer"))),
]  # fmt: skip


def closed(outcome: Outcome, **changes: Any) -> Case:
    """Return a case that was closed an hour ago."""
    changes = {"closed_at": NOW - timedelta(hours=1), **changes}
    return case(state=CaseState.CLOSED, outcome=outcome, **changes)


LATE = Close(Outcome.RECOVERED_LATE, "paid after the end", RecoveredBy.CUSTOMER)
CLOSED = [
    Row("recovered, and still paid", Wait(), "closed", closed(Outcome.RECOVERED), paid_invoice()),
    *(
        Row(f"{outcome.value}, and the payment was returned", Reopen("the payment was returned"),
            "payment_returned", closed(outcome), invoice(), next_at=NOW)
        for outcome in (Outcome.RECOVERED, Outcome.RECOVERED_LATE)
    ),
    *(
        Row(f"{outcome.value}, returned while Stripe shows it paid",
            Reopen("the payment was returned"), "payment_returned", closed(outcome),
            paid_invoice(), RETURNED, NOW)
        for outcome in (Outcome.RECOVERED, Outcome.RECOVERED_LATE)
    ),
    Row("ended, and an older payment was returned", Wait(), "closed", closed(Outcome.ENDED),
        invoice(), RETURNED),
    Row("closed by hand, as the payment was returned", Wait(), "closed",
        closed(Outcome.CLOSED_BY_HAND), paid_invoice(), RETURNED),
    Row("recovered, open again with nothing owed", Wait(), "closed", closed(Outcome.RECOVERED),
        invoice(amount_remaining_minor=0)),
    *(
        Row(f"{outcome.value}, then paid", LATE, "paid_late", closed(outcome), paid_invoice())
        for outcome in (Outcome.ENDED, Outcome.CUSTOMER_CANCELLED, Outcome.WRITTEN_OFF)
    ),
    *(
        Row(f"{outcome.value}, credited in full: no money came", Wait(), "closed", closed(outcome),
            paid_invoice(amount_due_minor=0, amount_paid_minor=0))
        for outcome in (Outcome.VOIDED, Outcome.ENDED, Outcome.CUSTOMER_CANCELLED)
    ),
    Row("ended, paid on the 30th day", LATE, "paid_late",
        closed(Outcome.ENDED, closed_at=NOW - timedelta(days=30)), paid_invoice()),
    Row("ended, paid after the 30th day", Wait(), "closed",
        closed(Outcome.ENDED, closed_at=NOW - timedelta(days=30, seconds=1)), paid_invoice()),
    Row("ended, still unpaid, with everything due", Wait(), "closed", closed(Outcome.ENDED)),
    Row("cancelled for a day to come, and undone while the invoice is open",
        Reopen("the cancel was undone", goes_on=True), "cancel_undone",
        closed(Outcome.CUSTOMER_CANCELLED), next_at=NOW),
    *(
        Row(f"cancelled, and {name}", Wait(), "closed", closed(Outcome.CUSTOMER_CANCELLED), shown)
        for name, shown in (
            ("it still is", invoice(subscription=subscription(cancel_at_period_end=True))),
            ("it will be on a day", invoice(subscription=subscription(cancel_at=NOW))),
            ("it is over", invoice(subscription=OVER)),
            ("undone, with nothing owed", invoice(amount_remaining_minor=0)),
            ("the customer is gone", invoice(customer=CustomerReading("cus_1", deleted=True))),
            ("no subscription is shown", invoice(subscription=None)),
        )
    ),
    Row("ended by us and undone by staff: their decision", Wait(), "closed",
        closed(Outcome.ENDED, attempts=(attempt("ending: cancel", SUCCEEDED, CANCEL),))),
    Row("ended, an attempt left open", Wait(), "closed",
        closed(Outcome.ENDED, attempts=(attempt(state=SENDING),))),
]  # fmt: skip


@pytest.mark.parametrize(
    "row", [pytest.param(row, id=row.name) for row in (*PAID, *NOT_RECOVERED, *CLOSED)]
)
def test_paid(row: Row) -> None:
    decided = decision(NOW, row.case, row.invoice, row.around)
    assert (decided.act, decided.rule, decided.next_at) == (row.act, row.rule, row.next_at)


def test_a_letter_is_promised_only_once_the_first_went_out() -> None:
    late = case(attempts=(attempt("try 1", SUCCEEDED),), letters=(letter(),))
    act = decision(NOW, late, paid_invoice()).act
    assert isinstance(act, Close)
    assert act.letter == "payment_recovered"
