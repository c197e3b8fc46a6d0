"""The metrics as JSON and as CSV: the same figures, times in UTC, money in minor units."""

from decimal import Decimal
from fractions import Fraction

from worker.cli.metrics_measured import Measured
from worker.domain.comments import STANDINGS, TaggedComments
from worker.domain.metric import SMALL_GROUP_MAX, Metric, Period, Unit
from worker.domain.money import Money
from worker.office.sheets import csv_text
from worker.office.words import json_instant, json_money

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
    "warning",
    "source",
    "formula",
)
EXACT = Decimal("0.000001")
"""How far a quotient is written out for scripts; numerator and denominator are exact."""

COMMENTS_MAX = 20
"""So many comments of a tag are shown; all are counted."""


def metrics_json(measured: Measured) -> dict[str, object]:
    """Return everything as data: counts as integers, money in minor units, quotients as text."""
    return {
        "from": json_instant(measured.period.from_at),
        "to": json_instant(measured.period.to_at),
        "zone": measured.period.zone.key,
        "as_of": json_instant(measured.now),
        "is_over": measured.period.to_at <= measured.now,
        "by": measured.by.name if measured.by is not None else None,
        "small_group_below": SMALL_GROUP_MAX,
        "metrics": [_metric_json(each, measured.period) for each in measured.metrics],
        "comments": [_comments_json(group) for group in measured.comments],
    }


def _metric_json(metric: Metric, period: Period) -> dict[str, object]:
    of = metric.denominator
    return {
        "name": metric.definition.name,
        "currency": metric.currency or None,
        "group": metric.group,
        "value": _value_json(metric),
        "unit": metric.definition.unit.value,
        "numerator": plain_number(metric.numerator),
        "denominator": plain_number(of) if of is not None else None,
        "parts": metric.definition.parts.value,
        "pending": metric.pending,
        "basis": metric.basis,
        "small_group": metric.is_small,
        "warning": metric.warning or None,
        "terms": {name: plain_number(term) for name, term in metric.terms.items()},
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
    return plain_number(value)


def plain_number(number: Fraction) -> int | str:
    """Return a whole number as such, another as decimal text with six digits."""
    if number.denominator == 1:
        return number.numerator
    return str(rounded(number, EXACT))


def rounded(number: Fraction, step: Decimal) -> Decimal:
    """Return *number* rounded to *step*, half to even, exactly, whatever its size."""
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


def _comments_json(group: TaggedComments) -> dict[str, object]:
    shown = group.comments[:COMMENTS_MAX]
    return {
        "tag": group.tag,
        "count": len(group.comments),
        **{f"{standing}s": group.count(standing) for standing in STANDINGS},
        "shown": [
            {
                "survey": comment.survey,
                "score": comment.score,
                "standing": comment.standing,
                "at": json_instant(comment.at),
                "text": comment.text,
            }
            for comment in shown
        ],
    }
