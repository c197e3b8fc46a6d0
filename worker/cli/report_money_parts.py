"""All parts of the money report, in the order in which they are read."""

from collections.abc import Callable

from worker.cli.metrics_text import part_words
from worker.cli.report_money import MoneyReport
from worker.cli.report_money_ahead import calendar_part, letters_part, network_part, open_part
from worker.cli.report_money_cases import churn_part, funnel_part, reasons_part, renewals_part
from worker.cli.report_money_revenue import causes_part, cohorts_part, money_part, mrr_part
from worker.cli.report_parts import Cell, Change, Column, Part, Table
from worker.domain.metric import SMALL_GROUP_MAX, Metric, Parts

OF_CURRENCY: tuple[Callable[[MoneyReport, str], Part], ...] = (
    money_part,
    causes_part,
    cohorts_part,
    funnel_part,
    reasons_part,
    renewals_part,
    mrr_part,
    churn_part,
    open_part,
    calendar_part,
)


def currency_parts(report: MoneyReport, currency: str) -> tuple[Part, ...]:
    """Return what is told for one currency; one without any figure has open cases only."""
    if not report.knows("failures", currency):
        return open_part(report, currency), calendar_part(report, currency)
    return tuple(part(report, currency) for part in OF_CURRENCY)


def common_parts(report: MoneyReport) -> tuple[Part, ...]:
    """Return what has no currency."""
    return letters_part(report), network_part(report)


def figures_parts(report: MoneyReport) -> tuple[Part, ...]:
    """Return every figure of `dunning metrics` beside the period before, by currency."""
    currencies = dict.fromkeys((*report.currencies, ""))
    parts = (_figures(report, currency) for currency in currencies)
    return tuple(part for part in parts if part.table.rows)


def overview_part(report: MoneyReport) -> Part:
    """Return the few figures that matter first, a row for each currency; nothing is added up."""
    names = (
        ("failed_amount", "Failed"),
        ("recovered_amount", "Came in"),
        ("recovery_rate_day_30", "Paid within 30 days"),
        ("mrr_at_risk", "MRR at risk"),
        ("mrr_end", "MRR at the end"),
        ("customer_churn_rate", "Customers lost"),
    )
    rows: list[tuple[Cell, ...]] = []
    for currency in report.currencies:
        if report.knows("failures", currency):
            figures = [report.figure(name, currency) for name, _ in names]
            before = report.figure_before("recovered_amount", currency)
            rows.append((currency.upper(), *figures[:2], Change(figures[1], before), *figures[2:]))
    titles = [Column(name, title) for name, title in names]
    columns = (
        Column("of", "Currency", figures=False),
        *titles[:2],
        Column("recovered_change", "Change of it"),
        *titles[2:],
    )
    notes = ("Change is against the period of the same length right before.",)
    table = Table("The period at a glance", columns, tuple(rows))
    return Part("overview", "", "At a glance", notes, table)


def every_part(report: MoneyReport) -> tuple[Part, ...]:
    """Return all parts, as the CSV files have them."""
    by_currency = (part for each in report.currencies for part in currency_parts(report, each))
    return overview_part(report), *by_currency, *common_parts(report), *figures_parts(report)


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
    of, parts = metric.denominator, metric.definition.parts
    remarks = [f"{metric.pending} pending"] if metric.pending else []
    remarks += ["small group"] if metric.is_small else []
    remarks += [metric.warning] if metric.warning else []
    return (
        metric.definition.name,
        metric,
        before,
        Change(metric, before),
        part_words(metric, metric.numerator, parts is not Parts.COUNTS) if of is not None else "",
        part_words(metric, of, parts is Parts.MONEY) if of is not None else "",
        ", ".join(remarks),
        metric.definition.formula,
    )
