"""A failed charge whose event has not come: one case's look has read it, and all know of it."""

from dataclasses import replace
from datetime import timedelta

from tests.integration.services.bench import NO_MONEY, Bench
from tests.integration.store.building import DAY, NOW, card, open_case
from tests.integration.store.building import attempt as new_attempt
from worker.domain.case import AttemptKind
from worker.domain.network_tries import NetworkTry
from worker.domain.readings import (
    Answer,
    AnswerKind,
    ChargeReading,
    DeclineSignals,
    InvoiceReading,
    PaymentReading,
)
from worker.errors import GatewayRejected, GatewayUnavailable
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
    assert paid(bench) == []
    assert "ch_1" in {each.charge_id for each in tries(bench)}


def test_what_no_look_has_read_yet_is_read_before_another_invoice_is_charged(
    bench: Bench,
) -> None:
    """The other case was opened by an event; why its payment failed is not known by then."""
    first, second = two_cases(bench)
    for _ in range(3):
        bench.look(second)
    assert paid(bench) == []
    assert "ch_1" in {each.charge_id for each in tries(bench)}
    assert bench.loaded(first).failure is None


def test_a_case_opened_between_decision_and_intent_is_read_too(bench: Bench) -> None:
    first, second = two_cases(bench)
    with bench.ledger.connection() as connection:
        connection.exec_driver_sql(f"UPDATE cases SET customer_id = 'x' WHERE id = {first}")

    def it_is_opened() -> None:
        with bench.ledger.connection() as connection:
            connection.exec_driver_sql(f"UPDATE cases SET customer_id = 'cus_1' WHERE id = {first}")

    bench.stripe.before_charge = it_is_opened
    rules = []
    for _ in range(4):
        rules.append(bench.look(second))
        bench.clock.now += timedelta(minutes=1)
    assert paid(bench) == []
    assert "ch_1" in {each.charge_id for each in tries(bench)}


def test_a_case_that_was_woken_is_read_before_another_invoice_is_charged(bench: Bench) -> None:
    """Its failure is known, but by now its card was tried once more, and stopped."""
    first, second = two_cases(bench)
    now = bench.stripe.invoices["in_1"]
    poor = PaymentReading("pi_1", "requires_payment_method", "ch_0", "pm_1", signals=NO_MONEY)
    bench.stripe.invoices["in_1"] = replace(now, payment=poor)
    bench.stripe.charge_says, bench.stripe.has_slots = NO_MONEY, False
    bench.look(first)
    assert bench.loaded(first).failure is not None
    bench.stripe.invoices["in_1"], bench.stripe.charge_says = now, LOST
    bench.stripe.has_slots = True
    with bench.ledger.begin() as tx:
        tx.cases.wake(now=bench.clock.now, case_ids=[first])
    for _ in range(3):
        bench.look(second)
    assert paid(bench) == []


def test_an_invoice_that_cannot_be_read_keeps_nobody_from_paying(bench: Bench) -> None:
    first, second = two_cases(bench)
    del first
    gone = bench.stripe.read_invoice

    def read_invoice(invoice_id: str) -> InvoiceReading:
        if invoice_id == "in_1":
            raise GatewayRejected("No such invoice", status=404, code="resource_missing")
        return gone(invoice_id)

    bench.stripe.read_invoice = read_invoice  # type: ignore[method-assign]
    bench.stripe.answers = [Answer(AnswerKind.UNKNOWN)]
    bench.looks(second, until="charge_due")
    assert paid(bench) == ["pay in_2"]


def test_while_stripe_does_not_show_the_other_invoice_letters_go_on(bench: Bench) -> None:
    """The charge waits: whether its card was stopped is not known."""
    _, second = two_cases(bench)
    answering = bench.stripe.read_invoice

    def read_invoice(invoice_id: str) -> InvoiceReading:
        if invoice_id == "in_1":
            raise GatewayUnavailable("away")
        return answering(invoice_id)

    bench.stripe.read_invoice = read_invoice  # type: ignore[method-assign]
    rules = []
    for _ in range(3):
        rules.append(bench.look(second))
        bench.clock.now += timedelta(minutes=5)
    assert rules[0] == "letter_due"
    assert paid(bench) == []
    bench.stripe.read_invoice = answering  # type: ignore[method-assign]
    for _ in range(3):
        bench.look(second)
    assert "ch_1" in {each.charge_id for each in tries(bench)}
    assert paid(bench) == []


def test_an_invoice_to_be_paid_by_hand_is_not_read_for_others(bench: Bench) -> None:
    """It has no failure for as long as nobody tries to pay it."""
    first, second = two_cases(bench)
    by_hand = "UPDATE cases SET due_at = %(at)s, next_action_at = %(at)s WHERE id = %(id)s"
    with bench.ledger.connection() as connection:
        connection.exec_driver_sql(by_hand, {"at": NOW + DAY, "id": first})
    bench.stripe.answers = [Answer(AnswerKind.UNKNOWN)]
    bench.looks(second, until="charge_due")
    assert "read in_1" not in bench.stripe.asked


def test_while_a_coupon_is_on_its_way_a_read_charge_is_known_all_the_same(bench: Bench) -> None:
    first, second = two_cases(bench)
    with bench.ledger.begin() as tx:
        case = tx.cases.load(first)
        assert case is not None
        coupon = new_attempt(case, kind=AttemptKind.COUPON)
        assert tx.attempts.start(case, coupon, asked_at=NOW)
    bench.look(first)
    assert "ch_1" in {each.charge_id for each in tries(bench)}
    bench.look(second)
    assert paid(bench) == []


def test_a_card_changed_before_its_stop_is_stopped_whoever_tells_of_it_first(bench: Bench) -> None:
    """The look began before the change: the stop is not older than the change for that."""
    first, second = two_cases(bench)
    read, seconds = bench.stripe.read_charge, timedelta(seconds=1)

    def read_charge(charge_id: str) -> ChargeReading:
        return replace(read(charge_id), created_at=NOW + 20 * seconds)

    def card_is_changed_then_stopped() -> None:
        with bench.ledger.begin() as tx:
            tx.mirror.put_payment_methods([(card(1), NOW + 10 * seconds, True)])
        bench.clock.now += 25 * seconds

    bench.stripe.read_charge = read_charge  # type: ignore[method-assign]
    bench.stripe.meanwhile = card_is_changed_then_stopped
    bench.look(first)
    (stopped,) = [each for each in tries(bench) if each.charge_id == "ch_1"]
    assert stopped.at == NOW + 20 * seconds
    bench.clock.now = NOW + DAY
    with bench.ledger.begin() as tx:
        tx.cases.wake(now=bench.clock.now, case_ids=[second])
    for _ in range(3):
        bench.look(second)
    assert paid(bench) == []


def test_what_may_be_our_own_charge_only_its_event_tells(bench: Bench) -> None:
    first, read_charge = bench.case(1), bench.stripe.read_charge

    def just_made(charge_id: str) -> ChargeReading:
        return replace(read_charge(charge_id), created_at=bench.clock.now)

    bench.stripe.read_charge = just_made  # type: ignore[method-assign]
    bench.stripe.answers = [Answer(AnswerKind.UNKNOWN), Answer(AnswerKind.UNKNOWN)]
    bench.looks(first, until="charge_due")
    failed = PaymentReading("pi_1", "requires_payment_method", "ch_1", "pm_1", signals=LOST)
    read = bench.stripe.invoices["in_1"]
    bench.stripe.invoices["in_1"] = replace(read, payment=failed)
    with bench.ledger.begin() as tx:
        tx.cases.wake(now=bench.clock.now, case_ids=[first])
    bench.look(first)
    assert "ch_1" not in {each.charge_id for each in tries(bench)}


def paid(bench: Bench) -> list[str]:
    """Return the charges that Stripe was asked to make."""
    return [each for each in bench.stripe.asked if each.startswith("pay")]


def tries(bench: Bench) -> list[NetworkTry]:
    """Return all tries that the ledger knows of."""
    with bench.ledger.connection() as connection:
        return list(all_tries(connection, "acct_1", to_at=NOW + DAY))
