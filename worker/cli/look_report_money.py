"""`dunning report money`: what came in and what is at risk, as a page, a file, CSV or words."""

from pathlib import Path

from worker.cli.data_dir import View
from worker.cli.look_metrics import period_of
from worker.cli.report_money import MoneyReport, read_money
from worker.cli.report_money_files import report_json, write_sheets
from worker.cli.report_money_page import NOTHING_KNOWN, report_page
from worker.cli.report_money_parts import overview_part
from worker.cli.report_money_words import period_words
from worker.cli.report_parts import cell_words
from worker.cli.tables import as_json as json_line
from worker.cli.tables import columns, print_json
from worker.errors import UsageError
from worker.office.words import count_words


def show_money(
    view: View, *, begin: str, end: str, out: Path | None, csv_dir: Path | None, as_json: bool
) -> None:
    """Print or write the money report.

    Args: csv_dir: where a CSV file is written for each table; None for none.
    Raises: UsageError: the period is empty, or a file cannot be written.
    """
    if out is not None and out.suffix.lower() not in {".html", ".json"}:
        raise UsageError(f"--out {out} has no ending of this report; write .html or .json.")
    report = read_money(view, period_of(view, begin, end))
    if csv_dir is not None:
        count = write_sheets(report, csv_dir)
        print(f"{count_words(count, 'table')} of {period_words(report.period)} in {csv_dir}")
    if out is not None:
        _write(report, out, view)
    elif as_json:
        print_json(report_json(report))
    elif csv_dir is None:
        _print(report, view)


def _write(report: MoneyReport, out: Path, view: View) -> None:
    is_page = out.suffix.lower() == ".html"
    text = (
        str(report_page(report, view.words)) if is_page else json_line(report_json(report)) + "\n"
    )
    try:
        out.write_text(text, encoding="utf-8")
    except OSError as problem:
        raise UsageError(f"--out {out} cannot be written: {problem.strerror}.") from None
    print(f"Money report of {period_words(report.period)} written to {out}")


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
