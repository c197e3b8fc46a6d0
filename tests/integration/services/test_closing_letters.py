"""A letter that tells how a case came out is true when it goes out, not only when it is queued."""

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest

from tests.integration.services.bench import Bench
from tests.integration.store.building import DAY, MINUTE, NOW
from worker.domain.case import Attempt, AttemptKind, AttemptState, LetterState, Outcome
from worker.domain.identifiers import idempotency_key
from worker.domain.money import Money
from worker.domain.notices import LetterContent
from worker.domain.readings import Answer, AnswerKind, PaymentReading
from worker.ports import RenderedNotice, SendOutcome, SendResult
from worker.services.ask_close import ask_close

MAY_BE_UNDONE = [
    (AttemptKind.CANCEL_AT_PERIOD_END, {"cancel_at_period_end": True}),
    (AttemptKind.PAUSE, {"status": "paused"}),
    (AttemptKind.HOLD_INVOICES, {"collection_paused": True, "pause_behavior": "keep_as_draft"}),
]
"""Endings after which the subscription may be taken up again, as it shows them."""


def shown(bench: Bench, **changes: Any) -> None:
    """Let Stripe show the invoice otherwise."""
    bench.stripe.invoices["in_1"] = replace(bench.stripe.invoices["in_1"], **changes)


def shown_subscription(bench: Bench, **changes: Any) -> None:
    """Let Stripe show the invoice's subscription otherwise."""
    subscription = bench.stripe.invoices["in_1"].subscription
    assert subscription is not None
    shown(bench, subscription=replace(subscription, **changes))


def paid(bench: Bench) -> None:
    """Let the customer pay the invoice."""
    shown(
        bench,
        status="paid",
        amount_remaining_minor=0,
        amount_paid_minor=1200,
        paid_at=bench.clock.now,
        payment=PaymentReading("pi_1", "succeeded", "ch_9", "pm_1"),
    )


def letters(bench: Bench, case_id: int) -> dict[str, LetterState]:
    """Return the state of the case's letters by their steps."""
    return {each.step: each.state for each in bench.loaded(case_id).letters}


def went_through(
    bench: Bench, case_id: int, no: int, kind: AttemptKind, at: datetime = NOW - MINUTE
) -> None:
    """Let a request of the case's ending have gone through."""
    said = f"ending: {kind.value.replace('_', ' ')}"
    key = idempotency_key("in_1", no)
    about = (no, kind, said, key, AttemptState.SENDING, 1200, "eur", "", at, at)
    with bench.ledger.begin() as tx:
        case = tx.cases.load(case_id)
        assert case is not None
        tx.attempts.start(case, Attempt(*about), asked_at=at)
        tx.attempts.settle(case, no, AttemptState.SUCCEEDED, now=at)


def sent(bench: Bench) -> LetterContent:
    """Deliver the one letter that is due and return what it said."""
    written: list[LetterContent] = []
    render = bench.letters.render

    def keep(content: LetterContent) -> RenderedNotice:
        written.append(content)
        return render(content)

    bench.letters.render = keep  # type: ignore[method-assign]  # a fake
    (letter_id,) = bench.due()[1]
    assert bench.deliver(letter_id) == "sent"
    bench.letters.render = render  # type: ignore[method-assign]
    return written[-1]


def ended(bench: Bench, kind: AttemptKind, **subscription: Any) -> int:
    """Let a case of ours have ended, as *subscription* shows; its letter waits for the morning."""
    case_id = bench.case()
    shown_subscription(bench, **subscription)
    shown(bench, status="uncollectible")
    went_through(bench, case_id, 1, kind)
    went_through(bench, case_id, 2, AttemptKind.UNCOLLECTIBLE)
    assert bench.look(case_id) == "ended"
    assert letters(bench, case_id) == {"closing": LetterState.QUEUED}
    return case_id


def test_who_paid_overnight_does_not_read_that_nothing_came(bench: Bench) -> None:
    """The letter says that the payment could not be collected."""
    case_id = ended(bench, AttemptKind.CANCEL, status="canceled", canceled_at=NOW - MINUTE)
    (letter_id,) = bench.due()[1]
    paid(bench)
    assert bench.deliver(letter_id) == "suppressed"
    assert bench.letters.sent == []
    (fact,) = bench.facts("notice.suppressed")
    assert fact["reason"] == "the invoice was paid after the end"
    assert bench.due()[0] == [case_id], "its case does not know of the payment yet"
    assert bench.look(case_id) == "paid_late"


@pytest.mark.parametrize("amount_due_minor", [0, 1200], ids=["credited", "open"])
def test_who_did_not_pay_reads_that_it_ended(bench: Bench, amount_due_minor: int) -> None:
    """Credited in full, Stripe calls an invoice paid, but no money came."""
    ended(bench, AttemptKind.CANCEL, status="canceled", canceled_at=NOW - MINUTE)
    (letter_id,) = bench.due()[1]
    if not amount_due_minor:
        shown(bench, status="paid", amount_due_minor=0, amount_remaining_minor=0)
    assert bench.deliver(letter_id) == "sent"


@pytest.mark.parametrize(("kind", "as_ended"), MAY_BE_UNDONE)
def test_an_ending_that_was_undone_overnight_is_not_told(
    bench: Bench, kind: AttemptKind, as_ended: dict[str, Any]
) -> None:
    """Somebody called in the evening, and staff took the subscription up again."""
    before = bench.failed_invoice().subscription
    ended(bench, kind, **as_ended)
    (letter_id,) = bench.due()[1]
    shown(bench, subscription=before)
    assert bench.deliver(letter_id) == "suppressed"
    assert bench.letters.sent == []


def test_a_pause_that_became_a_cancel_is_not_told_as_a_pause(bench: Bench) -> None:
    """The letter says how the customer takes the subscription up again, which is over by now."""
    ended(bench, AttemptKind.PAUSE, status="paused")
    (letter_id,) = bench.due()[1]
    shown_subscription(bench, status="canceled", canceled_at=NOW)
    assert bench.deliver(letter_id) == "suppressed"


@pytest.mark.parametrize(("kind", "as_ended"), MAY_BE_UNDONE)
def test_an_ending_that_holds_is_told(
    bench: Bench, kind: AttemptKind, as_ended: dict[str, Any]
) -> None:
    """Nothing happened overnight."""
    ended(bench, kind, **as_ended)
    (letter_id,) = bench.due()[1]
    assert bench.deliver(letter_id) == "sent"


def paid_while_sending(
    bench: Bench, case_id: int, answer: SendOutcome
) -> Callable[..., SendResult]:
    """Return how a mail server sends while the customer pays, and answers so in the end."""

    def send(**_: Any) -> SendResult:
        paid(bench)
        bench.looks(case_id, "paid")
        return SendResult(answer, "")

    return send


def test_who_is_written_to_while_the_charge_is_prepared_is_told_that_it_went_through(
    bench: Bench,
) -> None:
    """The look that charges began before the letter went to the mail server."""
    case_id = bench.case(failed_ago=timedelta(hours=5))
    bench.looks(case_id, "letter_due")
    (letter_id,) = bench.due()[1]
    bench.clock.now += DAY
    bench.feed()

    def letter_goes_out() -> None:
        assert bench.deliver(letter_id) == "sent"

    bench.stripe.before_charge = letter_goes_out
    bench.stripe.answers = [Answer(AnswerKind.DONE, 200, charge_id="ch_2")]
    bench.looks(case_id, "charge_due")
    assert bench.loaded(case_id).outcome is Outcome.RECOVERED
    assert letters(bench, case_id)["closing"] is LetterState.QUEUED


@pytest.mark.parametrize("answer", [SendOutcome.SENT, SendOutcome.NOT_SENT])
def test_who_was_just_written_to_is_told_of_the_payment(bench: Bench, answer: SendOutcome) -> None:
    """Nobody knows during those seconds; who got no letter needs none about a payment either."""
    case_id, send = bench.case(failed_ago=timedelta(hours=5)), bench.letters.send
    bench.looks(case_id, "letter_due")
    (letter_id,) = bench.due()[1]
    bench.letters.send = paid_while_sending(  # type: ignore[method-assign]  # a fake
        bench, case_id, answer
    )
    bench.deliver(letter_id)
    bench.letters.send = send  # type: ignore[method-assign]
    bench.clock.now += 15 * MINUTE
    for each in bench.due()[1]:
        bench.deliver(each)
    first, closing = letters(bench, case_id).values()
    told = answer is SendOutcome.SENT
    assert first is (LetterState.SENT if told else LetterState.SUPPRESSED)
    assert closing is (LetterState.SENT if told else LetterState.SUPPRESSED)
    assert bench.broken_promises() == []


@pytest.mark.parametrize("status", ["void", "uncollectible", "open"])
def test_who_was_cancelled_by_us_is_told_though_people_close_the_case(
    bench: Bench, status: str
) -> None:
    """The rest of the ending stood still meanwhile: the letter names the day of the cancel."""
    case_id, cancelled_at = bench.case(), NOW - 3 * DAY
    went_through(bench, case_id, 1, AttemptKind.CANCEL, cancelled_at)
    shown_subscription(bench, status="canceled", canceled_at=cancelled_at)
    shown(bench, status=status)
    if status == "open":
        ask_close(case_id, ledger=bench.ledger, now=NOW, by="jo", reason="given up")
    assert bench.look(case_id) in {"voided", "written_off", "closed_by_hand"}
    told = sent(bench)
    assert (told.notice, told.ended_at) == ("subscription_ended", cancelled_at)


ENDS_AT = NOW + 10 * DAY
"""When the period ends that was paid for last."""
RAN_OUT_AT = NOW - timedelta(hours=1)


@pytest.mark.parametrize(
    ("as_shown", "ended_at", "runs_until"),
    [
        ({"cancel_at_period_end": True}, NOW - MINUTE, ENDS_AT),
        ({"cancel_at_period_end": True, "cancel_at": NOW + DAY}, NOW - MINUTE, NOW + DAY),
        ({"status": "canceled", "ended_at": RAN_OUT_AT}, RAN_OUT_AT, None),
    ],
    ids=["still runs", "by Stripe's own day of it", "over by now"],
)
def test_a_cancel_for_the_periods_end_is_told_with_the_day_of_that(
    bench: Bench, as_shown: dict[str, Any], ended_at: datetime, runs_until: datetime | None
) -> None:
    """The day of the request is still there, for a copy of the letter that names no other."""
    ended(bench, AttemptKind.CANCEL_AT_PERIOD_END, canceled_at=NOW - MINUTE, **as_shown)
    told = sent(bench)
    assert (told.ended_at, told.runs_until) == (ended_at, runs_until)


@pytest.mark.parametrize(("kind", "as_ended"), MAY_BE_UNDONE[1:])
def test_a_pause_is_told_with_its_own_day_whenever_the_subscription_ends(
    bench: Bench, kind: AttemptKind, as_ended: dict[str, Any]
) -> None:
    """As one of a fixed term does."""
    ended(bench, kind, cancel_at=ENDS_AT, **as_ended)
    told = sent(bench)
    assert (told.ended_at, told.runs_until) == (NOW - MINUTE, None)


@pytest.mark.parametrize("credited", [True, False])
def test_an_amount_that_was_credited_since_is_not_named(bench: Bench, credited: bool) -> None:
    """Nobody owes it any more, though it was not paid."""
    ended(bench, AttemptKind.CANCEL, status="canceled", canceled_at=NOW - MINUTE)
    if credited:
        shown(bench, status="paid", amount_due_minor=0, amount_remaining_minor=0)
    assert sent(bench).amount == (None if credited else Money(1200, "eur"))


@pytest.mark.parametrize(
    ("subscription", "goes_on"),
    [
        ({"status": "active"}, True),
        ({"status": "canceled"}, False),
        ({"cancel_at_period_end": True}, False),
        ({"status": "paused"}, False),
        ({"status": "active", "collection_paused": True}, False),
    ],
    ids=["goes on", "over", "runs out", "paused", "collection paused"],
)
def test_who_paid_reads_that_the_subscription_goes_on_only_where_it_does(
    bench: Bench, subscription: dict[str, Any], goes_on: bool
) -> None:
    """It may have ended since the payment, and a next one is not due then either."""
    case_id = bench.case(failed_ago=timedelta(hours=5))
    bench.looks(case_id, "letter_due")
    sent(bench)
    paid(bench)
    with bench.ledger.begin() as tx:
        tx.cases.wake(now=NOW, case_ids=[case_id])
    bench.looks(case_id, "paid")
    shown_subscription(bench, **subscription)
    told = sent(bench)
    assert (told.notice, told.goes_on) == ("payment_recovered", goes_on)
    assert told.renews_at == (ENDS_AT if goes_on else None)
