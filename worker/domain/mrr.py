"""Monthly recurring revenue of a subscription, in integer minor units (domain.md 5.2)."""

from collections.abc import Iterable
from fractions import Fraction

from worker.domain.readings import PriceReading

MONTHS_PER: dict[str, Fraction] = {
    "day": Fraction(12, 365),
    "week": Fraction(12, 52),
    "month": Fraction(1),
    "year": Fraction(12),
}
"""How many months one billing interval lasts; day and week are conventions (assumption)."""


def monthly_minor(items: Iterable[PriceReading]) -> int:
    """Return the monthly value of all recurring items; metered items and unknown intervals are 0.

    Each item is rounded to the minor unit by itself, as Stripe rounds invoice lines;
    a half goes to the even neighbour.
    """
    return sum(_item_minor(item) for item in items)


def _item_minor(item: PriceReading) -> int:
    months = MONTHS_PER.get(item.interval)
    if item.metered or months is None or item.interval_count < 1:
        return 0
    return round(item.unit_amount_minor * item.quantity / (months * item.interval_count))
