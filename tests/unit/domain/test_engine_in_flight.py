"""An attempt whose outcome is open: settled by what Stripe shows, asked again, or left alone."""

from dataclasses import replace
from datetime import timedelta

import pytest

from tests.unit.domain.building import (
    ALL_DONE,
    Row,
    after,
    around,
    attempt,
    case,
    decision,
    done_until,
    invoice,
    paid_invoice,
    payment,
    subscription,
)
from worker.domain.case import Attempt, AttemptKind, AttemptState, CaseState, Surroundings
from worker.domain.decisions import Resend, Review, SettleAttempt, Wait
from worker.domain.readings import CustomerReading

NOW = after(days=1, hours=2)
"""`try 1` is overdue: without the attempt in flight, the engine charges."""

CANCEL, PERIOD_END = AttemptKind.CANCEL, AttemptKind.CANCEL_AT_PERIOD_END
SENDING, PROCESSING = AttemptState.SENDING, AttemptState.PROCESSING

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
            ("a second payment is processing", invoice(other_payment_under_way=True), around()),
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


@pytest.mark.parametrize(
    "row", [pytest.param(row, id=row.name) for row in (*IN_FLIGHT, *NEVER_ASKED_AGAIN)]
)
def test_in_flight(row: Row) -> None:
    decided = decision(NOW, row.case, row.invoice, row.around)
    assert (decided.act, decided.rule, decided.next_at) == (row.act, row.rule, row.next_at)


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
