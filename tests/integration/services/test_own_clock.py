"""One sandbox, several test clocks: the worker hears of its own clock's objects only."""

from itertools import count
from typing import Any

from tests.integration.services.bench import Bench
from tests.integration.services.raw import customer, event, invoice, subscription
from tests.integration.store.building import MINUTE, NOW

OURS, THEIRS = "clock_ours", "clock_theirs"
KEY = {"id": "req_1", "idempotency_key": "dun:v1:in_2:1"}


def life_of(number: int, clock: str | None, ids: "count[int]") -> list[dict[str, Any]]:
    """Return what is told of a customer whose renewal fails."""
    at = NOW - 5 * MINUTE
    on: dict[str, Any] = {"test_clock": clock}
    who = {"customer": f"cus_{number}"}
    key = KEY if number == 2 else None
    outcome = {"type": "issuer_declined", "reason": "insufficient_funds"}
    charge = {
        "id": f"ch_{number}",
        "object": "charge",
        "status": "failed",
        "outcome": outcome,
        "created": int(at.timestamp()),
        "payment_method_details": {"type": "card", "card": {"fingerprint": "f", "brand": "visa"}},
        **who,
    }
    payment = {"id": f"inpay_{number}", "object": "invoice_payment", "invoice": f"in_{number}"}
    method = {"id": f"pm_{number}", "object": "payment_method", "type": "card", "card": {}, **who}
    told: list[tuple[str, dict[str, Any]]] = [
        ("customer.created", customer(number, **on)),
        ("payment_method.attached", method),
        ("customer.subscription.created", subscription(number, **on)),
        ("charge.failed", charge),
        ("invoice.payment_failed", invoice(number, **on)),
        ("invoice_payment.paid", payment),
    ]
    return [event(next(ids), kind, one, at=at, request=key) for kind, one in told]


def heard_of(bench: Bench) -> set[str]:
    """Return the customers that any table knows."""
    found: set[str] = set()
    tables = ("customers", "subscriptions", "invoices", "payment_methods", "network_attempts")
    with bench.ledger.connection() as connection:
        for table in (*tables, "cases"):
            query = f"SELECT customer_id FROM {table}"
            query = query.replace("customer_id FROM customers", "id FROM customers")
            found |= set(connection.exec_driver_sql(query).scalars())
    return found


def test_what_is_on_another_clock_or_on_none_is_not_heard_of(bench: Bench) -> None:
    ids = count(1)
    lives = [*life_of(1, OURS, ids), *life_of(2, THEIRS, ids), *life_of(3, None, ids)]
    run = bench.feed(*lives, test_clock=OURS)
    assert heard_of(bench) == {"cus_1"}
    assert (run.events, run.opened, run.foreign_keys) == (6, ["C-1001"], [])


def test_what_names_a_customer_known_from_before_is_heard_of(bench: Bench) -> None:
    first, *others = life_of(1, OURS, count(1))
    bench.feed(first, test_clock=OURS)
    bench.stripe.events = []
    later = [one for one in others if "test_clock" not in one["data"]["object"]]
    assert bench.feed(*later, test_clock=OURS).events == 2


def test_without_a_clock_everything_is_heard_of(bench: Bench) -> None:
    ids = count(1)
    bench.feed(*life_of(1, OURS, ids), *life_of(3, None, ids))
    assert heard_of(bench) == {"cus_1", "cus_3"}
