"""Every object of a full life fits the SDK's typed classes and Stripe's own examples."""

import json
from pathlib import Path
from typing import Any

import stripe

from tests.contract.sandbox.driving import DAY, START, Driver
from tests.contract.sandbox.typed_classes import problems
from worker.rehearsal.sandbox.main import Running

EXAMPLES = Path(__file__).parents[1] / "data" / "fixtures3.json"


def live(box: Driver) -> None:
    """Let about everything happen that the sandbox can do."""
    client = box.client
    box.control("settings", retries=[3, 5], after_last_retry="cancel")
    clock = box.clock()
    customer, card = box.customer(clock)
    trial: Any = {"customer": customer, "items": [{"price": box.price()}], "trial_period_days": 10}
    client.v1.subscriptions.create(trial)
    plain: Any = {"customer": customer, "items": [{"price": box.price(500, "week")}]}
    weekly = client.v1.subscriptions.create(plain)
    poor, poor_card = box.customer(clock, "pm_card_mastercard")
    _subscribe(client, plain, poor)
    decline = {"decline_code": "insufficient_funds", "network_advice_code": "24"}
    box.script(poor_card, decline)
    bank, _ = box.customer(clock, "pm_sepaDebit_success")
    _subscribe(client, plain, bank)
    careful, _ = box.customer(clock, "pm_card_amex")
    _subscribe(client, plain, careful, collection_method="send_invoice", days_until_due=3)
    asked, asked_card = box.customer(clock, "pm_card_amex")
    _subscribe(client, plain, asked)
    box.script(asked_card, {"requires_action": True})
    item = weekly["items"].data[0].id
    box.advance(clock, START + 8 * DAY)
    box.advance(clock, START + 15 * DAY)
    change: Any = {"items": [{"id": item, "quantity": 3}], "proration_behavior": "always_invoice"}
    client.v1.subscriptions.update(weekly.id, change)
    box.advance(clock, START + 24 * DAY)
    paid = client.v1.invoices.list({"customer": customer, "status": "paid"}).data[0].id
    client.v1.credit_notes.create({"invoice": paid, "amount": 100})
    box.control("act", act="early_fraud_warning", invoice=paid)
    box.control("act", act="dispute", invoice=paid)
    box.control("act", act="auto_update_card", payment_method=card)
    client.v1.billing_portal.sessions.create({"customer": customer})
    manual: Any = {"customer": careful, "currency": "eur", "amount": 900}
    client.v1.invoice_items.create(manual)
    bill = client.v1.invoices.create({"customer": careful})
    client.v1.invoices.finalize_invoice(bill.id)
    client.v1.invoices.void_invoice(bill.id)


def _subscribe(client: stripe.StripeClient, plain: Any, customer: str, **more: Any) -> None:
    given: Any = {**plain, "customer": customer, **more}
    client.v1.subscriptions.create(given)


def test_every_object_fits_the_typed_classes(box: Driver, server: Running) -> None:
    live(box)
    world = server.sandbox.world
    rows = [row for table in world.tables.values() for row in table.rows.values()]
    kinds = {row["object"] for row in rows}
    assert {"charge", "credit_note", "dispute", "invoice", "mandate", "subscription"} <= kinds
    assert sorted({problem for row in rows for problem in problems(row)}) == []


def test_every_event_holds_an_object_that_fits(box: Driver, server: Running) -> None:
    live(box)
    found: set[str] = set()
    for event in server.sandbox.world.tables["event"].rows.values():
        held = event["data"]["object"]
        found |= {f"{event['type']} {p}" for p in problems({"id": "in_upcoming", **held})}
    assert sorted(found) == []


def test_fields_of_stripes_examples_are_there(box: Driver, server: Running) -> None:
    """Nothing that Stripe's own example of a resource shows is missing."""
    live(box)
    examples = json.loads(EXAMPLES.read_text())["resources"]
    # Gone since the examples' version, or only there when expanded.
    gone = {"invoice": {"subscription"}, "charge": {"refunds"}}
    missing = {}
    for kind, table in server.sandbox.world.tables.items():
        if kind not in examples or not table.rows:
            continue
        row = next(iter(table.rows.values()))
        lost = set(examples[kind]) - set(row) - gone.get(kind, set())
        if lost:
            missing[kind] = sorted(lost)
    assert missing == {}


def test_the_comparison_finds_what_does_not_fit(box: Driver) -> None:
    """The checks above would notice a missing field, a strange one and an unknown word."""
    box.customer(None)
    row = box.client.v1.customers.list().data[0].to_dict()
    del row["created"]
    row |= {"paid": True, "tax_exempt": "sometimes", "balance": "12"}
    assert [problem.split(":")[0] for problem in problems(row)] == [
        "customer.paid",
        "customer.balance",
        "customer.created",
        "customer.tax_exempt",
    ]
