"""A failed charge whose event has not come: one case's look has read it, and all know of it."""

from dataclasses import replace

from tests.integration.services.bench import Bench
from tests.integration.store.building import DAY, NOW, card, open_case
from worker.domain.network_tries import NetworkTry
from worker.domain.readings import Answer, AnswerKind, DeclineSignals, PaymentReading
from worker.store.network import all_tries

LOST = DeclineSignals(code="card_declined", decline_code="lost_card")


def two_cases(bench: Bench) -> tuple[int, int]:
    """Return a case whose last charge said that the card is lost, and another one of the card."""
    first = bench.case(1)
    read = bench.stripe.invoices["in_1"]
    failed = PaymentReading("pi_1", "requires_payment_method", "ch_1", "pm_1", signals=LOST)
    bench.stripe.invoices["in_1"] = replace(read, payment=failed)
    bench.stripe.charge_says = LOST
    bench.failed_invoice(2, customer=read.customer)
    second = open_case(
        bench.ledger,
        2,
        customer_id="cus_1",
        due_at=NOW,
        failed_at=bench.loaded(first).failed_at,
    )
    with bench.ledger.begin() as tx:
        tx.mirror.put_payment_methods([(card(1), NOW, False)])
    return first, second


def test_a_lost_card_is_not_charged_for_another_invoice(bench: Bench) -> None:
    first, second = two_cases(bench)
    bench.look(first)
    for _ in range(3):
        bench.look(second)
    assert [each for each in bench.stripe.asked if each.startswith("pay")] == []
    assert "ch_1" in {each.charge_id for each in tries(bench)}


def test_without_that_look_nobody_knows(bench: Bench) -> None:
    """The other case would be charged: it is the read that tells."""
    _, second = two_cases(bench)
    bench.stripe.answers = [Answer(AnswerKind.UNKNOWN)]
    for _ in range(3):
        bench.look(second)
    assert bench.stripe.asked.count("pay in_2") == 1


def test_what_may_be_our_own_charge_only_its_event_tells(bench: Bench) -> None:
    first = bench.case(1)
    bench.stripe.answers = [Answer(AnswerKind.UNKNOWN), Answer(AnswerKind.UNKNOWN)]
    bench.looks(first, until="charge_due")
    failed = PaymentReading("pi_1", "requires_payment_method", "ch_1", "pm_1", signals=LOST)
    read = bench.stripe.invoices["in_1"]
    bench.stripe.invoices["in_1"] = replace(read, payment=failed)
    with bench.ledger.begin() as tx:
        tx.cases.wake(now=bench.clock.now, case_ids=[first])
    bench.look(first)
    assert "ch_1" not in {each.charge_id for each in tries(bench)}


def tries(bench: Bench) -> list[NetworkTry]:
    """Return all tries that the ledger knows of."""
    with bench.ledger.connection() as connection:
        return list(all_tries(connection, "acct_1", to_at=NOW + DAY))
