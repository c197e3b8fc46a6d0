"""All parts of the money report, in the order in which they are read."""

from collections.abc import Callable

from worker.cli.report_money import MoneyReport
from worker.cli.report_money_ahead import calendar_part, letters_part, network_part, open_part
from worker.cli.report_money_cases import churn_part, funnel_part, reasons_part, renewals_part
from worker.cli.report_money_figures import figures_parts
from worker.cli.report_money_revenue import causes_part, cohorts_part, money_part, mrr_part
from worker.cli.report_money_voices import costs_part, voices_parts
from worker.cli.report_parts import Cell, Change, Column, Part, Table
from worker.domain.metrics_imported import RETENTION_COST

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
        found = [open_part(report, currency), calendar_part(report, currency)]
    else:
        found = [part(report, currency) for part in OF_CURRENCY]
    if report.knows(RETENTION_COST.name, currency):
        found.insert(-2, costs_part(report, currency))
    return tuple(found)


def common_parts(report: MoneyReport) -> tuple[Part, ...]:
    """Return what has no currency."""
    return *voices_parts(report), letters_part(report), network_part(report)


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
    notes = (
        "Change is against the period of the same length right before."
        if report.has_before
        else "No fact is known of the period before: there is nothing to compare with.",
    )
    table = Table("The period at a glance", columns, tuple(rows))
    return Part("overview", "", "At a glance", notes, table)


def every_part(report: MoneyReport) -> tuple[Part, ...]:
    """Return all parts, as the CSV files have them."""
    by_currency = (part for each in report.currencies for part in currency_parts(report, each))
    return overview_part(report), *by_currency, *common_parts(report), *figures_parts(report)
