"""An attempt whose outcome is open: settled by what Stripe shows, asked again, or left alone."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from tests.unit.domain import network_tries_building as network_tries
from tests.unit.domain.building import (
    ALL_DONE,
    NEW_CARD,
    OLD_CARD,
    Row,
    after,
    around,
    attempt,
    case,
    decision,
    done_until,
    failure,
    invoice,
    paid_invoice,
    payment,
    subscription,
)
from worker.domain.case import (
    Attempt,
    AttemptKind,
    AttemptState,
    CaseState,
    CloseRequest,
    Failure,
    Surroundings,
)
from worker.domain.decisions import Act, Resend, Review, SettleAttempt, Wait
from worker.domain.network_tries import MadeBy
from worker.domain.readings import CustomerReading, PaymentReading

NOW = after(days=1, hours=2)
"""`try 1` is overdue: without the attempt in flight, the engine charges."""

CANCEL, PERIOD_END = AttemptKind.CANCEL, AttemptKind.CANCEL_AT_PERIOD_END
SENDING, PROCESSING = AttemptState.SENDING, AttemptState.PROCESSING
SUCCEEDED, DECLINED = AttemptState.SUCCEEDED, AttemptState.DECLINED
ABANDONED = AttemptState.ABANDONED

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
    Row("a charge went through", SettleAttempt(1, SUCCEEDED), "attempt_settled", SENT_OURS,
        paid_invoice(), next_at=NOW),
    Row("a charge met a void", SettleAttempt(1, ABANDONED), "attempt_settled", SENT_OURS,
        invoice(status="void"), next_at=NOW),
    Row("a charge met a write-off", SettleAttempt(1, ABANDONED), "attempt_settled",
        SENT_OURS, invoice(status="uncollectible"), next_at=NOW),
    Row("unknown for a minute", Resend(1), "outcome_unknown", SENT_OURS, around=aged(minutes=1)),
    Row("unknown for almost 23 hours", Resend(1), "outcome_unknown", SENT_OURS,
        around=aged(hours=22, minutes=59)),
    Row("unknown for 23 hours", Review("try 1: no answer from Stripe for 23 hours"),
        "outcome_lost", SENT_OURS, around=aged(hours=23), next_at=NOW + timedelta(hours=1)),
    Row("unknown for 24 hours and in review already", Wait(), "in_review",
        replace(SENT_OURS, state=CaseState.IN_REVIEW), around=aged(hours=24),
        next_at=NOW + timedelta(hours=1)),
    Row("unknown for 30 hours, in which nobody read: the first clean read is not enough",
        Review("try 1: no answer from Stripe for 23 hours"), "outcome_lost",
        SENT_OURS, around=aged(hours=30), next_at=NOW + timedelta(hours=1)),
    Row("unknown for 25 hours", SettleAttempt(1, ABANDONED), "review_exit",
        replace(SENT_OURS, state=CaseState.IN_REVIEW), around=aged(hours=25), next_at=NOW),
    Row("unknown for 25 hours, and a debit is being processed: its outcome comes first",
        Wait(), "in_review", replace(SENT_OURS, state=CaseState.IN_REVIEW),
        invoice(payment=payment("processing")), aged(hours=25), NOW + timedelta(hours=1)),
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
    Row("a debit is under way beside another payment, which failed", Wait(), "debit_under_way",
        DEBIT, invoice(other_payment_under_way=True), next_at=NOW + timedelta(days=1)),
    Row("a debit was paid, while another payment is under way", SettleAttempt(1, SUCCEEDED),
        "attempt_settled", DEBIT, paid_invoice(other_payment_under_way=True), next_at=NOW),
    Row("a debit was returned", SettleAttempt(1, DECLINED), "attempt_settled", DEBIT,
        next_at=NOW),
    Row("a debit was paid", SettleAttempt(1, SUCCEEDED), "attempt_settled", DEBIT,
        paid_invoice(), next_at=NOW),
    Row("a cancel worked", SettleAttempt(1, SUCCEEDED), "attempt_settled", CANCELLING,
        invoice(subscription=OVER), next_at=NOW),
    Row("a cancel worked: Stripe shows no subscription", SettleAttempt(1, SUCCEEDED),
        "attempt_settled", CANCELLING, invoice(subscription=None), next_at=NOW),
    Row("a cancel at the period's end worked", SettleAttempt(1, SUCCEEDED),
        "attempt_settled", AT_PERIOD_END,
        invoice(subscription=subscription(cancel_at_period_end=True)), next_at=NOW),
    Row("the customer pays while a cancel is unknown", SettleAttempt(1, ABANDONED),
        "attempt_settled", CANCELLING, paid_invoice(), next_at=NOW),
    Row("the customer pays and the cancel had worked", SettleAttempt(1, SUCCEEDED),
        "attempt_settled", CANCELLING, paid_invoice(subscription=OVER), next_at=NOW),
    Row("a void worked", SettleAttempt(1, SUCCEEDED), "attempt_settled", VOIDING,
        invoice(status="void"), next_at=NOW),
    Row("a void met a payment", SettleAttempt(1, ABANDONED), "attempt_settled", VOIDING,
        paid_invoice(), next_at=NOW),
    Row("a write-off worked", SettleAttempt(1, SUCCEEDED), "attempt_settled", MARKING,
        invoice(status="uncollectible"), next_at=NOW),
    Row("a write-off met a void", SettleAttempt(1, ABANDONED), "attempt_settled", MARKING,
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
            ("we ended the subscription", invoice(subscription=OVER), around(ended_by_us=True)),
            ("a dispute is open", invoice(), around(dispute_open=True)),
            ("collection is paused",
             invoice(subscription=subscription(collection_paused=True)), around()),
            ("a second payment is processing", invoice(other_payment_under_way=True), around()),
            ("everything was credited", invoice(amount_remaining_minor=0), around()),
        )
    ),
    Row("an unknown charge and a cancel, 24 hours later", Wait(), REST, SENT_OURS,
        invoice(subscription=OVER), aged(hours=24), NOW + timedelta(hours=1)),
    Row("an unknown charge and a cancel, 25 hours later", SettleAttempt(1, ABANDONED),
        "review_exit", SENT_OURS, invoice(subscription=OVER), aged(hours=25), NOW),
    Row("an unknown charge and a cancel, but it had gone through",
        SettleAttempt(1, SUCCEEDED), "attempt_settled", SENT_OURS,
        paid_invoice(subscription=OVER), next_at=NOW),
]  # fmt: skip


@pytest.mark.parametrize(
    "row", [pytest.param(row, id=row.name) for row in (*IN_FLIGHT, *NEVER_ASKED_AGAIN)]
)
def test_in_flight(row: Row) -> None:
    decided = decision(NOW, row.case, row.invoice, row.around)
    assert (decided.act, decided.rule, decided.next_at) == (row.act, row.rule, row.next_at)


PAID_BY_CH_9 = PaymentReading("pi_1", "succeeded", "ch_9", OLD_CARD)
FAILED_AT_CH_9 = PaymentReading(
    "pi_1", "requires_payment_method", "ch_9", OLD_CARD, signals=network_tries.NO_MONEY
)


def told(made_by: MadeBy, **changes: Any) -> Surroundings:
    """Return surroundings in which an event told whose charge `ch_9` was."""
    found = network_tries.tried(after(days=1), made_by=made_by, charge_id="ch_9", debt="pi_1")
    return around(tries=(found,), **changes)


@pytest.mark.parametrize(
    ("by", "near", "expected"),
    [
        (PAID_BY_CH_9, around(), SUCCEEDED),
        (PAID_BY_CH_9, told(MadeBy.WORKER), SUCCEEDED),
        (PAID_BY_CH_9, told(MadeBy.CUSTOMER), ABANDONED),
        (PAID_BY_CH_9, told(MadeBy.STRIPE), ABANDONED),
        (replace(PAID_BY_CH_9, payment_method_id=NEW_CARD), around(), ABANDONED),
        (replace(PAID_BY_CH_9, payment_method_id=NEW_CARD), told(MadeBy.WORKER), SUCCEEDED),
        (payment("requires_payment_method"), around(), ABANDONED),
        (None, around(), ABANDONED),
    ],
    ids=[
        *("same card", "told ours", "told the customer's", "told Stripe's", "another card"),
        *("told ours on another card", "outside Stripe", "outside Stripe without a payment"),
    ],
)
def test_an_unknown_charge_and_a_paid_invoice_are_compared(
    by: PaymentReading | None, near: Surroundings, expected: AttemptState
) -> None:
    """Who paid by hand in the minute of a lost request is not counted as recovered by a retry."""
    settled = decision(NOW, SENT_OURS, paid_invoice(payment=by), near)
    assert settled.act == SettleAttempt(1, expected)


def test_a_debit_under_way_and_paid_otherwise_is_still_under_way() -> None:
    both = decision(NOW, DEBIT, paid_invoice(payment=payment("processing")))
    assert (both.act, both.rule) == (Wait(), "debit_under_way")
    returned = paid_invoice(payment=payment("requires_payment_method"))
    assert decision(NOW, DEBIT, returned).act == SettleAttempt(1, DECLINED)


DECLINE_OF_OURS = failure(charge_id="ch_9", failed_at=after(days=1, seconds=1))


@pytest.mark.parametrize(("hours", "act"), [(24, Wait()), (25, SettleAttempt(3, ABANDONED))])
def test_a_person_gives_a_charge_up_whose_answer_is_lost_for_the_third_time(
    hours: int, act: Act
) -> None:
    """Twice it leaves the review by itself; then a person has it, and may close it."""
    before = tuple(attempt(f"try {no}", ABANDONED, no=no) for no in (1, 2))
    sent = (*before, attempt("try 3", SENDING, no=3))
    found = case(attempts=sent, state=CaseState.IN_REVIEW, reason="try 3: no answer from Stripe")
    near = aged(hours=hours)
    assert decision(NOW, found, None, near).act == Wait()
    wish = replace(near, close_request=CloseRequest("jo", "an error of ours"))
    assert decision(NOW, found, None, wish).act == act


@pytest.mark.parametrize("hours", [23, 24, 25, 60])
@pytest.mark.parametrize("state", [CaseState.OPEN, CaseState.IN_REVIEW])
def test_a_decline_of_ours_is_found_on_the_invoice(hours: int, state: CaseState) -> None:
    """Its answer was lost: the step is done, not to be tried a second time."""
    sent = replace(SENT_OURS, failure=DECLINE_OF_OURS, state=state)
    for near in (around(), told(MadeBy.WORKER)):
        aged_so = replace(near, key_age=timedelta(hours=hours))
        settled = decision(NOW, sent, invoice(payment=FAILED_AT_CH_9), aged_so)
        assert settled.act == SettleAttempt(1, DECLINED)


@pytest.mark.parametrize(
    ("known", "near"),
    [
        (DECLINE_OF_OURS, told(MadeBy.CUSTOMER)),
        (replace(DECLINE_OF_OURS, payment_method_id=NEW_CARD), around()),
        (replace(DECLINE_OF_OURS, failed_at=after(hours=22)), around()),
        (replace(DECLINE_OF_OURS, charge_id="ch_1"), around()),
        (replace(DECLINE_OF_OURS, charge_id=""), around()),
    ],
    ids=["the customer's", "another card", "before ours", "another charge", "no charge"],
)
def test_a_decline_of_somebody_elses_is_not_ours(known: Failure, near: Surroundings) -> None:
    sent = replace(SENT_OURS, failure=known)
    aged_so = replace(near, key_age=timedelta(hours=25))
    seen = replace(sent, state=CaseState.IN_REVIEW)
    exits = decision(NOW, seen, invoice(payment=FAILED_AT_CH_9), aged_so)
    assert (exits.act, exits.rule) == (SettleAttempt(1, ABANDONED), "review_exit")


@pytest.mark.parametrize("state", [CaseState.OPEN, CaseState.IN_REVIEW])
@pytest.mark.parametrize("hours", [0, 1, 24, 60])
def test_an_event_under_its_key_settles_a_decline_at_once(hours: int, state: CaseState) -> None:
    """However old the key is, and also where asking again is forbidden."""
    flying = replace(SENT_OURS, failure=DECLINE_OF_OURS, state=state)
    (sent,) = flying.attempts
    for also in ({}, {"dispute_open": True}):
        near = told(MadeBy.WORKER, key_age=timedelta(hours=hours), **also)
        named = replace(near, tries=(replace(near.tries[0], key=sent.key),))
        settled = decision(NOW, flying, invoice(payment=FAILED_AT_CH_9), named)
        assert settled.act == SettleAttempt(1, DECLINED, "ch_9")


def test_the_decline_of_an_earlier_attempt_is_never_taken_for_a_later_ones() -> None:
    """Not even by its time: the answer of number 1 came after number 2 was sent."""
    later = attempt("try 2", SENDING, no=2)
    both = case(attempts=(attempt(), later), failure=DECLINE_OF_OURS)
    near = told(MadeBy.WORKER, key_age=timedelta(hours=23))
    named = replace(near, tries=(replace(near.tries[0], key=attempt().key),))
    assert decision(NOW, both, invoice(payment=FAILED_AT_CH_9), named).rule == "outcome_lost"
    unnamed = decision(NOW, both, invoice(payment=FAILED_AT_CH_9), near)
    assert unnamed.act == SettleAttempt(2, DECLINED), "what the event's key rules out"


def test_while_the_key_is_fresh_the_request_itself_tells_of_its_decline() -> None:
    sent = replace(SENT_OURS, failure=DECLINE_OF_OURS)
    again = decision(NOW, sent, invoice(payment=FAILED_AT_CH_9), aged(hours=1))
    assert again.act == Resend(1)


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
