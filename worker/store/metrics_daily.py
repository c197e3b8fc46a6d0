"""The figures of each day of a period, as they were rolled up. Read only."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date

from sqlalchemy import Connection, select

from worker.store.day_tables import metric_days


@dataclass(frozen=True, slots=True)
class DayFigure:
    """One measure of one UTC day in one currency."""

    on_day: date
    currency: str
    measure: str
    count: int
    amount_minor: int


def read_days(
    connection: Connection, account_id: str, *, first: date, last: date
) -> Iterator[DayFigure]:
    """Yield what is kept of the days from *first* to *last*, both counted; oldest first."""
    kept = metric_days.c
    query = (
        select(kept.on_day, kept.currency, kept.measure, kept.count, kept.amount_minor)
        .where(kept.account_id == account_id, kept.on_day.between(first, last))
        .order_by(kept.on_day, kept.currency, kept.measure)
    )
    for row in connection.execute(query):
        yield DayFigure(*row)
