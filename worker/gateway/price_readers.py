"""Readings of what subscriptions cost: items with their prices, discounts and inclusive taxes."""

from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal, InvalidOperation
from fractions import Fraction

from worker.domain.customer_discount import CustomerDiscount
from worker.domain.readings import CouponReading, DiscountReading, PriceReading
from worker.domain.tiers import PriceAmount, PriceWanted, Tier
from worker.gateway.raw_fields import child, children, flag, instant, reference, text, whole
from worker.gateway.tax_readers import is_taxed_by_stripe
from worker.ports import Json


def read_items(subscription: Json) -> tuple[PriceReading, ...]:
    """Return the subscription's items.

    Tax rates at an item count instead of the subscription's (docs.stripe.com/billing/taxes).
    """
    common = children(subscription, "default_tax_rates")
    automatic = is_taxed_by_stripe(subscription)
    return tuple(
        _price(item, common, automatic=automatic) for item in children(subscription, "items")
    )


def read_discounts(raw: Json) -> tuple[DiscountReading, ...]:
    """Return the discounts of a subscription or an item; without a coupon's id where they are not
    expanded.

    Since 2025-09-30 (clover) the coupon is the discount's `source`; before, it stood beside.
    """
    listed = raw.get("discounts")
    found = []
    for each in listed if isinstance(listed, list) else []:
        if isinstance(each, str):
            found.append(DiscountReading(each))
        elif isinstance(each, Mapping):
            found.append(DiscountReading(text(each, "id"), coupon_of(each)))
    return tuple(found)


def all_discounts(subscription: Json) -> tuple[DiscountReading, ...]:
    """Return the discounts of a subscription and of all its items."""
    places = [subscription, *children(subscription, "items")]
    return tuple(each for place in places for each in read_discounts(place))


def coupon_of(discount: Json) -> str:
    """Return the id of a discount's coupon."""
    return reference(child(discount, "source"), "coupon") or reference(discount, "coupon")


NARROWER = ("subscription", "subscription_item", "invoice", "invoice_item", "checkout_session")
"""What a discount may be about that does not serve its customer's other subscriptions."""


def read_customer_discount(raw: Json, *, seen_at: datetime) -> CustomerDiscount | None:
    """Return the discount as its customer's own; None where it serves one object of theirs.

    Args: seen_at: when it began, where that is not said.
    """
    customer_id = reference(raw, "customer")
    if not customer_id or not text(raw, "id") or any(raw.get(name) for name in NARROWER):
        return None
    return CustomerDiscount(
        id=text(raw, "id"),
        customer_id=customer_id,
        start_at=instant(raw, "start") or seen_at,
        end_at=instant(raw, "end"),
    )


def read_coupon(raw: Json) -> CouponReading:
    """Return what a coupon takes off."""
    return CouponReading(
        id=text(raw, "id"),
        percent_off=_fraction(raw.get("percent_off")),
        amount_off_minor=whole(raw, "amount_off"),
        currency=text(raw, "currency"),
        lasting=text(raw, "duration") == "forever",
    )


def read_amount(raw: Json, wanted: PriceWanted) -> PriceAmount:
    """Return what a price comes to in the wanted currency; no tiers where it is not offered in it.

    Args: raw: read with `tiers`, or with `currency_options` and theirs, expanded.
    """
    offered = raw if wanted.own_currency else child(raw, "currency_options", wanted.currency)
    tiers: tuple[Tier, ...] = ()
    if wanted.tiered:
        tiers = tuple(
            Tier(whole(each, "up_to") or None, _amount(each, "unit"), _amount(each, "flat"))
            for each in children(offered, "tiers")
        )
    elif offered:
        tiers = (Tier(None, _amount(offered, "unit")),)
    graduated = text(raw, "tiers_mode") == "graduated"
    return PriceAmount(wanted.price_id, wanted.currency, tiers, graduated)


def _amount(row: Json, which: str) -> Fraction:
    """The `unit` or `flat` amount exactly."""
    return _fraction(row.get(f"{which}_amount_decimal") or row.get(f"{which}_amount"))


def _price(item: Json, common_tax_rates: list[Json], *, automatic: bool) -> PriceReading:
    """One item's price; `plan` is what it was called before 2020 and in old payloads."""
    price = child(item, "price") or child(item, "plan")
    recurring = child(price, "recurring") or price
    unit_minor = whole(price, "unit_amount") or whole(price, "amount")
    tax_rates = children(item, "tax_rates") or common_tax_rates
    on_top = text(price, "tax_behavior") == "exclusive"
    return PriceReading(
        unit_amount_minor=unit_minor,
        currency=text(price, "currency"),
        interval=text(recurring, "interval"),
        interval_count=whole(recurring, "interval_count") or 1,
        quantity=_units(item, price),
        metered=text(recurring, "usage_type") == "metered",
        product_id=reference(price, "product"),
        product_name=text(child(price, "product"), "name"),
        price_id=text(price, "id"),
        item_id=text(item, "id"),
        unit_amount_exact=_exact(price, unit_minor),
        inclusive_tax_percent=_inclusive(tax_rates),
        taxed_by_stripe=automatic and not on_top and not tax_rates,
        discounts=read_discounts(item),
        tiered=text(price, "billing_scheme") == "tiered",
    )


def _units(item: Json, price: Json) -> int:
    """How many units are billed: the quantity, or packages of it (Price.transform_quantity)."""
    quantity = item.get("quantity")
    count = quantity if isinstance(quantity, int) else 1
    packages = child(price, "transform_quantity") or child(price, "transform_usage")
    size = whole(packages, "divide_by")
    if size < 1:
        return count
    return -(-count // size) if text(packages, "round") == "up" else count // size


def _exact(price: Json, unit_minor: int) -> Fraction | None:
    """The price where it is no whole number of minor units, as in 0.5 cents; else None."""
    written = price.get("unit_amount_decimal") or price.get("amount_decimal")
    try:
        exact = Fraction(Decimal(str(written)))
    except (InvalidOperation, ValueError, OverflowError):
        return None
    return None if exact == unit_minor else exact


def _inclusive(tax_rates: list[Json]) -> Fraction:
    """The sum of the percentages that are inside the price."""
    inside = (rate for rate in tax_rates if flag(rate, "inclusive"))
    return sum((_fraction(rate.get("percentage")) for rate in inside), Fraction())


def _fraction(written: object) -> Fraction:
    """A decimal number exactly as Stripe wrote it; nothing readable is 0."""
    try:
        return Fraction(Decimal(str(written)))
    except (InvalidOperation, ValueError, OverflowError):
        return Fraction()
