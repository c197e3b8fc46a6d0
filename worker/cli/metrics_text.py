"""The metrics as people read them: tables by currency, rounded for display only."""

from decimal import Decimal
from fractions import Fraction

from worker.cli.metrics_files import rounded
from worker.cli.metrics_measured import Measured
from worker.cli.tables import columns
from worker.domain.comments import STANDINGS
from worker.domain.metric import SMALL_GROUP_MAX, Metric, Parts, Unit
from worker.domain.metric_groups import GroupBy
from worker.domain.metrics_revenue import MRR_MOVES
from worker.domain.money import Money
from worker.office.words import money_words

TAKEN_OVER = MRR_MOVES["taken_over"]
HEADING = ("group", "metric", "value", "numerator", "denominator", "", "source", "formula")
RIGHT = (2, 3, 4)
COMMENTS_HEADING = ("comments", "count", *(f"{standing}s" for standing in STANDINGS), "one of them")


def print_metrics(measured: Measured) -> None:
    """Print every figure, then the comments by tag."""
    period = measured.period
    print(
        f"Metrics from {period.from_at.astimezone(period.zone):%Y-%m-%d %H:%M} to before"
        f" {period.to_at.astimezone(period.zone):%Y-%m-%d %H:%M} ({period.zone.key})"
    )
    if period.from_at > measured.now:
        print("The period has not begun: these are the figures of now.")
    elif period.to_at > measured.now:
        print("The period is not over: these are its figures until now.")
    if any(metric.definition == TAKEN_OVER and metric.numerator for metric in measured.metrics):
        print(
            "The ledger began in this period: who was there before is taken over, which is nobody's"
            " gain; rates count them as there at the start and tell of the time since."
        )
    if not measured.metrics:
        print("No fact is known in this period.")
        return
    for currency in dict.fromkeys(metric.currency for metric in measured.metrics):
        print(f"\n{currency.upper() or 'Whatever the currency'}")
        found = [metric for metric in measured.metrics if metric.currency == currency]
        rows = [_row(metric, measured.by) for metric in found]
        columns(rows, heading=HEADING, right=RIGHT)
    if measured.comments:
        print()
        columns(
            [
                (
                    group.tag,
                    str(len(group.comments)),
                    *(str(group.count(standing)) for standing in STANDINGS),
                    " ".join(group.comments[0].text.split()),
                )
                for group in measured.comments
            ],
            heading=COMMENTS_HEADING,
            right=range(1, 2 + len(STANDINGS)),
        )


def _row(metric: Metric, by: GroupBy | None) -> tuple[str, ...]:
    return (
        (metric.group or "not known") if by is not None else "",
        metric.definition.name,
        value_words(metric),
        *quotient_words(metric),
        remark_words(metric),
        metric.definition.source,
        metric.definition.formula,
    )


def quotient_words(metric: Metric) -> tuple[str, str]:
    """Return numerator and denominator as people read them; empty where there is no quotient."""
    of, parts = metric.denominator, metric.definition.parts
    if of is None:
        return "", ""
    return (
        _part_words(metric, metric.numerator, is_money=parts is not Parts.COUNTS),
        _part_words(metric, of, is_money=parts is Parts.MONEY),
    )


def remark_words(metric: Metric) -> str:
    """Return what must be known beside a figure: what is pending, few, or wrong with it."""
    marks = [f"{metric.pending} pending"] if metric.pending else []
    marks += [f"small group (< {SMALL_GROUP_MAX})"] if metric.is_small else []
    marks += [metric.warning] if metric.warning else []
    return ", ".join(marks)


def value_words(metric: Metric) -> str:
    """Return the value as people read it, rounded for display only: `92.5 %`, `€16.33`."""
    value = metric.value
    if value is None:
        return "no value"
    match metric.definition.unit:
        case Unit.MONEY:
            return money_words(Money(round(value), metric.currency))
        case Unit.PERCENT:
            return f"{number_words(value)} %"
        case Unit.DAYS:
            return f"{number_words(value)} days"
        case Unit.HOURS:
            return f"{number_words(value)} h"
        case _:
            return number_words(value)


def _part_words(metric: Metric, number: Fraction, *, is_money: bool) -> str:
    if is_money:
        return money_words(Money(round(number), metric.currency))
    return number_words(number)


def number_words(number: Fraction) -> str:
    """Return a number with one decimal, below 10 with two; none where they are zeros."""
    if number.denominator == 1:
        return f"{number.numerator:,}"
    step = Decimal("0.01") if abs(number) < 10 else Decimal("0.1")
    short = rounded(number, step)
    if not short:  # something is there, so it is not written as nothing
        return "< 0.01" if number > 0 else "> -0.01"
    return f"{short:,f}".rstrip("0").rstrip(".")
