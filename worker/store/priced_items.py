"""What a subscription costs, as its mirror keeps it: enough to value it again exactly."""

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from fractions import Fraction
from typing import Any

from worker.domain.readings import DiscountReading, PriceReading, SubscriptionReading


def priced_of(subscription: SubscriptionReading) -> list[dict[str, Any]]:
    """Return the items as JSON-able rows."""
    return [
        {
            "unit": str(
                item.unit_amount_minor if item.unit_amount_exact is None else item.unit_amount_exact
            ),
            "currency": item.currency,
            "interval": item.interval,
            "count": item.interval_count,
            "quantity": item.quantity,
            "metered": item.metered,
            "tax": str(item.inclusive_tax_percent),
            "taxed_by_stripe": item.taxed_by_stripe,
            "discounts": [each.id for each in item.discounts],
            "price": item.price_id,
            "tiered": item.tiered,
        }
        for item in subscription.items
    ]


def items_of(priced: Iterable[Mapping[str, Any]]) -> tuple[PriceReading, ...]:
    """Return the items that were kept."""
    return tuple(
        PriceReading(
            unit_amount_minor=0,
            unit_amount_exact=Fraction(row["unit"]),
            currency=row["currency"],
            interval=row["interval"],
            interval_count=row["count"],
            quantity=row["quantity"],
            metered=row["metered"],
            inclusive_tax_percent=Fraction(row["tax"]),
            taxed_by_stripe=row.get("taxed_by_stripe", False),
            discounts=discounts_of(row["discounts"]),
            price_id=row.get("price", ""),
            tiered=row.get("tiered", False),
        )
        for row in priced
    )


def discounts_of(ids: Iterable[str]) -> tuple[DiscountReading, ...]:
    """Return discounts by their ids alone."""
    return tuple(DiscountReading(each) for each in ids)


def look_to_json(subscription: SubscriptionReading | None) -> dict[str, Any] | None:
    """Return what values a subscription anew at another time, as a JSON-able row."""
    if subscription is None:
        return None
    return {
        "customer_id": subscription.customer_id,
        "status": subscription.status,
        "currency": subscription.currency,
        "paused": subscription.collection_paused,
        "priced": priced_of(subscription),
        "discounts": [each.id for each in subscription.discounts],
    }


def look_of(subscription_id: str, stored: Mapping[str, Any] | None) -> SubscriptionReading | None:
    """Return the subscription that was kept; when it was made is not."""
    if stored is None:
        return None
    return SubscriptionReading(
        id=subscription_id,
        customer_id=stored["customer_id"],
        status=stored["status"],
        created_at=datetime.fromtimestamp(0, UTC),
        currency=stored["currency"],
        items=items_of(stored["priced"]),
        collection_paused=stored["paused"],
        discounts=discounts_of(stored["discounts"]),
    )
