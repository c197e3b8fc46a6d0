"""Prices in tiers, and what another billing interval brings."""

from typing import Any

import pytest
import stripe

from tests.contract.sandbox.driving import DAY, START, Driver

YEAR = 365 * DAY
TIERS = [
    {"up_to": 2, "unit_amount": 500, "flat_amount": 1000},
    {"up_to": "inf", "unit_amount": 400},
]


def tiered(box: Driver, mode: str) -> str:
    """Return a price in tiers."""
    given: Any = {
        "currency": "eur",
        "billing_scheme": "tiered",
        "tiers_mode": mode,
        "tiers": TIERS,
        "recurring": {"interval": "month"},
        "product_data": {"name": "Seats"},
    }
    return box.client.v1.prices.create(given).id


@pytest.mark.parametrize(
    ("mode", "first", "then"), [("graduated", 2000, 2400), ("volume", 2000, 1200)]
)
def test_units_in_tiers_are_billed_and_only_expanding_shows_the_tiers(
    box: Driver, mode: str, first: int, then: int
) -> None:
    clock = box.clock()
    customer, _ = box.customer(clock)
    price = tiered(box, mode)
    items: Any = {"customer": customer, "items": [{"price": price, "quantity": 2}]}
    made = box.client.v1.subscriptions.create(items)
    shown: Any = made["items"].data[0].price
    assert (shown.billing_scheme, shown.unit_amount, "tiers" in shown) == ("tiered", None, False)
    told: Any = box.client.v1.prices.retrieve(price, {"expand": ["tiers"]})
    assert [(tier.up_to, tier.unit_amount) for tier in told.tiers] == [(2, 500), (None, 400)]
    change: Any = {
        "items": [{"id": made["items"].data[0].id, "quantity": 3}],
        "proration_behavior": "none",
    }
    box.client.v1.subscriptions.update(made.id, change)
    box.advance(clock, START + 33 * DAY)
    invoices = box.client.v1.invoices.list({"customer": customer}).data
    assert [invoice.amount_due for invoice in invoices] == [then, first]


def test_the_last_tier_has_no_end(box: Driver) -> None:
    given: Any = {
        "currency": "eur",
        "billing_scheme": "tiered",
        "tiers_mode": "volume",
        "tiers": TIERS[:1],
        "product_data": {"name": "Seats"},
    }
    with pytest.raises(stripe.InvalidRequestError, match="up_to=inf"):
        box.client.v1.prices.create(given)


def test_another_interval_begins_at_once_and_is_billed_at_once(box: Driver) -> None:
    clock = box.clock()
    customer, _ = box.customer(clock)
    first: Any = {"customer": customer, "items": [{"price": box.price(3100)}]}
    made = box.client.v1.subscriptions.create(first)
    box.advance(clock, START + 10 * DAY)
    change: Any = {"items": [{"id": made["items"].data[0].id, "price": box.price(30_000, "year")}]}
    yearly = box.client.v1.subscriptions.update(made.id, change)
    item = yearly["items"].data[0]
    assert yearly.billing_cycle_anchor == item.current_period_start == START + 10 * DAY
    assert item.current_period_end - item.current_period_start in {YEAR, YEAR + DAY}
    bill = box.client.v1.invoices.list({"customer": customer}).data[0]
    left = sorted(line.amount for line in bill.lines.data)
    assert (bill.billing_reason, bill.status) == ("subscription_update", "paid")
    assert (len(left), left[1]) == (2, 30_000)
    assert -3100 < left[0] < -1900
    box.advance(clock, START + 60 * DAY)
    assert len(box.client.v1.invoices.list({"customer": customer}).data) == 2


def test_items_of_two_intervals_are_refused(box: Driver) -> None:
    customer, _ = box.customer(box.clock())
    first: Any = {"customer": customer, "items": [{"price": box.price(3100)}]}
    made = box.client.v1.subscriptions.create(first)
    change: Any = {"items": [{"price": box.price(30_000, "year")}]}
    with pytest.raises(stripe.InvalidRequestError, match="same billing interval"):
        box.client.v1.subscriptions.update(made.id, change)
