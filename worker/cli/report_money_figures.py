"""Every figure of `dunning metrics` as parts of the money report, beside the period before."""

from worker.cli.metrics_text import quotient_words, remark_words
from worker.cli.report_money import MoneyReport
from worker.cli.report_parts import Cell, Change, Column, Part, Table
from worker.domain.metric import SMALL_GROUP_MAX, Metric


def figures_parts(report: MoneyReport) -> tuple[Part, ...]:
    """Return every figure of `dunning metrics` beside the period before, by currency."""
    currencies = dict.fromkeys((*report.currencies, ""))
    parts = (_figures(report, currency) for currency in currencies)
    return tuple(part for part in parts if part.table.rows)


def _figures(report: MoneyReport, currency: str) -> Part:
    rows = tuple(
        _figure_row(report, metric)
        for metric in report.measured.metrics
        if metric.currency == currency and not metric.group
    )
    columns = (
        Column("metric", "Metric", figures=False),
        Column("value", "This period"),
        Column("before", "Before"),
        Column("change", "Change"),
        Column("numerator", "Numerator"),
        Column("denominator", "Denominator"),
        Column("remarks", "Remarks", figures=False),
        Column("formula", "Formula", figures=False),
    )
    notes = (f"As of dunning metrics; small groups are of fewer than {SMALL_GROUP_MAX}.",)
    title = f"Every figure, {currency.upper()}" if currency else "Every figure without a currency"
    return Part("figures", currency, title, notes, Table(title, columns, rows))


def _figure_row(report: MoneyReport, metric: Metric) -> tuple[Cell, ...]:
    before = report.figure_before(metric.definition.name, metric.currency)
    return (
        metric.definition.name,
        metric,
        before,
        Change(metric, before),
        *quotient_words(metric),
        remark_words(metric),
        metric.definition.formula,
    )
