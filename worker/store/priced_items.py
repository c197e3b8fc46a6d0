"""What a subscription costs, as its mirror keeps it: enough to value it again exactly."""

from collections.abc import Iterable, Mapping
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
            discounts=discounts_of(row["discounts"]),
            price_id=row.get("price", ""),
            tiered=row.get("tiered", False),
        )
        for row in priced
    )


def discounts_of(ids: Iterable[str]) -> tuple[DiscountReading, ...]:
    """Return discounts by their ids alone."""
    return tuple(DiscountReading(each) for each in ids)
