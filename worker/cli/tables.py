"""How the reading commands print: columns without boxes, rows of a sheet, JSON.

On a terminal long cells wrap within their column and headings are dim; elsewhere each row is one
plain line, whatever its length, so that `grep` and `less -S` work.
"""

import json
import sys
from collections.abc import Iterable, Mapping, Sequence
from typing import TextIO

from rich.console import Console
from rich.table import Table
from rich.text import Text

LAST_WIDTH_MIN = 24
"""On a narrow terminal the columns before the last are cut before it gets smaller than this."""

UNBOUNDED = 10_000
"""Width where nobody looks: wide enough for every row."""


def is_terminal(stream: TextIO | None = None) -> bool:
    """Return whether a person looks at *stream* (default: standard output)."""
    return (stream or sys.stdout).isatty()


def columns(
    rows: Iterable[Sequence[str]],
    *,
    heading: Sequence[str] = (),
    right: Iterable[int] = (),
    stream: TextIO | None = None,
) -> None:
    """Print *rows* in columns.

    Args: right: indexes of columns that hold figures and end flush right.
    """
    out = stream or sys.stdout
    table = Table(box=None, show_header=bool(heading), pad_edge=False, header_style="dim")
    flush_right = set(right)
    listed = [list(row) for row in rows]
    width = max([len(heading), *(len(row) for row in listed)], default=0)
    for index in range(width):
        title = heading[index] if index < len(heading) else ""
        last = index == width - 1
        table.add_column(
            title,
            justify="right" if index in flush_right else "left",
            no_wrap=not last,
            min_width=LAST_WIDTH_MIN if last and is_terminal(out) else None,
            overflow="fold" if last else "ellipsis",
        )
    for row in listed:
        table.add_row(*(Text(cell) for cell in row))
    _print(table, out)


def _print(table: Table, out: TextIO) -> None:
    watched = is_terminal(out)
    console = Console(
        file=out,
        width=None if watched else UNBOUNDED,
        color_system="auto" if watched else None,
        highlight=False,
        markup=False,
        emoji=False,
    )
    with console.capture() as captured:
        console.print(table)
    out.writelines(f"{line.rstrip()}\n" for line in captured.get().splitlines())


def as_json(value: Mapping[str, object]) -> str:
    """Return one line of JSON; text stays readable in every language."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def print_json(value: Mapping[str, object]) -> None:
    """Print one object: indented for a person, one line for a program."""
    if is_terminal():
        print(json.dumps(value, ensure_ascii=False, indent=2))
    else:
        print(as_json(value))


def print_json_lines(values: Iterable[Mapping[str, object]]) -> None:
    """Print one object a line."""
    for value in values:
        print(as_json(value))
