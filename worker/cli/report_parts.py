"""A report as parts: a table with typed cells, and the charts that are drawn from it.

The same table is written for people and as CSV, so the two cannot differ.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from fractions import Fraction

from worker.cli.metrics_files import plain_number
from worker.cli.metrics_text import number_words, value_words
from worker.domain.metric import SMALL_GROUP_MAX, Metric, Unit
from worker.domain.money import Money
from worker.office.words import OfficeWords, json_instant, money_words
from worker.pages.charts import Chart

NO_VALUE = "no value"
ROWS_MAX = 100
"""So many rows of a table stand on a page; CSV and JSON have all of them."""


class Written(str):
    """What somebody else wrote: escaped in a page like all, and no formula in a spreadsheet."""

    __slots__ = ()


@dataclass(frozen=True, slots=True)
class Share:
    """A part of a whole; no value where the whole is nothing."""

    part: int
    whole: int
    basis: int = 0
    """Of a rate: how many it is about, as few are marked; 0 for what is none."""

    @property
    def is_small(self) -> bool:
        """Whether so few are behind it that it says little."""
        return 0 < self.basis < SMALL_GROUP_MAX

    @property
    def percent(self) -> Fraction | None:
        """The exact percentage."""
        return Fraction(100 * self.part, self.whole) if self.whole else None


@dataclass(frozen=True, slots=True)
class Change:
    """How a metric differs from the period before; no value where one of the two has none."""

    now: Metric | None
    before: Metric | None

    @property
    def difference(self) -> Fraction | None:
        """The difference of what is shown: money is rounded first, so that readers can subtract."""
        if self.now is None or self.before is None:
            return None
        now, before = self.now.value, self.before.value
        if now is None or before is None:
            return None
        if self.now.definition.unit is Unit.MONEY:
            return Fraction(round(now) - round(before))
        return now - before


Cell = str | int | Money | Share | Metric | Change | date | datetime | None


@dataclass(frozen=True, slots=True)
class Column:
    """One column: its key in CSV, its title for people, whether it holds figures."""

    key: str
    title: str
    figures: bool = True


@dataclass(frozen=True, slots=True)
class Table:
    """Rows of cells; `caption` is for people who do not see the page."""

    caption: str
    columns: tuple[Column, ...]
    rows: tuple[tuple[Cell, ...], ...]
    chosen: tuple[tuple[Cell, ...], ...] | None = None
    """What a page shows of a long one; None: its first rows."""

    @property
    def on_page(self) -> tuple[tuple[Cell, ...], ...]:
        """The rows that a page has room for."""
        return self.rows[:ROWS_MAX] if self.chosen is None else self.chosen


@dataclass(frozen=True, slots=True)
class Part:
    """One topic for one currency, or for all where it has none."""

    topic: str
    """Also the name of its CSV file; the same for every currency."""
    currency: str
    title: str
    notes: tuple[str, ...]
    table: Table
    charts: tuple[Chart, ...] = ()
    warning: str = ""
    """What is wrong with what is told; empty where nothing is."""
    nothing: str = "Nothing in this period."
    """What is said instead of a table without rows."""


def cell_words(cell: Cell, words: OfficeWords) -> str:
    """Return a cell as people read it."""
    match cell:
        case None:
            return NO_VALUE
        case str():
            return cell
        case int():
            return f"{cell:,}"
        case Money():
            return money_words(cell)
        case Share():
            return NO_VALUE if cell.percent is None else f"{number_words(cell.percent)} %"
        case Metric():
            return value_words(cell)
        case Change():
            return _change_words(cell)
        case datetime():
            return words.dated(cell)
        case date():
            return f"{cell:%a} {cell.day} {cell:%b} {cell.year}"


def cell_plain(cell: Cell) -> object:
    """Return a cell for scripts: minor units, exact numbers, ISO times; nothing for no value."""
    match cell:
        case None:
            return ""
        case Money():
            return cell.amount_minor
        case Share():
            return _plain(cell.percent)
        case Metric():
            value = cell.value
            money = cell.definition.unit is Unit.MONEY
            return round(value) if money and value is not None else _plain(value)
        case Change():
            return _plain(cell.difference)
        case datetime():
            return json_instant(cell)
        case date():
            return cell.isoformat()
        case _:
            return cell


def _plain(number: Fraction | None) -> object:
    return "" if number is None else plain_number(number)


def _change_words(change: Change) -> str:
    difference = change.difference
    if difference is None or change.now is None:
        return NO_VALUE
    if not difference:
        return "same"
    sign = "+" if difference > 0 else "−"
    size = abs(difference)
    match change.now.definition.unit:
        case Unit.MONEY:
            return sign + money_words(Money(round(size), change.now.currency))
        case Unit.PERCENT:
            return f"{sign}{number_words(size)} points"
        case Unit.DAYS:
            return f"{sign}{number_words(size)} days"
        case Unit.HOURS:
            return f"{sign}{number_words(size)} h"
        case _:
            return sign + number_words(size)


def total(amounts: Sequence[int], currency: str) -> Money:
    """Return the sum of amounts in minor units, all of *currency*."""
    return Money(sum(amounts), currency)
