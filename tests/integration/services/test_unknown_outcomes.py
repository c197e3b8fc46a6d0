"""A charge whose answer was lost, while Stripe repeats a saved 500 under its key for a day.

Never may what is learnt otherwise lead to a second charge: only the event that names the
attempt's own key tells that it was declined, and everything else leaves the question open.
"""

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest

from tests.integration.services.bench import Bench
from tests.integration.services.raw import event
from tests.integration.store.building import DAY, MINUTE
from worker.domain.case import Attempt, AttemptState
from worker.domain.readings import Answer, AnswerKind, DeclineSignals, PaymentReading
from worker.errors import GatewayRejected
from worker.services.case_turn import ASK_AGAIN_MINUTES

SAVED_500 = Answer(AnswerKind.UNKNOWN, 500)
POOR = DeclineSignals(code="card_declined", decline_code="insufficient_funds")
KEY = "dun:v1:in_1:1"


def sent(bench: Bench, *answers: Answer) -> int:
    """Let `try 1` of a case be sent and answered, and return the case."""
    case_id = bench.case()
    bench.stripe.answers = list(answers)
    bench.looks(case_id, until="charge_due")
    return case_id


def attempt(bench: Bench, case_id: int) -> Attempt:
    """Return the case's last attempt."""
    return bench.loaded(case_id).attempts[-1]


def requests(bench: Bench) -> int:
    """Return how often Stripe was asked to charge."""
    return bench.stripe.asked.count("pay in_1")


def tell(bench: Bench, charge_id: str, status: str = "failed", key: str | None = KEY) -> None:
    """Let Stripe's list show a charge with its request, and be read."""
    outcome = {"type": "issuer_declined", "network_status": "declined_by_network"}
    charge: dict[str, Any] = {
        "id": charge_id,
        "object": "charge",
        "status": status,
        "payment_intent": "pi_1",
        "payment_method": "pm_1",
        "customer": "cus_1",
        "amount": 1200,
        "currency": "eur",
        "created": int(bench.clock.now.timestamp()),
        "payment_method_details": {"type": "card", "card": {"brand": "visa"}},
        "outcome": outcome if status == "failed" else {"type": "authorized"},
    }
    if status == "failed":
        charge |= {"failure_code": "card_declined"}
        charge["outcome"] |= {"reason": "insufficient_funds"}
    request = {"id": "req_1" if key else None, "idempotency_key": key}
    number = len(bench.stripe.events) + 1
    told = event(number, f"charge.{status}", charge, at=bench.clock.now, request=request)
    bench.feed(told)


def show(bench: Bench, charge_id: str) -> None:
    """Let the invoice show a failed charge as its last."""
    payment = PaymentReading("pi_1", "requires_payment_method", charge_id, "pm_1", signals=POOR)
    bench.stripe.invoices["in_1"] = replace(bench.stripe.invoices["in_1"], payment=payment)


def look_when_due(bench: Bench, case_id: int) -> tuple[str, timedelta]:
    """Let time pass until the case is due, look, and return the rule and how long it took."""
    began = bench.clock.now
    bench.clock.now = next_at(bench)
    with bench.ledger.begin() as tx:
        tx.control.set_cursor("events", bench.clock.now)
    return bench.look(case_id), bench.clock.now - began


def next_at(bench: Bench) -> datetime:
    """Return when a case is due next."""
    with bench.ledger.begin() as tx:
        due_at = tx.cases.oldest_due_at()
    assert due_at is not None
    return max(due_at, bench.clock.now)


def test_the_event_with_our_key_tells_of_a_decline_behind_a_saved_500(bench: Bench) -> None:
    """One request, one number, and the next try is a day away."""
    case_id = sent(bench, SAVED_500)
    show(bench, "ch_2")
    tell(bench, "ch_2")
    assert bench.due()[0] == [case_id], "it waits for no further ask"
    assert bench.look(case_id) == "attempt_settled"
    settled = attempt(bench, case_id)
    assert (settled.no, settled.state) == (1, AttemptState.DECLINED)
    (told,) = bench.facts("payment.retried")
    assert (told["outcome"], told["decline_code"]) == ("declined", "insufficient_funds")
    assert "ch_2" not in [each["charge_id"] for each in bench.facts("payment.failed")]
    bench.looks(case_id, until="not_yet")
    assert next_at(bench) - bench.clock.now >= timedelta(hours=20)
    assert requests(bench) == 1


@pytest.mark.parametrize("status", ["uncollectible", "void", "paid"])
def test_who_owes_nothing_any_more_was_declined_all_the_same(bench: Bench, status: str) -> None:
    """The customer may have paid by hand with the same card: that is no charge of ours."""
    case_id = sent(bench, SAVED_500)
    tell(bench, "ch_2")
    by_hand = PaymentReading("pi_1", "succeeded", "ch_3", "pm_1")
    over = replace(bench.stripe.invoices["in_1"], status=status)
    if status == "paid":
        over = replace(over, amount_remaining_minor=0, payment=by_hand)
    bench.stripe.invoices["in_1"] = over
    assert bench.look(case_id) == "attempt_settled"
    settled = attempt(bench, case_id)
    assert settled.state is AttemptState.DECLINED
    (told,) = bench.facts("payment.retried")
    assert told["outcome"] == "declined"


def test_an_event_that_comes_late_settles_it_all_the_same(bench: Bench) -> None:
    """By then the pauses are long; the event itself makes the case due."""
    case_id = sent(bench, *[SAVED_500] * 6)
    show(bench, "ch_2")
    asked = [look_when_due(bench, case_id)[0] for _ in range(5)]
    assert asked == ["outcome_unknown"] * 5
    assert bench.due()[0] == []
    tell(bench, "ch_2")
    assert bench.due()[0] == [case_id]
    assert bench.look(case_id) == "attempt_settled"
    assert attempt(bench, case_id).state is AttemptState.DECLINED
    assert requests(bench) == 6


def test_a_later_decline_of_the_customers_hides_ours_no_more(bench: Bench) -> None:
    """The invoice shows the last charge alone; the event names ours, with its own reason."""
    case_id = sent(bench, SAVED_500)
    tell(bench, "ch_2")
    tell(bench, "ch_3", key=None)
    show(bench, "ch_3")
    assert bench.look(case_id) == "attempt_settled"
    assert attempt(bench, case_id).state is AttemptState.DECLINED
    with bench.ledger.connection() as connection:
        row = connection.exec_driver_sql("SELECT charge_id, decline_code FROM attempts").one()
    assert row == ("ch_2", "insufficient_funds")


def test_a_success_behind_a_saved_500_is_read_from_the_invoice(bench: Bench) -> None:
    case_id = sent(bench, SAVED_500)
    paid = PaymentReading("pi_1", "succeeded", "ch_2", "pm_1")
    bench.stripe.invoices["in_1"] = replace(
        bench.stripe.invoices["in_1"],
        status="paid",
        amount_remaining_minor=0,
        amount_paid_minor=1200,
        payment=paid,
    )
    tell(bench, "ch_2", status="succeeded")
    assert bench.due()[0] == [case_id]
    bench.looks(case_id, until="paid")
    assert attempt(bench, case_id).state is AttemptState.SUCCEEDED
    assert requests(bench) == 1


def test_a_charge_that_went_through_is_no_decline_though_the_invoice_is_still_open(
    bench: Bench,
) -> None:
    """Stripe marks the invoice paid a moment later: until then nothing is settled."""
    case_id = sent(bench, SAVED_500, SAVED_500)
    tell(bench, "ch_2", status="succeeded")
    assert bench.look(case_id) == "outcome_unknown"
    assert attempt(bench, case_id).state is AttemptState.SENDING


@pytest.mark.parametrize("key", [None, "the shop's own", "dun:v1:in_1:2", "dun:v1:in_7:1"])
def test_an_event_without_our_very_key_settles_nothing(bench: Bench, key: str | None) -> None:
    """Stripe's own try, the customer's on the page, another invoice's: ours may never have come."""
    case_id = sent(bench, *[SAVED_500] * 2)
    show(bench, "ch_2")
    tell(bench, "ch_2", key=key)
    with bench.ledger.begin() as tx:  # a foreign key stops charging: a person looked, it goes on
        tx.control.go(by="jo", now=bench.clock.now)
    bench.clock.now += 2 * MINUTE
    assert bench.look(case_id) == "outcome_unknown"
    assert attempt(bench, case_id).state is AttemptState.SENDING
    assert len(bench.loaded(case_id).attempts) == 1


def test_the_event_of_an_earlier_attempt_settles_no_later_one(bench: Bench) -> None:
    """`try 1` was declined; `try 2` never came to Stripe, and is asked for until it does."""
    case_id = sent(bench, Answer(AnswerKind.DECLINED, 402, charge_id="ch_2", signals=POOR))
    show(bench, "ch_2")
    tell(bench, "ch_2")
    bench.stripe.answers = [SAVED_500, SAVED_500]
    rules = []
    while "outcome_unknown" not in rules:
        rules.append(look_when_due(bench, case_id)[0])
        assert len(rules) < 10, rules
    first, second = bench.loaded(case_id).attempts
    assert (first.state, second.state) == (AttemptState.DECLINED, AttemptState.SENDING)
    tell(bench, "ch_3", key="dun:v1:in_1:2")
    show(bench, "ch_3")
    assert bench.look(case_id) == "attempt_settled"
    assert attempt(bench, case_id).state is AttemptState.DECLINED


def test_the_pauses_between_the_asks_grow(bench: Bench) -> None:
    case_id = sent(bench, *[SAVED_500] * 9)
    pauses = [look_when_due(bench, case_id)[1] for _ in range(8)]
    expected = [*ASK_AGAIN_MINUTES, ASK_AGAIN_MINUTES[-1], ASK_AGAIN_MINUTES[-1]]
    assert pauses == [minutes * MINUTE for minutes in expected]
    assert requests(bench) == 9


def test_a_failure_that_may_not_be_read_is_dated_by_when_it_was_seen(bench: Bench) -> None:
    """Not by the first failure, days ago: waits count from it, and so do tries of ours."""
    bench.stripe.charge_trouble = GatewayRejected("no right to read charges", status=403)
    case_id = bench.case()
    show(bench, "ch_1")
    bench.stripe.answers = [SAVED_500] * 2
    bench.look(case_id)
    first = bench.loaded(case_id)
    assert first.failure is not None
    assert first.failure.failed_at == first.failed_at
    bench.clock.now += DAY
    with bench.ledger.begin() as tx:
        tx.control.set_cursor("events", bench.clock.now)
        tx.cases.wake(now=bench.clock.now, case_ids=[case_id])
    show(bench, "ch_2")
    bench.look(case_id)
    later = bench.loaded(case_id).failure
    assert later is not None
    assert (later.charge_id, later.failed_at) == ("ch_2", bench.clock.now)
