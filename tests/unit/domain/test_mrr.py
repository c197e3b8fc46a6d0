"""Monthly recurring revenue: the conventions and examples of the metrics' definitions."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from worker.domain.mrr import MONTHS_PER, subscription_mrr
from worker.domain.readings import CouponReading, DiscountReading, PriceReading, SubscriptionReading


def item(
    amount_minor: int, interval: str, count: int = 1, quantity: int = 1, *, metered: bool = False
) -> PriceReading:
    """Return one item of a subscription."""
    return PriceReading(amount_minor, "eur", interval, count, quantity, metered)


def priced(*items: PriceReading, discounts: Sequence[str] = ()) -> SubscriptionReading:
    """Return a subscription with these items and the discounts of these ids."""
    found = tuple(DiscountReading(each) for each in discounts)
    at = datetime(2026, 1, 1, tzinfo=UTC)
    return SubscriptionReading("sub_1", "cus_1", "active", at, "eur", items=items, discounts=found)


@pytest.mark.parametrize(
    ("items", "monthly"),
    [
        ([item(4900, "month")], 4900),
        ([item(200_000, "year")], 16_667),  # 2,000 a year is 166.67 a month
        ([item(1200, "year")], 100),
        ([item(60_000, "month", 6)], 10_000),  # half-year / 6
        ([item(30_000, "month", 3)], 10_000),  # quarter / 3
        ([item(1000, "week")], 4333),  # x 52 / 12 = 4.3333
        ([item(1200, "week", 2)], 2600),
        ([item(1000, "day")], 30_417),  # x 365 / 12 = 30.4167
        ([item(100, "day", 365)], 8),
        ([item(240_000, "year", 2)], 10_000),
        ([item(1000, "month", quantity=7)], 7000),
        ([item(0, "month")], 0),
        ([item(4900, "month", quantity=0)], 0),
        ([item(4900, "month", metered=True)], 0),
        ([item(4900, "fortnight")], 0),  # an interval that Stripe may add
        ([item(4900, "month", 0)], 0),
        ([], 0),
        ([item(4900, "month"), item(120_000, "year"), item(1, "month", metered=True)], 14_900),
    ],
)
def test_examples(items: list[PriceReading], monthly: int) -> None:
    assert subscription_mrr(priced(*items), {}) == monthly


@pytest.mark.parametrize(
    ("one", "monthly"),
    [
        (item(6, "year"), 0),  # a half goes to the even neighbour
        (item(18, "year"), 2),
        (item(6, "day"), 182),  # 182.5
        (item(18, "day"), 548),  # 547.5
        (item(-18, "day"), -548),
        (item(1, "month", 2), 0),
        (item(3, "month", 2), 2),
    ],
)
def test_halves_are_exact(one: PriceReading, monthly: int) -> None:
    assert subscription_mrr(priced(one), {}) == monthly


prices = st.builds(
    item,
    st.integers(0, 10**9),
    st.sampled_from(sorted(MONTHS_PER)),
    st.integers(1, 52),
    st.integers(0, 1000),
)


@given(st.lists(prices, max_size=5))
def test_never_off_by_more_than_half_a_unit_a_subscription(items: list[PriceReading]) -> None:
    exact = sum(
        (
            i.unit_amount_minor * i.quantity / (MONTHS_PER[i.interval] * i.interval_count)
            for i in items
        ),
        Fraction(),
    )
    monthly = subscription_mrr(priced(*items), {})
    assert isinstance(monthly, int)
    assert abs(monthly - exact) * 2 <= 1


@given(prices)
def test_twelve_months_are_a_year(price: PriceReading) -> None:
    a_year = replace(price, interval="year", interval_count=price.interval_count)
    in_months = replace(price, interval="month", interval_count=12 * price.interval_count)
    assert subscription_mrr(priced(a_year), {}) == subscription_mrr(priced(in_months), {})


FOREVER_10 = CouponReading("TEN", percent_off=Fraction(10), lasting=True)
FOREVER_5_EUR = CouponReading("FIVE", amount_off_minor=500, currency="eur", lasting=True)
ONCE_HALF = CouponReading("HALF", percent_off=Fraction(50))
TERMS = {"di_10": FOREVER_10, "di_5eur": FOREVER_5_EUR, "di_half": ONCE_HALF}


@pytest.mark.parametrize(
    ("subscription", "ignored", "subtracted"),
    [
        (priced(item(4900, "month"), discounts=["di_10"]), 4410, 4410),
        (priced(item(4900, "month"), discounts=["di_half"]), 4900, 2450),
        (priced(item(4900, "month"), discounts=["di_unknown"]), 4900, 4900),
        (priced(item(4900, "month"), discounts=["di_5eur"]), 4400, 4400),
        (priced(item(12_000, "year"), discounts=["di_5eur"]), 958, 958),  # 115.00 / 12
        (priced(item(300, "month"), discounts=["di_5eur"]), 0, 0),
        (priced(item(4900, "month"), discounts=["di_10", "di_5eur"]), 3910, 3910),
        (priced(item(4900, "month"), discounts=["di_5eur", "di_10"]), 3960, 3960),
        (priced(item(1000, "month"), item(1000, "month"), discounts=["di_10"]), 1800, 1800),
        (
            priced(
                replace(item(1000, "month"), discounts=(DiscountReading("di_half"),)),
                item(1000, "month"),
                discounts=["di_10"],
            ),
            1800,
            1350,
        ),
    ],
)
def test_discounts(subscription: SubscriptionReading, ignored: int, subtracted: int) -> None:
    assert subscription_mrr(subscription, TERMS) == ignored
    assert subscription_mrr(subscription, TERMS, temporary_count=True) == subtracted


def test_an_amount_off_of_another_currency_takes_nothing() -> None:
    dollars = {"di_5eur": replace(FOREVER_5_EUR, currency="usd")}
    assert subscription_mrr(priced(item(4900, "month"), discounts=["di_5eur"]), dollars) == 4900


def test_a_tax_inside_the_price_is_no_revenue() -> None:
    taxed = replace(item(11_900, "month"), inclusive_tax_percent=Fraction(19))
    assert subscription_mrr(priced(taxed), {}) == 10_000
    assert subscription_mrr(priced(taxed, discounts=["di_10"]), TERMS) == 9000
    assert subscription_mrr(priced(taxed, item(1000, "month")), {}) == 11_000


def test_a_price_below_a_minor_unit_counts_exactly() -> None:
    half_a_cent = replace(item(0, "month", quantity=10_001), unit_amount_exact=Fraction(1, 2))
    assert subscription_mrr(priced(half_a_cent), {}) == 5000  # 5000.5, the even neighbour
