"""Where a report that is made of parts goes: a page, a file, CSV files, or the terminal."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from markupsafe import Markup

from worker.cli.report_parts import Part, cell_words
from worker.cli.report_parts_files import require_ending, write_report, write_sheets
from worker.cli.tables import as_json as json_line
from worker.cli.tables import columns, print_json
from worker.office.words import OfficeWords, count_words


@dataclass(frozen=True, slots=True)
class Outlet:
    """Where the operator wants it."""

    out: Path | None
    """A file that ends in .html or .json."""
    csv_dir: Path | None
    """A folder for a CSV file of each table."""
    as_json: bool


@dataclass(frozen=True, slots=True)
class Forms:
    """A report in each of its forms; only those that are asked for are made."""

    name: str
    said: str
    """Which period it tells of, in words."""
    parts: Callable[[], Iterable[Part]]
    page: Callable[[], Markup]
    data: Callable[[], Mapping[str, object]]
    terminal: Callable[[], None]


def put_out(read: Callable[[], Forms], outlet: Outlet) -> None:
    """Write or print a report; it is read once it is known that it can be written.

    Raises: UsageError: a file cannot be written, or its ending is unknown.
    """
    require_ending(outlet.out)
    forms = read()
    if outlet.csv_dir is not None:
        count = write_sheets(forms.parts(), outlet.csv_dir)
        print(f"{count_words(count, 'table')} of {forms.said} in {outlet.csv_dir}")
    if outlet.out is not None:
        is_page = outlet.out.suffix.lower() == ".html"
        text = str(forms.page()) if is_page else json_line(forms.data()) + "\n"
        write_report(text, outlet.out)
        print(f"{forms.name} of {forms.said} written to {outlet.out}")
    elif outlet.as_json:
        print_json(forms.data())
    elif outlet.csv_dir is None:
        forms.terminal()


def print_part(part: Part, words: OfficeWords) -> None:
    """Print a part's table; all columns but the first are figures."""
    cells = [[cell_words(cell, words) for cell in row] for row in part.table.rows]
    heading = [column.title.lower() for column in part.table.columns]
    columns(cells, heading=heading, right=range(1, len(heading)))
