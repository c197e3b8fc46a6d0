"""Monthly recurring revenue: the conventions and examples of the metrics' definitions."""

from dataclasses import replace
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from worker.domain.mrr import MONTHS_PER, monthly_minor
from worker.domain.readings import PriceReading


def item(
    amount_minor: int, interval: str, count: int = 1, quantity: int = 1, *, metered: bool = False
) -> PriceReading:
    """Return one item of a subscription."""
    return PriceReading(amount_minor, "eur", interval, count, quantity, metered)


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
    assert monthly_minor(items) == monthly


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
    assert monthly_minor([one]) == monthly


prices = st.builds(
    item,
    st.integers(0, 10**9),
    st.sampled_from(sorted(MONTHS_PER)),
    st.integers(1, 52),
    st.integers(0, 1000),
)


@given(st.lists(prices, max_size=5))
def test_never_off_by_more_than_half_a_unit_an_item(items: list[PriceReading]) -> None:
    exact = sum(
        (
            i.unit_amount_minor * i.quantity / (MONTHS_PER[i.interval] * i.interval_count)
            for i in items
        ),
        Fraction(),
    )
    monthly = monthly_minor(items)
    assert isinstance(monthly, int)
    assert abs(monthly - exact) * 2 <= len(items)
    assert monthly == sum(monthly_minor([i]) for i in items)


@given(prices)
def test_twelve_months_are_a_year(price: PriceReading) -> None:
    a_year = replace(price, interval="year", interval_count=price.interval_count)
    in_months = replace(price, interval="month", interval_count=12 * price.interval_count)
    assert monthly_minor([a_year]) == monthly_minor([in_months])
