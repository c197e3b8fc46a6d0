"""Monthly recurring revenue of a subscription, in integer minor units (domain.md 5.2).

Everything is exact until the end: one rounding per subscription, a half to the even neighbour.
Movements are differences of rounded values, so they always add up.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from fractions import Fraction

from worker.domain.readings import (
    CouponReading,
    DiscountReading,
    PriceReading,
    SubscriptionReading,
)
from worker.domain.tiers import PriceAmount

MONTHS_PER: dict[str, Fraction] = {
    "day": Fraction(12, 365),
    "week": Fraction(12, 52),
    "month": Fraction(1),
    "year": Fraction(12),
}
"""How many months one billing interval lasts; day and week are conventions (assumption)."""


Coupons = Mapping[str, CouponReading]
"""Id of a discount -> its coupon; one that is not here takes nothing off."""


Amounts = Mapping[str, PriceAmount]
"""Id of a price -> what it comes to in the subscription's currency, where its item cannot tell."""


CouponsOf = Callable[[Iterable[DiscountReading]], list[CouponReading]]


def subscription_mrr(
    subscription: SubscriptionReading,
    coupons: Coupons,
    amounts: Amounts | None = None,
    *,
    temporary_count: bool = False,
) -> int:
    """Return the subscription's monthly value as if it were active, whatever its status is.

    Args: amounts: of prices in tiers or in another currency; one that is not here counts nothing.
    temporary_count: whether discounts that end by themselves are taken off as well.
    """

    def of(discounts: Iterable[DiscountReading]) -> list[CouponReading]:
        known = (coupons.get(discount.id) for discount in discounts)
        return [one for one in known if one is not None and (one.lasting or temporary_count)]

    items = tuple(
        _priced(item, subscription.currency, amounts or {}) for item in subscription.items
    )
    return _rounded(items, of(subscription.discounts), of)


def _priced(item: PriceReading, currency: str, amounts: Amounts) -> PriceReading:
    """Return the item as if its price were per unit and in the subscription's currency."""
    if not item.is_priced_elsewhere(currency):
        return item
    amount = amounts.get(item.price_id, PriceAmount(item.price_id, currency))
    total = amount.of(item.quantity)
    return replace(item, unit_amount_exact=total, quantity=1, currency=currency, tiered=False)


def _rounded(items: Iterable[PriceReading], discounts: list[CouponReading], of: CouponsOf) -> int:
    """Return what the items come to a month; metered items and unknown intervals are 0.

    Item by item its own discounts are taken off, then the subscription's off what is left, one
    after the other; an amount off is spread over the invoice's period. A tax that is inside the
    price leaves last, as it does on Stripe's invoices.
    """
    gross, net, shortest, currency = Fraction(), Fraction(), Fraction(), ""
    for item in items:
        months = _months(item)
        if months == 0:
            continue
        value = _off(_value(item, months), of(item.discounts), months, item.currency)
        gross += value
        net += value / (1 + item.inclusive_tax_percent / 100)
        shortest = min(shortest, months) if shortest else months
        currency = item.currency
    if gross == 0:
        return 0
    return round(_off(gross, discounts, shortest, currency) * net / gross)


def _months(item: PriceReading) -> Fraction:
    """Return how many months one of the item's periods lasts; 0 where it brings no MRR."""
    if item.metered or item.interval_count < 1:
        return Fraction()
    return MONTHS_PER.get(item.interval, Fraction()) * item.interval_count


def _value(item: PriceReading, months: Fraction) -> Fraction:
    exact = item.unit_amount_exact
    unit = Fraction(item.unit_amount_minor) if exact is None else exact
    return unit * item.quantity / months


def _off(
    value: Fraction, discounts: Iterable[CouponReading], months: Fraction, currency: str
) -> Fraction:
    """Return what is left of a monthly *value*; never below zero."""
    for each in discounts:
        value *= 1 - each.percent_off / 100
        if each.amount_off_minor and each.currency == currency:
            value = max(Fraction(), value - each.amount_off_minor / months)
    return value
