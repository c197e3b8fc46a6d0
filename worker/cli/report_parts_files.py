"""Parts of a report as CSV, a file for each topic, and as JSON."""

from collections import defaultdict
from collections.abc import Iterable, Iterator
from pathlib import Path

from worker.cli.report_parts import Cell, Part, Written, cell_plain
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
            [part.currency, *(_in_sheet(cell) for cell in row)]
            for part in found
            for row in part.table.rows
        ]
        yield topic, csv_text(columns, rows)


def _in_sheet(cell: Cell) -> object:
    """Return a cell for a spreadsheet, which must not compute what somebody wrote."""
    begins_a_formula = isinstance(cell, Written) and cell.lstrip()[:1] in set("=+-@")
    return f"'{cell}" if begins_a_formula else cell_plain(cell)


def write_sheets(parts: Iterable[Part], folder: Path) -> int:
    """Write a CSV file for each topic into *folder*; return how many.

    Raises: UsageError: the folder cannot be made or written.
    """
    count = 0
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for topic, text in sheets(parts):
            (folder / f"{topic}.csv").write_text(text, encoding="utf-8")
            count += 1
    except OSError as problem:
        raise UsageError(f"--csv {folder} cannot be written: {problem.strerror}.") from None
    return count


def write_report(text: str, out: Path) -> None:
    """Write a report into its file. Raises: UsageError: it cannot be written."""
    try:
        out.write_text(text, encoding="utf-8")
    except OSError as problem:
        raise UsageError(f"--out {out} cannot be written: {problem.strerror}.") from None


def require_ending(out: Path | None) -> None:
    """Refuse a file that is neither a page nor JSON. Raises: UsageError."""
    if out is not None and out.suffix.lower() not in {".html", ".json"}:
        raise UsageError(f"--out {out} has no ending of this report; write .html or .json.")


def tables_json(parts: Iterable[Part]) -> list[dict[str, object]]:
    """Return the tables as data: amounts in minor units, times in UTC, exact quotients."""
    return [
        {
            "topic": part.topic,
            "currency": part.currency or None,
            "title": part.title,
            "columns": [column.key for column in part.table.columns],
            "rows": [[cell_plain(cell) for cell in row] for row in part.table.rows],
        }
        for part in parts
    ]
