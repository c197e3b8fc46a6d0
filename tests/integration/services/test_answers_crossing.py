"""Two customers with one card: whoever's charge began before the other's answer broke no rule."""

from dataclasses import replace
from datetime import timedelta

import pytest

from tests.integration.services.bench import NO_MONEY, Bench
from tests.integration.services.test_declined_not_told import DECLINED, paid
from tests.integration.store.building import DAY, NOW, card, open_case
from worker.domain.readings import Answer, AnswerKind, DeclineSignals, PaymentReading

SAME = replace(card(2), fingerprint="print1")
OTHERS = replace(DECLINED, charge_id="ch_8", payment_method_id="pm_2", payment_method=SAME)
LIMITS = "network_limits_kept"
MINUTE = timedelta(minutes=1)


@pytest.fixture
def cases(bench: Bench) -> tuple[int, int]:
    """Return the cases of two customers who pay with one card."""
    first = bench.case()
    read = bench.failed_invoice(2)
    assert read.customer is not None
    bench.failed_invoice(2, customer=replace(read.customer, default_payment_method=SAME))
    with bench.ledger.begin() as tx:
        tx.mirror.put_payment_methods([(card(1), NOW - DAY, False), (SAME, NOW - DAY, False)])
    return first, open_case(bench.ledger, 2, due_at=NOW, failed_at=NOW - timedelta(hours=30))


def test_a_charge_that_began_before_the_stop_was_answered_breaks_no_promise(
    bench: Bench, cases: tuple[int, int]
) -> None:
    first, second = cases
    bench.stripe.answers = [replace(OTHERS, signals=NO_MONEY), DECLINED]
    bench.stripe.while_paying = lambda: other_begins(bench, second)
    bench.looks(first, until="charge_due")
    assert paid(bench) == ["pay in_1", "pay in_2"]
    assert LIMITS not in bench.broken_promises()


def test_a_charge_between_a_sending_and_its_late_answer_breaks_no_promise(
    bench: Bench, cases: tuple[int, int]
) -> None:
    first, second = cases
    bench.stripe.answers = [Answer(AnswerKind.UNKNOWN, code="timeout")]
    bench.looks(first, until="charge_due")
    bench.clock.now += 20 * MINUTE
    bench.stripe.answers = [replace(OTHERS, signals=NO_MONEY), DECLINED]
    bench.looks(second, until="charge_due")
    bench.clock.now += 20 * MINUTE
    with bench.ledger.begin() as tx:
        tx.cases.wake(now=bench.clock.now, case_ids=[first])
    bench.look(first)
    assert bench.loaded(first).failure is not None
    assert LIMITS not in bench.broken_promises()


def test_a_charge_after_the_answer_is_a_breach(bench: Bench, cases: tuple[int, int]) -> None:
    first, second = cases
    bench.stripe.answers = [replace(DECLINED, signals=NO_MONEY), replace(OTHERS, signals=NO_MONEY)]
    bench.looks(first, until="charge_due")
    bench.clock.now += 2 * MINUTE
    bench.looks(second, until="charge_due")
    assert LIMITS not in bench.broken_promises()
    with bench.ledger.connection() as connection:
        connection.exec_driver_sql(
            "UPDATE attempts SET signals = jsonb_set(signals, '{decline_code}', '\"lost_card\"') "
            "WHERE invoice_id = 'in_1'"
        )
    assert LIMITS in bench.broken_promises()


def test_a_wish_for_authentication_without_a_charge_binds_the_case_alone(bench: Bench) -> None:
    """Once the customer has confirmed, and the bank had no money, the case goes on."""
    number = bench.case()
    wish = DeclineSignals(code="invoice_payment_intent_requires_action")
    asks = replace(DECLINED, kind=AnswerKind.ACTION_REQUIRED, charge_id="", signals=wish)
    bench.stripe.answers = [asks, Answer(AnswerKind.UNKNOWN)]
    bench.looks(number, until="charge_due")
    confirmed = PaymentReading("pi_1", "requires_payment_method", "ch_20", "pm_1", signals=NO_MONEY)
    bench.stripe.invoices["in_1"] = replace(bench.stripe.invoices["in_1"], payment=confirmed)
    bench.clock.now += 3 * DAY
    with bench.ledger.begin() as tx:
        tx.acts.ask_retry(number, by="kim", reason="try it", now=bench.clock.now)
        tx.cases.wake(now=bench.clock.now, case_ids=[number])
    for _ in range(4):
        bench.look(number)
    assert len(paid(bench)) == 2


def other_begins(bench: Bench, case_id: int) -> None:
    """Look at another case until it was charged."""
    bench.clock.now += timedelta(seconds=1)
    bench.looks(case_id, until="charge_due")
