"""How the reading commands print: columns without boxes, rows of a sheet, JSON.

On a terminal long cells wrap within their column and headings are dim; elsewhere each row is one
plain line, whatever its length, so that `grep` and `less -S` work.
"""

import json
import sys
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import TextIO

from rich.cells import cell_len
from rich.console import Console
from rich.table import Table
from rich.text import Text

LAST_WIDTH_MIN = 20
"""The last column wraps, but is never narrower than this."""
CUT_WIDTH_MIN = 8
GAP = 2

UNBOUNDED = 10_000
"""Width where nobody looks: wide enough for every row."""


def is_terminal(stream: TextIO | None = None) -> bool:
    """Return whether a person looks at *stream* (default: standard output)."""
    return (stream or sys.stdout).isatty()


def columns(
    rows: Iterable[Sequence[str]],
    *,
    heading: Sequence[str] = (),
    right: Collection[int] = (),
    cut: Collection[int] = (),
    stream: TextIO | None = None,
) -> None:
    """Print *rows* in columns; on a terminal the last one wraps.

    Args: right: indexes of columns that hold figures and end flush right; cut: indexes of those
    that are cut first where the terminal is too narrow.
    """
    out = stream or sys.stdout
    console = _console(out)
    listed = [list(row) for row in rows]
    every = [list(heading), *listed] if heading else listed
    widths = [max(cell_len(cell) for cell in column) for column in zip(*every, strict=True)]
    _narrow(widths, cut, console.width)
    table = Table(box=None, show_header=bool(heading), pad_edge=False, header_style="dim")
    for index, width in enumerate(widths):
        last = index == len(widths) - 1
        table.add_column(
            heading[index] if heading else "",
            justify="right" if index in right else "left",
            no_wrap=not last,
            overflow="fold" if last else "ellipsis",
            width=None if last else width,
        )
    for row in listed:
        table.add_row(*(Text(cell) for cell in row))
    with console.capture() as captured:
        console.print(table)
    out.writelines(f"{line.rstrip()}\n" for line in captured.get().splitlines())


def _narrow(widths: list[int], cut: Collection[int], room: int) -> None:
    """Take from the widest of the columns in *cut* until the last has its least width."""
    needed = sum(widths[:-1]) + GAP * (len(widths) - 1) + min([LAST_WIDTH_MIN, *widths[-1:]])
    for _ in range(max(0, needed - room)):
        widest = max(cut, key=lambda index: widths[index], default=None)
        if widest is None or widths[widest] <= CUT_WIDTH_MIN:
            return
        widths[widest] -= 1


def _console(out: TextIO) -> Console:
    watched = is_terminal(out)
    return Console(
        file=out,
        width=None if watched else UNBOUNDED,
        color_system="auto" if watched else None,
        highlight=False,
        markup=False,
        emoji=False,
    )


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
