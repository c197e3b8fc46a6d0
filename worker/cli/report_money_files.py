"""The money report as CSV files, a file for each topic, and as JSON."""

from collections import defaultdict
from collections.abc import Iterable, Iterator
from pathlib import Path

from worker.cli.metrics_files import metrics_json
from worker.cli.report_money import MoneyReport
from worker.cli.report_money_parts import every_part
from worker.cli.report_parts import Part, cell_plain
from worker.errors import UsageError
from worker.office.sheets import csv_text


def sheets(parts: Iterable[Part]) -> Iterator[tuple[str, str]]:
    """Yield each topic with its table as CSV: all currencies, amounts in minor units."""
    topics: dict[str, list[Part]] = defaultdict(list)
    for part in parts:
        topics[part.topic].append(part)
    for topic, found in topics.items():
        columns = ["currency", *(column.key for column in found[0].table.columns)]
        rows = [
            [part.currency, *(cell_plain(cell) for cell in row)]
            for part in found
            for row in part.table.rows
        ]
        yield topic, csv_text(columns, rows)


def write_sheets(report: MoneyReport, folder: Path) -> int:
    """Write a CSV file for each topic into *folder*; return how many.

    Raises: UsageError: the folder cannot be made or written.
    """
    count = 0
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for topic, text in sheets(every_part(report)):
            (folder / f"{topic}.csv").write_text(text, encoding="utf-8")
            count += 1
    except OSError as problem:
        raise UsageError(f"--csv {folder} cannot be written: {problem.strerror}.") from None
    return count


def report_json(report: MoneyReport) -> dict[str, object]:
    """Return both periods' figures as `dunning metrics --json` tells them, and all tables."""
    return {
        "report": "money",
        "account": report.account,
        "live": report.live,
        "period": metrics_json(report.measured),
        "before": metrics_json(report.before),
        "tables": [
            {
                "topic": part.topic,
                "currency": part.currency or None,
                "title": part.title,
                "columns": [column.key for column in part.table.columns],
                "rows": [[cell_plain(cell) for cell in row] for row in part.table.rows],
            }
            for part in every_part(report)
        ],
    }
