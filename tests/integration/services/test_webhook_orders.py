"""Webhooks in any order, doubled, with any one missing: the same rows as polling alone (I13).

Here Stripe's list shows nothing before the end, which is the worst case: whatever came is applied
in the order in which it came, one by one, and the list has to put it right afterwards. All orders
live side by side in one ledger, each with objects of its own.
"""

from collections.abc import Iterable, Sequence
from datetime import timedelta
from itertools import permutations
from typing import Any

import pytest

from tests.integration.services.bench import Bench
from tests.integration.services.raw import customer, event, invoice, subscription
from tests.integration.store.building import MINUTE, NOW
from worker.domain.metrics_rules import MetricsRules
from worker.gateway.invoice_readers import StripeReader
from worker.ports import Json
from worker.services.fold_facts import fold_facts

T0 = NOW - 10 * MINUTE
PAID = T0 + 4 * MINUTE
ROUND = timedelta(seconds=31)
"""Longer than an event waits for the list before it is applied without one."""
EVENTS = 6
POLLED = 19_000
"""The story that comes by polling alone."""
ORDERS = list(permutations(range(EVENTS)))
Story = Sequence[int]
"""Places of the events in the order in which webhooks bring them."""


def story_events(number: int) -> list[Json]:
    """Return six events, as Stripe lists them, the last three of one second."""
    card = {"invoice_settings": {"default_payment_method": "pm_old"}}
    paid = {"status": "paid", "amount_paid": 1200, "amount_remaining": 0}
    happened: list[tuple[str, dict[str, Any], Any]] = [
        ("invoice.payment_failed", invoice(number), T0),
        ("invoice.payment_failed", invoice(number, attempt_count=2), T0 + 2 * MINUTE),
        ("customer.updated", customer(number), T0 + 3 * MINUTE),
        ("customer.subscription.updated", subscription(number), PAID),
        ("invoice.paid", invoice(number, **paid), PAID),
        ("customer.subscription.updated", subscription(number, amount_minor=1500), PAID),
    ]
    made: list[Any] = [
        event(number * 10 + place, kind, subject, at=at)
        for place, (kind, subject, at) in enumerate(happened)
    ]
    made[2]["data"]["previous_attributes"] = card
    return made


def doubled(order: Story) -> list[list[int]]:
    """Return rounds of deliveries: each event comes in one round and again in the next."""
    return [[now, *before] for now, before in zip(order, [[], *([p] for p in order)], strict=False)]


def deliver(bench: Bench, stories: dict[int, Story], *, look: Iterable[int] = ()) -> None:
    """Let webhooks bring the stories' events while Stripe's list is empty, then let it show all.

    With them it shows those of POLLED, which no webhook ever brought.
    Args: look: stories whose case a worker looks at after each round.
    """
    told = {number: story_events(number) for number in stories}
    rounds = {number: doubled(order) for number, order in stories.items()}
    for place in range(EVENTS):
        with bench.ledger.begin() as tx:
            for number, each in rounds.items():
                for which in each[place] if place < len(each) else ():
                    tx.inbox.keep(told[number][which], wall_now=bench.clock.now)
        bench.clock.now += ROUND
        while bench.feed().events:
            fold_facts(
                ledger=bench.ledger, reader=StripeReader(), clock=bench.clock, rules=MetricsRules()
            )
        for number in look:
            look_at(bench, number)
    listed = [one for events in (*told.values(), story_events(POLLED)) for one in events]
    bench.feed(*sorted(listed, key=lambda one: int(str(one["created"]))))
    assert bench.feed().events == 0  # nothing is out of place any more
    bench.clock.now += 30 * MINUTE
    bench.feed()
    fold_facts(ledger=bench.ledger, reader=StripeReader(), clock=bench.clock, rules=MetricsRules())


ROWS = {
    "cases": """
        SELECT customer_id AS of, subscription_id, invoice_id, state, outcome, failed_at,
          amount_minor, currency, policy_digest, recovered_by FROM cases
    """,
    "invoices": """
        SELECT customer_id AS of, id, status, amount_remaining_minor, attempted, failed_at, seen_at
        FROM invoices
    """,
    "subscriptions": """
        SELECT customer_id AS of, id, status, amount_minor, seen_at FROM subscriptions
    """,
    "chains": """
        SELECT traits ->> 'customer_id' AS of, told, no, looked_at, traits FROM revenue_chains
    """,
    "customers": "SELECT id AS of, email, default_changed_at, seen_at FROM customers",
    "attempts": """
        SELECT c.customer_id AS of, a.no, a.kind, a.step, a.state
        FROM attempts a JOIN cases c ON c.id = a.case_id ORDER BY a.no
    """,
    "letters": "SELECT customer_id AS of, notice, step, state FROM letters ORDER BY id",
    "facts": """
        SELECT data ->> 'customer_id' AS of, type, data - 'case' AS data
        FROM events ORDER BY type, data::text
    """,
    "inbox": """
        SELECT 'cus_' || left(substr(event_id, 5), -1) AS of, event_id, waiting,
          folded_at IS NOT NULL AS folded, error FROM inbox ORDER BY created_at, seq
    """,
}


def final_rows(bench: Bench) -> dict[int, dict[str, list[str]]]:
    """Return each story's final rows, without ids and times of ours and the story's number."""
    found: dict[int, dict[str, list[str]]] = {}
    with bench.ledger.connection() as connection:
        for name, query in ROWS.items():
            for row in connection.exec_driver_sql(query).mappings():
                number = row["of"].removeprefix("cus_")
                rows = found.setdefault(int(number), {name: [] for name in ROWS})
                rows[name].append(str(dict(row)).replace(number, "N"))
    return found


def look_at(bench: Bench, number: int) -> None:
    """Let a worker look at a story's case, if it has one that is due."""
    query = "SELECT id FROM cases WHERE invoice_id = %(invoice)s"
    with bench.ledger.connection() as connection:
        found = connection.exec_driver_sql(query, {"invoice": f"in_{number}"}).scalar()
    if found is not None:
        bench.look(found)


@pytest.mark.parametrize("first", range(EVENTS))
def test_all_orders_doubled_and_with_one_missing_end_as_polling_alone(
    bench: Bench, first: int
) -> None:
    orders = [order for order in ORDERS if order[0] == first]
    stories: dict[int, Story] = dict(enumerate(orders, 11_000))
    stories |= dict(enumerate((order[1:] for order in orders[::20]), 12_000))
    deliver(bench, stories)
    found = final_rows(bench)
    expected = found[POLLED]
    assert [len(expected[name]) for name in ("inbox", "cases", "facts")] == [EVENTS, 1, 4]
    assert found.keys() == {*stories, POLLED}
    assert {number: rows for number, rows in found.items() if rows != expected} == {}


def test_a_worker_that_acts_in_between_ends_it_alike(bench: Bench) -> None:
    stories: dict[int, Story] = dict(enumerate(ORDERS[::60], 11_000))
    paid: dict[str, Any] = {"status": "paid", "amount_remaining_minor": 0}
    for number in (*stories, POLLED):
        bench.failed_invoice(number, amount_paid_minor=1200, **paid)
    deliver(bench, stories, look=stories)
    for number in (*stories, POLLED):
        look_at(bench, number)
    found = final_rows(bench)
    assert "'outcome': 'recovered'" in found[POLLED]["cases"][0]
    assert found == dict.fromkeys((*stories, POLLED), found[POLLED])
    assert found[POLLED]["attempts"] == []
