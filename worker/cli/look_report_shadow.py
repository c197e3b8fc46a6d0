"""`dunning report shadow`: what watching would have done, as a page, a file, CSV or words."""

from pathlib import Path

from markupsafe import Markup

from worker.cli.data_dir import View
from worker.cli.look_metrics import period_of
from worker.cli.report_money_words import period_words
from worker.cli.report_parts import cell_words
from worker.cli.report_parts_files import require_ending, tables_json, write_report, write_sheets
from worker.cli.report_parts_page import (
    currency_links,
    currency_section,
    part_card,
    report_style,
    sheet_links,
)
from worker.cli.report_shadow import (
    NOTHING_WATCHED,
    ShadowReport,
    read_shadow_report,
    shadow_parts,
)
from worker.cli.tables import as_json as json_line
from worker.cli.tables import columns, print_json
from worker.office.words import OfficeWords, count_words, json_instant
from worker.pages.charts import patterns
from worker.pages.markup import joined, packaged


def show_shadow(
    view: View, *, begin: str, end: str, out: Path | None, csv_dir: Path | None, as_json: bool
) -> None:
    """Print or write the report of what was only watched.

    Args: csv_dir: where a CSV file is written for each table; None for none.
    Raises: UsageError: the period is empty, or a file cannot be written.
    """
    require_ending(out)
    report = read_shadow_report(view, period_of(view, begin, end))
    if csv_dir is not None:
        count = write_sheets(shadow_parts(report), csv_dir)
        print(f"{count_words(count, 'table')} of {period_words(report.period)} in {csv_dir}")
    if out is not None:
        is_page = out.suffix.lower() == ".html"
        page = str(shadow_page(report, view.words)) if is_page else ""
        write_report(page or json_line(shadow_json(report)) + "\n", out)
        print(f"Shadow report of {period_words(report.period)} written to {out}")
    elif as_json:
        print_json(shadow_json(report))
    elif csv_dir is None:
        _print(report, view.words)


def shadow_json(report: ShadowReport) -> dict[str, object]:
    """Return the whole report as data."""
    return {
        "report": "shadow",
        "account": report.account,
        "live": report.live,
        "from": json_instant(report.period.from_at),
        "to": json_instant(report.period.to_at),
        "as_of": json_instant(report.now),
        "tables": tables_json(shadow_parts(report)),
    }


def shadow_page(report: ShadowReport, words: OfficeWords) -> Markup:
    """Return the whole page."""
    parts = shadow_parts(report)
    watched = len(report.cases)
    said = f"{count_words(watched, 'invoice')} with an act that was only watched."
    return packaged("worker.cli", "pages/shadow.html").format(
        style=report_style(),
        patterns=patterns(),
        period=period_words(report.period),
        account=report.account,
        mode="live" if report.live else "test mode",
        made_at=words.dated(report.now),
        zone=words.zone.key,
        verdict=said if report.cases or report.letters else NOTHING_WATCHED,
        nav=currency_links(report.currencies),
        currencies=joined(
            currency_section(each, [p for p in parts if p.currency == each], words)
            for each in report.currencies
        ),
        common=joined(part_card(part, words, level=2) for part in parts if not part.currency),
        sheets=sheet_links(parts),
    )


def _print(report: ShadowReport, words: OfficeWords) -> None:
    print(f"What was only watched, {period_words(report.period)}")
    if not report.cases and not report.letters:
        print(NOTHING_WATCHED)
        return
    for part in shadow_parts(report):
        if part.topic != "shadow_cases":
            cells = [[cell_words(cell, words) for cell in row] for row in part.table.rows]
            heading = [column.title.lower() for column in part.table.columns]
            columns(cells, heading=heading, right=range(1, len(heading)))
            print()
    print("Case by case, with charts: --out FILE.html, FILE.json or --csv DIR")
