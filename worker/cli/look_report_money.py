"""`dunning report money`: what came in and what is at risk, as a page, a file, CSV or words."""

from worker.cli.data_dir import View
from worker.cli.look_metrics import period_of
from worker.cli.metrics_files import metrics_json
from worker.cli.report_money import MoneyReport, read_money
from worker.cli.report_money_page import NOTHING_KNOWN, report_page
from worker.cli.report_money_parts import every_part, overview_part
from worker.cli.report_money_words import period_words
from worker.cli.report_parts_files import tables_json
from worker.cli.report_parts_out import Forms, Outlet, print_part, put_out


def show_money(view: View, *, begin: str, end: str, outlet: Outlet) -> None:
    """Print or write the money report.

    Raises: UsageError: the period is empty, or a file cannot be written.
    """
    put_out(lambda: _forms(read_money(view, period_of(view, begin, end)), view), outlet)


def _forms(report: MoneyReport, view: View) -> Forms:
    return Forms(
        name="Money report",
        said=period_words(report.period),
        parts=lambda: every_part(report),
        page=lambda: report_page(report, view.words),
        data=lambda: report_json(report),
        terminal=lambda: _print(report, view),
    )


def report_json(report: MoneyReport) -> dict[str, object]:
    """Return both periods' figures as `dunning metrics --json` tells them, and all tables."""
    return {
        "report": "money",
        "account": report.account,
        "live": report.live,
        "period": metrics_json(report.measured),
        "before": metrics_json(report.before),
        "tables": tables_json(every_part(report)),
    }


def _print(report: MoneyReport, view: View) -> None:
    part = overview_part(report)
    print(f"Money of {period_words(report.period)}, beside {period_words(report.before.period)}")
    if part.table.rows:
        print_part(part, view.words)
    else:
        print(NOTHING_KNOWN)
    for each in every_part(report):
        if each.warning:
            print(f"{each.currency.upper()}: {each.warning}")
    print("Charts and all tables: --out FILE.html, FILE.json or --csv DIR")
