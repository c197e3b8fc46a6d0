"""What a card's earlier tries forbid breaks a promise only where it was known in time."""

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest

from tests.integration.services.bench import Bench
from tests.integration.services.raw import event
from tests.integration.services.test_sent_again_within_limits import DECLINED, HOUR, paid
from tests.integration.services.test_unknown_outcomes import KEY, SAVED_500
from tests.integration.store.building import DAY, MINUTE, NOW, card, open_case
from worker.domain.network_rules import MadeBy
from worker.domain.readings import ChargeReading, DeclineSignals, PaymentReading

FUNDS = DeclineSignals(code="card_declined", decline_code="insufficient_funds")


@pytest.fixture
def cases(bench: Bench) -> tuple[int, int]:
    """Return the cases of two customers who pay with one card."""
    return one_card(bench, 1), one_card(bench, 2)


def one_card(bench: Bench, number: int, *, brand: str = "visa") -> int:
    """Open a case of the card that both customers have."""
    made = bench.failed_invoice(number)
    method = replace(card(number), fingerprint="print1", brand=brand)
    assert made.customer is not None
    payer = replace(made.customer, default_payment_method=method)
    bench.stripe.invoices[made.id] = replace(made, customer=payer)
    with bench.ledger.begin() as tx:
        tx.mirror.put_payment_methods([(method, NOW - 30 * DAY, False)])
    return open_case(bench.ledger, number, due_at=NOW, failed_at=NOW - 30 * HOUR)


def busy(bench: Bench, tries: int) -> None:
    """Let the card have been tried by a third customer, ten days ago."""
    first_at = NOW - 10 * DAY
    for number in range(tries):
        made_at = first_at + number * HOUR
        charge = replace(an_amex_try(made_at), id=f"ch_old{number}")
        with bench.ledger.begin() as tx:
            told: dict[str, Any] = {"customer_id": "cus_7", "at": made_at, "now": made_at}
            tx.mirror.put_charge(charge, **told, made_by=MadeBy.CUSTOMER)


def an_amex_try(made_at: datetime) -> ChargeReading:
    """Return a declined try of the card in the hands of a third customer."""
    return ChargeReading(
        id="ch_old",
        status="failed",
        payment_intent_id="pi_7",
        payment_method_id="pm_7",
        amount_minor=1200,
        currency="eur",
        created_at=made_at,
        signals=FUNDS,
        brand="amex",
        fingerprint="print1",
        customer_id="cus_7",
    )


def at(bench: Bench, when: datetime) -> None:
    """Let time pass, and the feed with it."""
    bench.clock.now = when
    with bench.ledger.begin() as tx:
        tx.control.set_cursor("events", when)


def told_lost(
    bench: Bench,
    charge_id: str,
    *,
    key: str | None = KEY,
    brand: str = "visa",
    reason: str = "lost_card",
) -> None:
    """Let the list show only now that the card was found to be lost at `NOW`."""
    card_of_it = {"brand": brand, "fingerprint": "print1"}
    charge = {
        "id": charge_id,
        "object": "charge",
        "status": "failed",
        "payment_intent": "pi_1",
        "payment_method": "pm_1",
        "customer": "cus_1",
        "amount": 1200,
        "currency": "eur",
        "created": int(NOW.timestamp()),
        "failure_code": "card_declined",
        "payment_method_details": {"type": "card", "card": card_of_it},
        "outcome": {
            "type": "issuer_declined",
            "network_status": "declined_by_network",
            "reason": reason,
        },
    }
    request = {"id": "req_1", "idempotency_key": key}
    number = len(bench.stripe.events) + 1
    told = event(number, "charge.failed", charge, at=NOW, request=request)
    bench.feed(told, since=bench.clock.now - NOW + MINUTE)


def second_is_charged(bench: Bench, case_id: int, when: datetime) -> None:
    """Let the other customer be charged, who is declined."""
    at(bench, when)
    bench.stripe.answers = [replace(DECLINED, charge_id="ch_9")]
    bench.looks(case_id, until="charge_due")
    assert paid(bench, 2) == 1


def is_broken(bench: Bench) -> bool:
    """Return whether the networks' limits are found to be broken."""
    return "network_limits_kept" in bench.broken_promises()


def first_is_sent(bench: Bench, case_id: int) -> None:
    """Let the first customer's charge be sent and its answer be lost."""
    bench.stripe.answers = [SAVED_500]
    bench.looks(case_id, until="charge_due")


def test_stop_told_late_of_a_given_up_charge_is_no_breach(
    bench: Bench, cases: tuple[int, int]
) -> None:
    first, second = cases
    first_is_sent(bench, first)
    over = replace(bench.stripe.invoices["in_1"], status="uncollectible")
    bench.stripe.invoices["in_1"] = over
    at(bench, NOW + 2 * MINUTE)
    assert bench.look(first) == "attempt_settled"
    second_is_charged(bench, second, NOW + HOUR)
    assert not is_broken(bench)
    at(bench, NOW + 3 * HOUR)
    told_lost(bench, "ch_2")
    assert not is_broken(bench)


def test_stop_told_late_of_a_charge_in_flight_is_no_breach(
    bench: Bench, cases: tuple[int, int]
) -> None:
    """Between the event and the look that settles the attempt, and after it."""
    first, second = cases
    first_is_sent(bench, first)
    second_is_charged(bench, second, NOW + HOUR)
    at(bench, NOW + 3 * HOUR)
    told_lost(bench, "ch_2")
    assert not is_broken(bench)
    assert bench.look(first) == "attempt_settled"
    assert not is_broken(bench)


def test_stop_of_the_other_customers_own_try_told_late_is_no_breach(
    bench: Bench, cases: tuple[int, int]
) -> None:
    second_is_charged(bench, cases[1], NOW + HOUR)
    at(bench, NOW + 3 * HOUR)
    told_lost(bench, "ch_2", key=None)
    assert not is_broken(bench)


def test_what_an_older_release_heard_is_judged_by_when_it_was_made(
    bench: Bench, cases: tuple[int, int]
) -> None:
    second_is_charged(bench, cases[1], NOW + HOUR)
    at(bench, NOW + 3 * HOUR)
    told_lost(bench, "ch_2", key=None)
    with bench.ledger.connection() as connection:
        connection.exec_driver_sql("UPDATE network_attempts SET learnt_at = NULL, said_at = NULL")
    assert is_broken(bench)


@pytest.mark.parametrize("key", [KEY, None], ids=["ours", "the customer's"])
@pytest.mark.parametrize(
    ("known_for", "broken"), [(timedelta(minutes=20), True), (timedelta(minutes=2), False)]
)
def test_a_stop_that_was_told_in_time_is_a_breach(
    bench: Bench, cases: tuple[int, int], key: str | None, known_for: timedelta, broken: bool
) -> None:
    """Just after it was told, a charge may be under way that was decided before."""
    first, second = cases
    if key:
        first_is_sent(bench, first)
    second_is_charged(bench, second, NOW + 3 * HOUR)
    at(bench, NOW + 3 * HOUR - known_for)
    told_lost(bench, "ch_2", key=key)
    at(bench, NOW + 4 * HOUR)
    assert is_broken(bench) == broken


def test_what_came_of_a_try_is_judged_apart_from_that_it_was_made(
    bench: Bench, cases: tuple[int, int]
) -> None:
    """A debit's failure may come after its success was told."""
    second_is_charged(bench, cases[1], NOW + HOUR)
    at(bench, NOW + 3 * HOUR)
    told_lost(bench, "ch_2", key=None)
    with bench.ledger.connection() as connection:
        connection.exec_driver_sql(f"UPDATE network_attempts SET learnt_at = '{NOW}'")
    assert not is_broken(bench)


@pytest.mark.parametrize("released_by", ["its event", "the event of ours"])
def test_a_try_that_was_held_for_ours_is_known_from_when_it_counts(
    bench: Bench, released_by: str
) -> None:
    """A look read it hours before, but it might have been ours, which counted already: with it the
    window of the card was full, as the other customer was charged."""
    first, second = one_card(bench, 1, brand="amex"), one_card(bench, 2, brand="amex")
    busy(bench, 13)
    first_is_sent(bench, first)
    read = bench.stripe.read_charge

    def read_charge(charge_id: str) -> ChargeReading:
        return replace(read(charge_id), created_at=NOW, brand="amex")

    bench.stripe.read_charge = read_charge  # type: ignore[method-assign]
    shown = PaymentReading("pi_1", "requires_payment_method", "ch_2", "pm_1", signals=FUNDS)
    bench.stripe.invoices["in_1"] = replace(bench.stripe.invoices["in_1"], payment=shown)
    bench.stripe.answers = [SAVED_500]
    at(bench, NOW + 2 * MINUTE)
    assert bench.look(first) == "outcome_unknown"
    second_is_charged(bench, second, NOW + HOUR)
    assert not is_broken(bench)
    at(bench, NOW + 3 * HOUR)
    if released_by == "its event":
        told_lost(bench, "ch_2", key=None, brand="amex", reason="insufficient_funds")
    else:
        told_lost(bench, "ch_3", brand="amex", reason="insufficient_funds")
        assert bench.look(first) == "attempt_settled"
    assert not is_broken(bench)
