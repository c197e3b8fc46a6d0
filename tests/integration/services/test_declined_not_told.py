"""A charge of ours was declined, and its event has not come: the network ledger knows why."""

from dataclasses import replace
from datetime import timedelta

import pytest

from tests.integration.services.bench import NO_MONEY, Bench
from tests.integration.store.building import DAY, NOW, card, open_case
from worker.domain.case import AttemptState
from worker.domain.network_tries import NetworkTry
from worker.domain.readings import Answer, AnswerKind, DeclineSignals, PaymentReading
from worker.errors import GatewayRejected
from worker.store.network import all_tries

LOST = DeclineSignals(code="card_declined", decline_code="lost_card")
VISA_STOP = DeclineSignals("card_declined", "generic_decline", network_decline_code="04")
DECLINED = Answer(
    AnswerKind.DECLINED,
    402,
    charge_id="ch_9",
    payment_method_id="pm_1",
    payment_method=card(1),
    signals=LOST,
)


@pytest.fixture
def case_id(bench: Bench) -> int:
    """Return a case whose charge was just declined: the card is lost."""
    number = bench.case()
    with bench.ledger.begin() as tx:
        tx.mirror.put_payment_methods([(card(1), NOW - DAY, False)])
    bench.stripe.answers = [DECLINED, Answer(AnswerKind.UNKNOWN)]
    bench.looks(number, until="charge_due")
    shows(bench, LOST)
    return number


def shows(bench: Bench, signals: DeclineSignals) -> None:
    """Let Stripe show the charge on the invoice."""
    payment = PaymentReading("pi_1", "requires_payment_method", "ch_9", "pm_1", signals=signals)
    bench.stripe.invoices["in_1"] = replace(bench.stripe.invoices["in_1"], payment=payment)
    bench.stripe.charge_says = signals


def asked(bench: Bench, case_id: int) -> str:
    """Let a person wish for a charge a day later, and return what the case's looks made of it."""
    bench.clock.now += DAY
    with bench.ledger.begin() as tx:
        number = tx.acts.ask_retry(case_id, by="kim", reason="try it", now=bench.clock.now)
        assert number is not None
        tx.cases.wake(now=bench.clock.now, case_ids=[case_id])
    for _ in range(5):
        bench.look(case_id)
    with bench.ledger.connection() as connection:
        return str(
            connection.exec_driver_sql(
                "SELECT answer FROM operator_acts WHERE id = %(id)s", {"id": number}
            ).scalar_one()
        )


def test_no_person_has_a_stopped_card_charged_again(bench: Bench, case_id: int) -> None:
    assert "lost_card" in asked(bench, case_id)
    assert paid(bench) == ["pay in_1"]


def test_another_customers_case_leaves_the_stopped_card_alone(bench: Bench, case_id: int) -> None:
    """No gap keeps two customers apart: only the network ledger knows that it is one card."""
    same = replace(card(2), fingerprint="print1")
    read = bench.failed_invoice(2)
    assert read.customer is not None
    bench.failed_invoice(2, customer=replace(read.customer, default_payment_method=same))
    other = open_case(bench.ledger, 2, due_at=bench.clock.now, failed_at=NOW - timedelta(hours=30))
    for _ in range(4):
        bench.look(other)
    assert paid(bench) == ["pay in_1"]
    assert bench.loaded(case_id).charges[-1].state is AttemptState.DECLINED


def test_an_answer_that_was_lost_is_known_by_what_the_invoice_shows(bench: Bench) -> None:
    number = bench.case()
    bench.stripe.answers = [Answer(AnswerKind.UNKNOWN, code="timeout"), DECLINED]
    bench.looks(number, until="charge_due")
    shows(bench, LOST)
    bench.clock.now += timedelta(minutes=5)
    with bench.ledger.begin() as tx:
        tx.cases.wake(now=bench.clock.now, case_ids=[number])
    bench.look(number)
    assert bench.loaded(number).charges[-1].state is AttemptState.DECLINED
    (known,) = [each for each in tries(bench) if each.charge_id == "ch_9"]
    assert known.signals.decline_code == "lost_card"


@pytest.mark.parametrize(("signals", "charges"), [(LOST, 0), (VISA_STOP, 0), (NO_MONEY, 1)])
def test_where_no_charge_can_be_read_the_case_remembers(
    signals: DeclineSignals, charges: int, bench: Bench
) -> None:
    """The key may lack the right: the network ledger learns of the charge by its event alone."""
    number = bench.case()
    shows(bench, signals)
    bench.stripe.charge_trouble = GatewayRejected("not allowed", status=403, code="forbidden")
    bench.stripe.has_slots = False
    bench.look(number)
    bench.stripe.has_slots = True
    bench.stripe.answers = [Answer(AnswerKind.UNKNOWN)] * 5
    answer = asked(bench, number)
    assert len(set(paid(bench))) == charges, answer


def paid(bench: Bench) -> list[str]:
    """Return the charges that Stripe was asked to make."""
    return [each for each in bench.stripe.asked if each.startswith("pay")]


def tries(bench: Bench) -> list[NetworkTry]:
    """Return all tries that the ledger knows of."""
    with bench.ledger.connection() as connection:
        return list(all_tries(connection, "acct_1", to_at=NOW + 9 * DAY))
