"""The progress line of a rehearsal: a story, not a spinner (operator.md 4)."""

from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from types import TracebackType
from typing import Any, Self

import psycopg
from rich.console import Console
from rich.progress import BarColumn, Progress, ProgressColumn, Task, TextColumn
from rich.table import Column
from rich.text import Text

from worker import clock
from worker.domain.money import Money
from worker.office.words import money_words
from worker.rehearsal.recovered_money import recovered_money

DAY = timedelta(days=1)
WIDE_COLUMNS = 125
"""Narrower terminals get the line without bar, money and letters."""
TOLD_EVERY_SECONDS = 0.25
PLAIN_EVERY_DAYS = 5
_SO_FAR = """
SELECT (SELECT count(*) FROM cases),
       (SELECT count(*) FROM attempts WHERE kind = 'charge' AND state <> 'sending'),
       (SELECT count(*) FROM letters WHERE state = 'sent')
"""


def _commonest_first(recovered: Sequence[tuple[str, str, int, int]]) -> list[Money]:
    """Return one amount per currency, that of most cases first."""
    cases: Counter[str] = Counter()
    minor: Counter[str] = Counter()
    for _by, currency, count, amount_minor in recovered:
        cases[currency] += count
        minor[currency] += amount_minor
    by_cases = sorted(cases, key=lambda currency: (-cases[currency], currency))
    return [Money(minor[currency], currency) for currency in by_cases]


def charged_twice(tries: Sequence[Mapping[str, Any]]) -> int:
    """Return how many invoices more than one charge has paid so far."""
    paid = Counter(str(one["invoice"]) for one in tries if one["status"] == "succeeded")
    return sum(1 for count in paid.values() if count > 1)


class _Left(ProgressColumn):
    """About how long it still takes."""

    def render(self, task: Task) -> Text:
        """Return the seconds left, or nothing at the very start."""
        left = task.time_remaining
        return Text(f"~{left:.0f} s left" if left is not None else "")


class Story:
    """Tells how a rehearsal goes on: one line on a terminal, a line every few days elsewhere."""

    def __init__(
        self,
        console: Console,
        *,
        start_at: datetime,
        days: int,
        database_url: str,
        tries: Sequence[Mapping[str, Any]],
    ) -> None:
        """Prepare the line; *tries* is the growing list of charge tries that were seen."""
        self._console, self._start_at, self._days = console, start_at, days
        self._database_url, self._tries = database_url, tries
        self._told_day, self._told_at = -1, 0.0
        self._wide = console.width >= WIDE_COLUMNS or not console.is_terminal
        whole = Column(no_wrap=True)
        bar = [BarColumn(bar_width=12)] if self._wide else []
        self._progress = Progress(
            TextColumn("4/4 day {task.completed:.0f} of {task.total:.0f}", table_column=whole),
            *bar,
            TextColumn("{task.percentage:>3.0f} %  {task.description}", table_column=whole),
            _Left(),
            console=console,
            auto_refresh=False,
            disable=not console.is_terminal,
        )
        self._task = self._progress.add_task("", total=days)

    def __enter__(self) -> Self:
        """Connect and show the line."""
        self._connection = psycopg.connect(self._database_url, autocommit=True)
        self._progress.start()
        return self

    def __exit__(
        self,
        _kind: type[BaseException] | None,
        _error: BaseException | None,
        _trace: TracebackType | None,
    ) -> None:
        """Leave the last line standing."""
        self._progress.stop()
        self._connection.close()

    def at(self, now: datetime) -> None:
        """Tell of the stop at *now*, a few times a second at most."""
        day, moment = (now - self._start_at) // DAY, clock.monotonic_seconds()
        last = day >= self._days
        if day == self._told_day or (moment - self._told_at < TOLD_EVERY_SECONDS and not last):
            return
        plain = day // PLAIN_EVERY_DAYS > self._told_day // PLAIN_EVERY_DAYS or last
        self._told_day, self._told_at = day, moment
        if self._console.is_terminal:
            self._progress.update(
                self._task, completed=day, description=self.so_far(), refresh=True
            )
        elif plain:
            said = f"4/4 day {day} of {self._days}  {self.so_far()}"
            self._console.print(said, highlight=False, soft_wrap=True)

    def so_far(self) -> str:
        """Return the story in figures: failed, tries, recovered, letters, charged twice."""
        failed, tries, letters = self._connection.execute(_SO_FAR).fetchone() or (0, 0, 0)
        recovered = recovered_money(self._connection)
        count = sum(cases for _by, _currency, cases, _minor in recovered)
        twice = f"{charged_twice(self._tries)} charged twice"
        if not self._wide:
            return f"{failed} failed · {tries} tries · {count} recovered · {twice}"
        money = [money_words(amount) for amount in _commonest_first(recovered)]
        more = f" +{len(money) - 2} currencies" if len(money) > 2 else ""
        sums = f" {' '.join(money[:2])}{more}" if money else ""
        found = f"{failed} failed · {tries} tries · {count} recovered{sums}"
        return f"{found} · {letters} letters · {twice}"
