"""`dunning report money`: what came in and what is at risk, as a page, a file, CSV or words."""

from pathlib import Path

from worker.cli.data_dir import View
from worker.cli.look_metrics import period_of
from worker.cli.metrics_files import metrics_json
from worker.cli.report_money import MoneyReport, read_money
from worker.cli.report_money_page import NOTHING_KNOWN, report_page
from worker.cli.report_money_parts import every_part, overview_part
from worker.cli.report_money_words import period_words
from worker.cli.report_parts import cell_words
from worker.cli.report_parts_files import require_ending, tables_json, write_report, write_sheets
from worker.cli.tables import as_json as json_line
from worker.cli.tables import columns, print_json
from worker.office.words import count_words


def show_money(
    view: View, *, begin: str, end: str, out: Path | None, csv_dir: Path | None, as_json: bool
) -> None:
    """Print or write the money report.

    Args: csv_dir: where a CSV file is written for each table; None for none.
    Raises: UsageError: the period is empty, or a file cannot be written.
    """
    require_ending(out)
    report = read_money(view, period_of(view, begin, end))
    said = period_words(report.period)
    if csv_dir is not None:
        count = write_sheets(every_part(report), csv_dir)
        print(f"{count_words(count, 'table')} of {said} in {csv_dir}")
    if out is not None:
        is_page = out.suffix.lower() == ".html"
        page = str(report_page(report, view.words)) if is_page else ""
        write_report(page or json_line(report_json(report)) + "\n", out)
        print(f"Money report of {said} written to {out}")
    elif as_json:
        print_json(report_json(report))
    elif csv_dir is None:
        _print(report, view)


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
        cells = [[cell_words(cell, view.words) for cell in row] for row in part.table.rows]
        heading = [column.title.lower() for column in part.table.columns]
        columns(cells, heading=heading, right=range(1, len(heading)))
    else:
        print(NOTHING_KNOWN)
    print("Charts and all tables: --out FILE.html, FILE.json or --csv DIR")
