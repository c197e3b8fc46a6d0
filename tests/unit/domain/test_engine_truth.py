"""What Stripe shows outranks every plan: one row per truth, each at a time when a charge is due."""

from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any

import pytest

from tests.unit.domain.building import (
    ALL_DONE,
    NEW_CARD,
    T0,
    after,
    around,
    attempt,
    case,
    decision,
    done_until,
    final_letter,
    invoice,
    letter,
    paid_invoice,
    payment,
    subscription,
)
from worker.domain.case import (
    Attempt,
    AttemptKind,
    AttemptState,
    Case,
    CaseState,
    LetterState,
    Outcome,
    RecoveredBy,
    Surroundings,
)
from worker.domain.decisions import (
    Act,
    Charge,
    Close,
    End,
    Hold,
    Release,
    Reopen,
    Resend,
    Review,
    SettleAttempt,
    Wait,
)
from worker.domain.policy import RetriesBy
from worker.domain.readings import CustomerReading, InvoiceReading

NOW = after(days=1, hours=2)
"""`try 1` is overdue: without the truth, the engine charges."""

CANCEL, PERIOD_END = AttemptKind.CANCEL, AttemptKind.CANCEL_AT_PERIOD_END
SENDING, PROCESSING = AttemptState.SENDING, AttemptState.PROCESSING
SUCCEEDED, ABANDONED = AttemptState.SUCCEEDED, AttemptState.ABANDONED


@dataclass(frozen=True)
class Row:
    """One truth and what follows from it."""

    name: str
    act: Act
    rule: str
    case: Case = field(default_factory=case)
    invoice: InvoiceReading = field(default_factory=invoice)
    around: Surroundings = field(default_factory=around)
    next_at: datetime | None = None


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
    Row(
        "after our cancel: late",
        recovered(RecoveredBy.CUSTOMER, outcome=Outcome.RECOVERED_LATE),
        "paid",
        case(attempts=(attempt("ending: cancel", SUCCEEDED, CANCEL),)),
        paid_invoice(),
    ),
    Row(
        "after our cancel of the leading case: late",
        recovered(RecoveredBy.CUSTOMER, outcome=Outcome.RECOVERED_LATE),
        "paid",
        case(),
        paid_invoice(),
        around(ended_by_us=True),
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
            (LetterState.UNKNOWN, True),
            (LetterState.QUEUED, False),
            (LetterState.REFUSED, False),
            (LetterState.SUPPRESSED, False),
        )
    ),
]

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


DURING = "the customer cancelled during dunning"
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
    Row(
        "at the period's end, asked for before the failure: goes on",
        Charge("try 1", "pm_old"),
        "charge_due",
        invoice=invoice(
            subscription=subscription(
                cancel_at_period_end=True, canceled_at=T0 - timedelta(seconds=1)
            )
        ),
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

SENT_OURS = case(attempts=(attempt(state=SENDING),))
DEBIT = case(attempts=(attempt(state=PROCESSING),))
CANCELLING = case(attempts=(attempt("ending: cancel", SENDING, CANCEL),))
AT_PERIOD_END = case(attempts=(attempt("ending: period", SENDING, PERIOD_END),))
VOIDING = case(attempts=(attempt("ending: void", SENDING, AttemptKind.VOID),))
MARKING = case(attempts=(attempt("ending: mark", SENDING, AttemptKind.UNCOLLECTIBLE),))
OVER = subscription(status="canceled")


def aged(**age: float) -> Surroundings:
    """Return surroundings in which the attempt in flight was first sent so long ago."""
    return around(key_age=timedelta(**age))


IN_FLIGHT = [
    Row("a charge went through", SettleAttempt(1, succeeded=True), "attempt_settled", SENT_OURS,
        paid_invoice(), next_at=NOW),
    Row("a charge met a void", SettleAttempt(1, succeeded=False), "attempt_settled", SENT_OURS,
        invoice(status="void"), next_at=NOW),
    Row("a charge met a write-off", SettleAttempt(1, succeeded=False), "attempt_settled",
        SENT_OURS, invoice(status="uncollectible"), next_at=NOW),
    Row("unknown for a minute", Resend(1), "outcome_unknown", SENT_OURS, around=aged(minutes=1)),
    Row("unknown for almost 23 hours", Resend(1), "outcome_unknown", SENT_OURS,
        around=aged(hours=22, minutes=59)),
    Row("unknown for 23 hours", Review("try 1: no answer from Stripe for 23 hours"),
        "outcome_lost", SENT_OURS, around=aged(hours=23), next_at=NOW + timedelta(hours=1)),
    Row("unknown for 24 hours and in review already", Wait(), "in_review",
        replace(SENT_OURS, state=CaseState.IN_REVIEW), around=aged(hours=24),
        next_at=NOW + timedelta(hours=1)),
    Row("unknown for 25 hours", SettleAttempt(1, succeeded=False), "review_exit",
        replace(SENT_OURS, state=CaseState.IN_REVIEW), around=aged(hours=25), next_at=NOW),
    Row("in review, but the key is fresh", Resend(1), "outcome_unknown",
        replace(SENT_OURS, state=CaseState.IN_REVIEW), around=aged(hours=1)),
    Row("a debit is under way", Wait(), "debit_under_way", DEBIT,
        invoice(payment=payment("processing")), next_at=NOW + timedelta(days=1)),
    Row("a debit is under way for days", Wait(), "debit_under_way", DEBIT,
        invoice(payment=payment("processing")), aged(days=5), NOW + timedelta(days=1)),
    Row("a debit succeeded, the invoice does not show it yet", Wait(), "debit_under_way", DEBIT,
        invoice(payment=payment("succeeded")), next_at=NOW + timedelta(days=1)),
    Row("a debit is under way and the subscription was cancelled: its outcome comes first",
        Wait(), "debit_under_way", DEBIT,
        invoice(payment=payment("processing"), subscription=OVER),
        next_at=NOW + timedelta(days=1)),
    Row("a debit was returned", SettleAttempt(1, succeeded=False), "attempt_settled", DEBIT,
        next_at=NOW),
    Row("a debit was paid", SettleAttempt(1, succeeded=True), "attempt_settled", DEBIT,
        paid_invoice(), next_at=NOW),
    Row("a cancel worked", SettleAttempt(1, succeeded=True), "attempt_settled", CANCELLING,
        invoice(subscription=OVER), next_at=NOW),
    Row("a cancel worked: Stripe shows no subscription", SettleAttempt(1, succeeded=True),
        "attempt_settled", CANCELLING, invoice(subscription=None), next_at=NOW),
    Row("a cancel is unknown", Resend(1), "outcome_unknown", CANCELLING),
    Row("a cancel is unknown for 25 hours",
        Review("ending: cancel: no answer from Stripe for 23 hours"), "outcome_lost", CANCELLING,
        around=aged(hours=25), next_at=NOW + timedelta(hours=1)),
    Row("a cancel at the period's end worked", SettleAttempt(1, succeeded=True),
        "attempt_settled", AT_PERIOD_END,
        invoice(subscription=subscription(cancel_at_period_end=True)), next_at=NOW),
    Row("a cancel at the period's end is unknown", Resend(1), "outcome_unknown", AT_PERIOD_END),
    Row("the customer pays while a cancel is unknown", SettleAttempt(1, succeeded=False),
        "attempt_settled", CANCELLING, paid_invoice(), next_at=NOW),
    Row("the customer pays and the cancel had worked", SettleAttempt(1, succeeded=True),
        "attempt_settled", CANCELLING, paid_invoice(subscription=OVER), next_at=NOW),
    Row("a void worked", SettleAttempt(1, succeeded=True), "attempt_settled", VOIDING,
        invoice(status="void"), next_at=NOW),
    Row("a void met a payment", SettleAttempt(1, succeeded=False), "attempt_settled", VOIDING,
        paid_invoice(), next_at=NOW),
    Row("a void is unknown", Resend(1), "outcome_unknown", VOIDING),
    Row("a write-off worked", SettleAttempt(1, succeeded=True), "attempt_settled", MARKING,
        invoice(status="uncollectible"), next_at=NOW),
    Row("a write-off met a void", SettleAttempt(1, succeeded=False), "attempt_settled", MARKING,
        invoice(status="void"), next_at=NOW),
]  # fmt: skip

REST = "outcome_unknown_at_rest"
NEVER_ASKED_AGAIN = [
    *(
        Row(f"an unknown charge, {name}", Wait(), REST, SENT_OURS, shown,
            replace(near, key_age=timedelta(hours=1)), NOW + timedelta(hours=1))
        for name, shown, near in (
            ("the subscription was cancelled", invoice(subscription=OVER), around()),
            ("the customer asked to cancel", invoice(subscription=subscription(
                cancel_at_period_end=True, canceled_at=after(hours=3))), around()),
            ("the customer was deleted",
             invoice(customer=CustomerReading("cus_1", deleted=True)), around()),
            ("we ended the subscription", invoice(), around(ended_by_us=True)),
            ("a dispute is open", invoice(), around(dispute_open=True)),
            ("collection is paused",
             invoice(subscription=subscription(collection_paused=True)), around()),
            ("everything was credited", invoice(amount_remaining_minor=0), around()),
        )
    ),
    Row("an unknown cancel, a dispute is open", Wait(), REST, CANCELLING,
        around=around(dispute_open=True), next_at=NOW + timedelta(hours=1)),
    Row("an unknown charge and a cancel, 24 hours later", Wait(), REST, SENT_OURS,
        invoice(subscription=OVER), aged(hours=24), NOW + timedelta(hours=1)),
    Row("an unknown charge and a cancel, 25 hours later", SettleAttempt(1, succeeded=False),
        "review_exit", SENT_OURS, invoice(subscription=OVER), aged(hours=25), NOW),
    Row("an unknown charge and a cancel, but it had gone through",
        SettleAttempt(1, succeeded=True), "attempt_settled", SENT_OURS,
        paid_invoice(subscription=OVER), next_at=NOW),
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
    Row("recovered, open again with nothing owed", Wait(), "closed", closed(Outcome.RECOVERED),
        invoice(amount_remaining_minor=0)),
    *(
        Row(f"{outcome.value}, then paid", LATE, "paid_late", closed(outcome), paid_invoice())
        for outcome in (Outcome.ENDED, Outcome.CUSTOMER_CANCELLED, Outcome.WRITTEN_OFF)
    ),
    Row("ended, paid on the 30th day", LATE, "paid_late",
        closed(Outcome.ENDED, closed_at=NOW - timedelta(days=30)), paid_invoice()),
    Row("ended, paid after the 30th day", Wait(), "closed",
        closed(Outcome.ENDED, closed_at=NOW - timedelta(days=30, seconds=1)), paid_invoice()),
    Row("ended, still unpaid, with everything due", Wait(), "closed", closed(Outcome.ENDED)),
    Row("ended, an attempt left open", Wait(), "closed",
        closed(Outcome.ENDED, attempts=(attempt(state=SENDING),))),
]  # fmt: skip


@pytest.mark.parametrize(
    "row",
    [
        pytest.param(row, id=f"{group}: {row.name}")
        for group, rows in (
            ("paid", PAID),
            ("given up", GIVEN_UP),
            ("cancelled", CANCELLED),
            ("stands still", STANDING_STILL),
            ("in flight", IN_FLIGHT),
            ("never asked again", NEVER_ASKED_AGAIN),
            ("closed", CLOSED),
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


def test_stripe_seen_scheduling_is_remembered_whatever_is_decided() -> None:
    scheduled = invoice(next_payment_attempt_at=after(days=3), payment=payment("processing"))
    seen = decision(NOW, case(owner=None), scheduled)
    assert (seen.rule, seen.owner) == ("payment_processing", RetriesBy.STRIPE)
    assert decision(NOW, case(owner=RetriesBy.STRIPE), scheduled).owner is None


def test_a_letter_is_promised_only_once_the_first_went_out() -> None:
    late = case(attempts=(attempt("try 1", SUCCEEDED),), letters=(letter(),))
    act = decision(NOW, late, paid_invoice()).act
    assert isinstance(act, Close)
    assert act.letter == "payment_recovered"


def one_in_flight(kind: AttemptKind) -> Attempt:
    """Return an attempt of *kind* whose outcome is unknown."""
    return attempt("x", SENDING, kind)


@pytest.mark.parametrize("kind", list(AttemptKind))
def test_nothing_new_starts_beside_an_attempt_in_flight(kind: AttemptKind) -> None:
    busy = case(attempts=(one_in_flight(kind),), steps=done_until(ALL_DONE))
    for now in (NOW, after(days=5), after(days=15)):
        for near in (around(), aged(hours=23), aged(hours=30), around(dispute_open=True)):
            act = decision(now, busy, the_surroundings=near).act
            assert isinstance(act, Resend | SettleAttempt | Wait | Review)
