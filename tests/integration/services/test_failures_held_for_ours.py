"""A customer's own decline beside a charge of ours without an outcome: told once, when it is known.

Until then it may be what ours came to, which `payment.retried` tells.
"""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from tests.integration.services.bench import Bench
from tests.integration.services.test_figures_told import failed, shown_as_made_now, wake
from tests.integration.services.test_sent_again_within_limits import DECLINED
from tests.integration.services.test_unknown_outcomes import SAVED_500, attempt, sent, tell
from tests.integration.store.building import MINUTE, NOW
from worker.domain.case import AttemptState
from worker.domain.readings import Answer, AnswerKind, PaymentReading
from worker.errors import GatewayRejected

MADE_AT = NOW + 2 * MINUTE
"""When the customer tried."""


def held(bench: Bench, *answers: Answer) -> int:
    """Let the invoice show a charge `ch_3` that may be ours, and a look see it, asking again."""
    case_id = sent(bench, SAVED_500, *(answers or (SAVED_500,)))
    bench.clock.now = MADE_AT
    shown_as_made_now(bench, "ch_3")
    wake(bench, case_id)
    assert bench.look(case_id) == "outcome_unknown"
    return case_id


def look_later(bench: Bench, case_id: int, *, times: int = 1) -> None:
    """Look at the case every few minutes."""
    for _ in range(times):
        bench.clock.now += 5 * MINUTE
        with bench.ledger.begin() as tx:
            tx.control.set_cursor("events", bench.clock.now)
        wake(bench, case_id)
        bench.look(case_id)


def told_at(bench: Bench, charge_id: str) -> object:
    """Return when a charge is told to have failed."""
    query = (
        "SELECT time FROM events WHERE type = 'payment.failed'"
        f" AND data ->> 'charge_id' = '{charge_id}'"
    )
    with bench.ledger.connection() as connection:
        return connection.exec_driver_sql(query).scalar_one()


def credited(bench: Bench) -> None:
    """Let a credit note leave 700 to pay."""
    owes: dict[str, Any] = {"amount_due_minor": 700, "amount_remaining_minor": 700}
    bench.stripe.invoices["in_1"] = replace(bench.stripe.invoices["in_1"], **owes)


def test_it_is_told_once_its_event_names_the_customer(bench: Bench) -> None:
    """With its own amount and time, whatever the invoice owes by now."""
    case_id = held(bench)
    assert "ch_3" not in failed(bench)
    bench.clock.now += MINUTE
    tell(bench, "ch_3", key=None)
    credited(bench)
    bench.stripe.answers = [SAVED_500] * 3
    look_later(bench, case_id, times=3)
    assert failed(bench).count("ch_3") == 1
    (fact,) = [each for each in bench.facts("payment.failed") if each["charge_id"] == "ch_3"]
    assert (fact["amount_minor"], fact["currency"]) == (1200, "eur")
    assert fact["decline_code"] == "insufficient_funds"
    assert told_at(bench, "ch_3") == MADE_AT


def test_it_is_told_where_the_event_of_ours_settles_ours(bench: Bench) -> None:
    case_id = held(bench)
    tell(bench, "ch_2")
    look_later(bench, case_id)
    assert attempt(bench, case_id).state is AttemptState.DECLINED
    assert failed(bench).count("ch_3") == 1
    tell(bench, "ch_3", key=None)
    look_later(bench, case_id, times=2)
    assert failed(bench).count("ch_3") == 1
    assert "ch_2" not in failed(bench)


@pytest.mark.parametrize(
    "answer",
    [
        DECLINED,
        Answer(AnswerKind.DONE, 200, amount_paid_minor=1200),
        Answer(AnswerKind.PROCESSING, 200, charge_id="ch_2"),
    ],
    ids=lambda answer: answer.kind.value,
)
@pytest.mark.parametrize("at_once", [True, False])
def test_it_is_told_where_an_answer_tells_of_ours(
    bench: Bench, answer: Answer, at_once: bool
) -> None:
    """Also in the very look that has seen it first: its answer takes the failure's place."""
    if at_once:
        case_id = held(bench, answer)
    else:
        case_id = held(bench)
        bench.stripe.answers = [answer]
        look_later(bench, case_id)
    assert failed(bench).count("ch_3") == 1
    assert told_at(bench, "ch_3") == MADE_AT
    assert "ch_2" not in failed(bench)


def paid_with(bench: Bench, charge_id: str) -> None:
    """Let the invoice show that a charge of the card paid it."""
    owes: dict[str, Any] = {"amount_remaining_minor": 0, "amount_paid_minor": 1200}
    payment = PaymentReading("pi_1", "succeeded", charge_id, "pm_1")
    read = bench.stripe.invoices["in_1"]
    bench.stripe.invoices["in_1"] = replace(read, status="paid", payment=payment, **owes)


@pytest.mark.parametrize("readable", [True, False])
def test_it_is_told_where_the_event_of_the_payment_names_ours(
    bench: Bench, *, readable: bool
) -> None:
    """With what was asked for also where the charge cannot be read; the invoice owes nothing."""
    if not readable:
        bench.stripe.charge_trouble = GatewayRejected("no right to it", status=403, code="")
    case_id = held(bench)
    paid_with(bench, "ch_2")
    tell(bench, "ch_2", status="succeeded")
    look_later(bench, case_id)
    assert failed(bench).count("ch_3") == 1
    (fact,) = [each for each in bench.facts("payment.failed") if each["charge_id"] == "ch_3"]
    assert fact["amount_minor"] == 1200


def test_what_was_ours_is_not_told_where_the_customer_paid_with_the_same_card(
    bench: Bench,
) -> None:
    """Before any event was read, the payment on the page looks like one of ours."""
    case_id = held(bench)
    paid_with(bench, "ch_9")
    look_later(bench, case_id)
    tell(bench, "ch_3")
    look_later(bench, case_id, times=2)
    assert "ch_3" not in failed(bench)


def test_what_was_ours_is_never_told_as_anybody_elses(bench: Bench) -> None:
    """By the answer, or by its event."""
    case_id = held(bench)
    bench.stripe.answers = [replace(DECLINED, charge_id="ch_3")]
    look_later(bench, case_id)
    tell(bench, "ch_3")
    look_later(bench, case_id, times=2)
    assert "ch_3" not in failed(bench)
    (told,) = bench.facts("payment.retried")
    assert told["outcome"] == "declined"


def test_nor_what_ours_may_have_come_to_before_it_was_given_up(bench: Bench) -> None:
    """Its event may still name it."""
    case_id = held(bench)
    over = replace(bench.stripe.invoices["in_1"], status="uncollectible")
    bench.stripe.invoices["in_1"] = over
    look_later(bench, case_id, times=2)
    assert attempt(bench, case_id).state is AttemptState.ABANDONED
    assert "ch_3" not in failed(bench)
    bench.clock.now += timedelta(hours=1)
    tell(bench, "ch_3", key=None)
    look_later(bench, case_id)
    assert failed(bench).count("ch_3") == 1
