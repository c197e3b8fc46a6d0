"""Items billed by usage, several items, and coupons that last for some months."""

from typing import Any

import pytest
import stripe

from tests.contract.sandbox.driving import DAY, START, Driver

MONTH = 28 * DAY  # from the 31st of January to the 28th of February


def metered(box: Driver) -> str:
    """Return a price of 0.02 a call."""
    given: Any = {
        "display_name": "Calls",
        "event_name": "calls",
        "default_aggregation": {"formula": "sum"},
    }
    meter = box.client.v1.billing.meters.create(given)
    price: Any = {
        "unit_amount": 2,
        "currency": "eur",
        "recurring": {"interval": "month", "usage_type": "metered", "meter": meter.id},
        "product_data": {"name": "Calls"},
    }
    return box.client.v1.prices.create(price).id


def use(box: Driver, customer: str, value: int) -> None:
    """Report usage."""
    payload = {"stripe_customer_id": customer, "value": str(value)}
    box.client.v1.billing.meter_events.create({"event_name": "calls", "payload": payload})


def test_usage_is_billed_in_arrears_beside_what_is_paid_ahead(box: Driver) -> None:
    clock = box.clock()
    customer, _ = box.customer(clock)
    items: Any = [{"price": box.price(), "quantity": 3}, {"price": metered(box)}]
    made = box.client.v1.subscriptions.create({"customer": customer, "items": items})
    shown: Any = made.to_dict()
    assert ["quantity" in item for item in shown["items"]["data"]] == [True, False]
    use(box, customer, 40)
    use(box, customer, 2)
    box.advance(clock, START + MONTH + DAY)
    use(box, customer, 1000)  # belongs to the next invoice
    invoices = box.client.v1.invoices.list({"subscription": made.id}).data
    assert [invoice.amount_paid for invoice in invoices] == [3 * 1200 + 42 * 2, 3 * 1200]
    lines: Any = [line.to_dict() for line in invoices[0].lines.data]
    assert [line["quantity"] for line in lines] == [3, 42]
    assert lines[1]["period"] == {"start": START, "end": START + MONTH}
    assert lines[0]["period"]["start"] == START + MONTH


def test_a_metered_item_takes_no_quantity_and_no_proration(box: Driver) -> None:
    someone = box.subscriber()
    price = metered(box)
    with pytest.raises(stripe.InvalidRequestError, match="usage_type is `metered`"):
        box.subscriber(items=[{"price": price, "quantity": 2}])
    change: Any = {"items": [{"price": price}]}
    box.client.v1.subscriptions.update(someone.subscription, change)
    assert box.event_types().count("invoiceitem.created") == 0


def test_a_repeating_coupon_leaves_by_itself(box: Driver) -> None:
    someone = box.subscriber()
    given: Any = {"percent_off": 50, "duration": "repeating", "duration_in_months": 2}
    coupon = box.client.v1.coupons.create(given)
    change: Any = {"discounts": [{"coupon": coupon.id}]}
    box.client.v1.subscriptions.update(someone.subscription, change)
    for days in (29, 60, 91):
        box.advance(someone.clock, START + days * DAY)
    paid = [i.amount_paid for i in box.client.v1.invoices.list({"limit": 10}).data]
    # It was given after the first invoice and ends with the moment of the third.
    assert paid == [1200, 1200, 600, 1200]
    assert box.event_types().count("customer.discount.deleted") == 1
    with pytest.raises(stripe.InvalidRequestError, match="goes with the duration"):
        box.client.v1.coupons.create({"percent_off": 5, "duration_in_months": 2})
