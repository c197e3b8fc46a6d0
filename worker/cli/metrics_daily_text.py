"""`dunning metrics --daily`: what each day brought, as a table, JSON lines or CSV."""

from collections.abc import Sequence

from worker.cli.tables import columns
from worker.domain.money import Money
from worker.office.sheets import csv_text
from worker.office.words import json_money, money_words
from worker.store.metrics_daily import DayFigure

COLUMNS = ("day", "currency", "measure", "count", "amount_minor")
HEADING = ("day", "measure", "count", "amount")


def day_json(day: DayFigure) -> dict[str, object]:
    """Return one figure as data."""
    return {
        "day": day.on_day.isoformat(),
        "measure": day.measure,
        "count": day.count,
        "amount": json_money(Money(day.amount_minor, day.currency)),
    }


def days_csv(days: Sequence[DayFigure]) -> str:
    """Return one figure a line; amounts in minor units."""
    rows = (
        (day.on_day.isoformat(), day.currency, day.measure, day.count, day.amount_minor)
        for day in days
    )
    return csv_text(COLUMNS, rows)


def print_days(days: Sequence[DayFigure]) -> None:
    """Print one figure a line."""
    if not days:
        print("No day of this period has been added up yet.")
        return
    columns(
        [
            (
                day.on_day.isoformat(),
                day.measure,
                f"{day.count:,}",
                money_words(Money(day.amount_minor, day.currency)),
            )
            for day in days
        ],
        heading=HEADING,
        right=(2, 3),
    )
