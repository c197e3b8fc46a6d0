"""`dunning metrics`: every figure of a period with its formula, numerator and denominator."""

from dataclasses import dataclass
from datetime import date, datetime, time
from decimal import Decimal
from fractions import Fraction
from zoneinfo import ZoneInfo

from worker.cli.data_dir import View
from worker.cli.look_since import parse_since
from worker.cli.tables import columns, print_json
from worker.domain.metric import SMALL_GROUP_MAX, Metric, Parts, Period, Unit
from worker.domain.metric_groups import GroupBy, parse_group_by
from worker.domain.metrics import metrics_of
from worker.domain.money import Money
from worker.errors import UsageError
from worker.office.sheets import csv_text
from worker.office.words import json_instant, json_money, money_words
from worker.store.metrics_counts import read_counts
from worker.store.reading import snapshot

UTC = ZoneInfo("UTC")
HEADING = ("group", "metric", "value", "numerator", "denominator", "", "source", "formula")
CSV_COLUMNS = (
    "from",
    "to",
    "currency",
    "group",
    "metric",
    "value",
    "unit",
    "numerator",
    "denominator",
    "parts",
    "pending",
    "basis",
    "small_group",
    "source",
    "formula",
)
RIGHT = (2, 3, 4)
EXACT = Decimal("0.000001")
"""How far a quotient is written out for scripts; numerator and denominator are exact."""


@dataclass(frozen=True, slots=True)
class Measured:
    """Every figure of one period."""

    period: Period
    by: GroupBy | None
    now: datetime
    """Business time of the reading; what is pending then may be decided later."""
    metrics: tuple[Metric, ...]


def show_metrics(view: View, *, begin: str, end: str, by: str, as_json: bool, as_csv: bool) -> None:
    """Print the metrics of a period. Raises: UsageError: no such period or grouping."""
    if as_json and as_csv:
        raise UsageError("Write --json or --csv, not both.")
    period, group_by = period_of(view, begin, end), _group_by(by)
    with snapshot(view.ledger) as connection:
        counts = read_counts(connection, view.ledger.account_id, period, by=group_by, now=view.now)
    measured = Measured(period, group_by, view.now, metrics_of(counts, period))
    if as_json:
        print_json(metrics_json(measured))
    elif as_csv:
        print(metrics_csv(measured), end="")
    else:
        _print(measured)


def period_of(view: View, begin: str, end: str) -> Period:
    """Return the half-open period; the day after `--to` no longer counts, nor does that day.

    Without a wish it is the month before the current one. Raises: UsageError.
    """
    zone = UTC
    today = view.now.astimezone(zone).date()
    this_month = today.replace(day=1)
    to_at = parse_since(end, now=view.now, zone=zone, option="--to") or _midnight(this_month, zone)
    from_at = parse_since(begin, now=view.now, zone=zone, option="--from")
    if from_at is None:
        last = to_at.astimezone(zone).date()
        before = date(last.year - (last.month == 1), (last.month - 2) % 12 + 1, 1)
        from_at = _midnight(before, zone)
    if from_at >= to_at:
        raise UsageError(
            "The period is empty: --from must be before --to, which is the first day that no"
            " longer counts; November is --from 2026-11-01 --to 2026-12-01."
        )
    return Period(from_at, to_at, zone)


def _midnight(day: date, zone: ZoneInfo) -> datetime:
    return datetime.combine(day, time(), zone)


def _group_by(by: str) -> GroupBy | None:
    if not by:
        return None
    try:
        return parse_group_by(by)
    except ValueError as error:
        raise UsageError(f"--by: {error}") from None


def metrics_json(measured: Measured) -> dict[str, object]:
    """Return everything as data: counts as integers, money in minor units, quotients as text."""
    return {
        "from": json_instant(measured.period.from_at),
        "to": json_instant(measured.period.to_at),
        "zone": measured.period.zone.key,
        "as_of": json_instant(measured.now),
        "by": measured.by.name if measured.by is not None else None,
        "small_group_below": SMALL_GROUP_MAX,
        "metrics": [_metric_json(each, measured.period) for each in measured.metrics],
    }


def _metric_json(metric: Metric, period: Period) -> dict[str, object]:
    of = metric.denominator
    return {
        "name": metric.definition.name,
        "currency": metric.currency or None,
        "group": metric.group,
        "value": _value_json(metric),
        "unit": metric.definition.unit.value,
        "numerator": _plain(metric.numerator),
        "denominator": _plain(of) if of is not None else None,
        "parts": metric.definition.parts.value,
        "pending": metric.pending,
        "basis": metric.basis,
        "small_group": metric.is_small,
        "terms": {name: _plain(term) for name, term in metric.terms.items()},
        "from": json_instant(period.from_at),
        "to": json_instant(period.to_at),
        "source": metric.definition.source,
        "formula": metric.definition.formula,
    }


def _value_json(metric: Metric) -> object:
    value = metric.value
    if value is None:
        return None
    if metric.definition.unit is Unit.MONEY:
        return json_money(Money(round(value), metric.currency))
    return _plain(value)


def _plain(number: Fraction) -> int | str:
    """Return a whole number as such, another as decimal text with six digits."""
    if number.denominator == 1:
        return number.numerator
    return str(_decimal(number, EXACT))


def _decimal(number: Fraction, step: Decimal) -> Decimal:
    """Return *number* rounded half to even, exactly, whatever its size."""
    places = -int(step.as_tuple().exponent)
    return Decimal(round(number * 10**places)).scaleb(-places)


def metrics_csv(measured: Measured) -> str:
    """Return a line for each figure; the same words and figures as the JSON."""
    rows = []
    for metric in measured.metrics:
        told = _metric_json(metric, measured.period)
        value = metric.value
        if value is None:
            told["value"] = ""
        elif metric.definition.unit is Unit.MONEY:
            told["value"] = round(value)
        rows.append([_cell(told["name" if name == "metric" else name]) for name in CSV_COLUMNS])
    return csv_text(CSV_COLUMNS, rows)


def _cell(value: object) -> object:
    if isinstance(value, bool):
        return "yes" if value else "no"
    return "" if value is None else value


def _print(measured: Measured) -> None:
    period = measured.period
    print(
        f"Metrics from {period.from_at.astimezone(period.zone):%Y-%m-%d %H:%M} to before"
        f" {period.to_at.astimezone(period.zone):%Y-%m-%d %H:%M} ({period.zone.key})"
    )
    if not measured.metrics:
        print("No fact is known in this period.")
        return
    for currency in dict.fromkeys(metric.currency for metric in measured.metrics):
        print(f"\n{currency.upper() or 'All currencies'}")
        found = [metric for metric in measured.metrics if metric.currency == currency]
        rows = [_row(metric, measured.by) for metric in found]
        columns(rows, heading=HEADING, right=RIGHT)


def _row(metric: Metric, by: GroupBy | None) -> tuple[str, ...]:
    of, parts = metric.denominator, metric.definition.parts
    marks = [f"{metric.pending} pending"] if metric.pending else []
    marks += [f"small group (< {SMALL_GROUP_MAX})"] if metric.is_small else []
    return (
        (metric.group or "not known") if by is not None else "",
        metric.definition.name,
        value_words(metric),
        _part_words(metric, metric.numerator, parts is not Parts.COUNTS) if of is not None else "",
        _part_words(metric, of, parts is Parts.MONEY) if of is not None else "",
        ", ".join(marks),
        metric.definition.source,
        metric.definition.formula,
    )


def value_words(metric: Metric) -> str:
    """Return the value as people read it, rounded for display only: `92.5 %`, `€16.33`."""
    value = metric.value
    if value is None:
        return "no value"
    match metric.definition.unit:
        case Unit.MONEY:
            return money_words(Money(round(value), metric.currency))
        case Unit.PERCENT:
            return f"{_number_words(value)} %"
        case Unit.DAYS:
            return f"{_number_words(value)} days"
        case Unit.HOURS:
            return f"{_number_words(value)} h"
        case _:
            return _number_words(value)


def _part_words(metric: Metric, number: Fraction, is_money: bool) -> str:
    if is_money:
        return money_words(Money(round(number), metric.currency))
    return _number_words(number)


def _number_words(number: Fraction) -> str:
    """Return a number with one decimal, below 10 with two; none where they are zeros."""
    if number.denominator == 1:
        return f"{number.numerator:,}"
    step = Decimal("0.01") if abs(number) < 10 else Decimal("0.1")
    rounded = _decimal(number, step)
    if not rounded:  # something is there, so it is not written as nothing
        return "< 0.01" if number > 0 else "> -0.01"
    return f"{rounded:,f}".rstrip("0").rstrip(".")
