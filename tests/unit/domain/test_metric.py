"""A metric's value is exact, and a period's length in months where it is made of them."""

from datetime import UTC, datetime
from fractions import Fraction
from zoneinfo import ZoneInfo

import pytest

from worker.domain.metric import Definition, Metric, Period, Unit

RATE = Definition("rate", "a / b", Unit.PERCENT, "metrics.movements")


def day(month: int, number: int = 1, year: int = 2026) -> datetime:
    """Return a midnight, UTC."""
    return datetime(year, month, number, tzinfo=UTC)


@pytest.mark.parametrize(
    ("number", "of", "value"),
    [(99, 107, Fraction(9900, 107)), (0, 3, Fraction(0)), (0, 0, None), (5, 0, None)],
)
def test_a_value_is_exact_and_nothing_is_divided_by_zero(
    number: int, of: int, value: Fraction | None
) -> None:
    assert Metric(RATE, "eur", "", Fraction(number), Fraction(of)).value == value


@pytest.mark.parametrize(
    ("begin", "end", "months"),
    [
        (day(2), day(3), Fraction(1)),
        (day(1), day(1, year=2027), Fraction(12)),
        (day(1, 15), day(3, 15), Fraction(2)),
        (day(1), day(1, 8), Fraction(7 * 12, 365)),
        (day(1, 31), day(2, 28), Fraction(28 * 12, 365)),
    ],
)
def test_months_are_calendar_months_or_shares_of_a_year(
    begin: datetime, end: datetime, months: Fraction
) -> None:
    assert Period(begin, end).months == months


def test_a_month_of_the_offices_is_one_though_its_clocks_change() -> None:
    berlin = ZoneInfo("Europe/Berlin")
    begin, end = datetime(2026, 10, 1, tzinfo=berlin), datetime(2026, 11, 1, tzinfo=berlin)
    assert Period(begin, end, berlin).months == 1


@pytest.mark.parametrize(
    ("begin", "end", "before"),
    [
        (day(3), day(4), day(2)),
        (day(1), day(4), day(10, year=2025)),
        (day(1, 15), day(1, 22), day(1, 8)),
        (day(1), day(1, year=2027), day(1, year=2025)),
    ],
)
def test_the_period_before_is_as_long_in_months(
    begin: datetime, end: datetime, before: datetime
) -> None:
    assert (Period(begin, end).before.from_at, Period(begin, end).before.to_at) == (before, begin)


def test_a_period_begins_before_it_ends() -> None:
    with pytest.raises(ValueError, match="begins before it ends"):
        Period(day(2), day(2))


def test_a_small_basis_is_marked_and_none_at_all_is_not() -> None:
    def with_basis(basis: int | None) -> bool:
        return Metric(RATE, "eur", "", Fraction(1), Fraction(2), basis=basis).is_small

    assert [with_basis(basis) for basis in (None, 0, 1, 29, 30)] == [
        False,
        False,
        True,
        True,
        False,
    ]
