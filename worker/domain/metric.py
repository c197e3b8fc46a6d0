"""A metric as a value: exact numerator and denominator, rounded by whoever shows it.

A denominator of zero, or one that is not known, gives no value: never 0 %.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from enum import StrEnum
from fractions import Fraction
from zoneinfo import ZoneInfo

SMALL_GROUP_MAX = 30
"""Rates of fewer customers, invoices or answers than this are marked: chance moves them."""

DAYS_PER_MONTH = Fraction(365, 12)
"""A month where a period is no whole number of calendar months (domain.md 5.2)."""

_MIDNIGHT = time()


class Unit(StrEnum):
    """What a value counts."""

    PERCENT = "percent"
    POINTS = "points"
    """-100 to 100, as of NPS."""
    MONEY = "money"
    COUNT = "count"
    RATIO = "ratio"
    """A plain number, such as tries per recovery."""
    DAYS = "days"
    HOURS = "hours"


HUNDREDS = frozenset((Unit.PERCENT, Unit.POINTS))
"""Units whose value is the quotient times 100."""


class Parts(StrEnum):
    """What numerator and denominator count."""

    COUNTS = "counts"
    MONEY = "money"
    """Both are minor units."""
    MONEY_PER_COUNT = "money_per_count"


@dataclass(frozen=True, slots=True)
class Definition:
    """What a metric is; names are a promise (README lists them)."""

    name: str
    formula: str
    unit: Unit
    source: str
    """The view or views that it is read from."""
    parts: Parts = Parts.COUNTS
    """What its quotient is made of."""


@dataclass(frozen=True, slots=True)
class Metric:
    """One figure of one period, currency and group."""

    definition: Definition
    currency: str
    """Empty where the figure has none, as NPS."""
    group: str
    numerator: Fraction
    """Minor units of `currency` where it is money; seconds never, days and hours as such."""
    denominator: Fraction | None
    """None where the figure is no quotient: the numerator is the value."""
    basis: int | None = None
    """How many customers, invoices or answers a rate is about; None for plain sums."""
    pending: int = 0
    """How many of the denominator are not decided yet."""
    terms: Mapping[str, Fraction] = field(default_factory=dict)
    """What the formula multiplies, where that is more than two figures, and what to compare."""
    warning: str = ""
    """What is wrong with the figure itself; empty where nothing is."""

    @property
    def value(self) -> Fraction | None:
        """The exact value in the definition's unit; None where there is none."""
        if self.denominator is None:
            return self.numerator
        if self.denominator == 0:
            return None
        hundred = 100 if self.definition.unit in HUNDREDS else 1
        return self.numerator * hundred / self.denominator

    @property
    def is_small(self) -> bool:
        """Whether so few are behind it that it says little."""
        return self.basis is not None and 0 < self.basis < SMALL_GROUP_MAX


@dataclass(frozen=True, slots=True)
class Period:
    """The half-open period `[from_at, to_at)`, both aware; days begin in `zone`."""

    from_at: datetime
    to_at: datetime
    zone: ZoneInfo = field(default_factory=lambda: ZoneInfo("UTC"))

    def __post_init__(self) -> None:
        """Refuse an empty period. Raises: ValueError."""
        if self.from_at >= self.to_at:
            raise ValueError("a period begins before it ends")

    @property
    def months(self) -> Fraction:
        """How long it is: calendar months where it is made of whole ones, else days x 12/365."""
        begin, end = self.from_at.astimezone(self.zone), self.to_at.astimezone(self.zone)
        if (begin.day, begin.time()) == (end.day, end.time()) == (begin.day, _MIDNIGHT):
            return Fraction((end.year - begin.year) * 12 + end.month - begin.month)
        seconds = (self.to_at - self.from_at) // timedelta(seconds=1)
        return Fraction(seconds, 86_400) / DAYS_PER_MONTH

    @property
    def before(self) -> "Period":
        """The period of the same length right before: whole months where it is made of them."""
        months = self.months
        if months.denominator != 1 or self.from_at.astimezone(self.zone).day > 28:
            return Period(self.from_at - (self.to_at - self.from_at), self.from_at, self.zone)
        begin = self.from_at.astimezone(self.zone)
        count = begin.year * 12 + begin.month - 1 - int(months)
        first = date(count // 12, count % 12 + 1, begin.day)
        return Period(datetime.combine(first, _MIDNIGHT, self.zone), self.from_at, self.zone)
