"""Rows of a CSV file, one by one, whatever its size: encodings, marks, separators and quotes."""

import csv
from collections.abc import Iterable, Iterator, Sequence
from difflib import get_close_matches
from typing import IO

from worker.errors import ConfigError

LINE_BYTES_MAX = 1_000_000
"""A longer line is no line of a table."""

SEPARATORS = (",", ";", "\t")
_UTF16 = (b"\xff\xfe", b"\xfe\xff")


def csv_rows(
    content: IO[bytes], *, file: str, known: Sequence[str], required: Sequence[str]
) -> Iterator[tuple[int, dict[str, str] | str]]:
    """Yield (line, cells by column) of each row that is not empty, or (line, what is wrong).

    The first line names the columns, in any order; the separator is the one that it uses. Cells
    are trimmed. After a row that breaks the quotes nothing is read any more.
    Raises: ConfigError: the heading is wrong, so no row can be read.
    """
    lines = _lines(content)
    try:
        first = next(lines, "")
    except _NoTextError as error:
        raise ConfigError(f"{file} {error}") from None
    if not first.strip():
        raise ConfigError(f"{file} is empty; its first line names the columns.")
    separator = max(SEPARATORS, key=first.count)
    heading = _heading(first, separator, file=file, known=known, required=required)
    rows = csv.reader(lines, delimiter=separator, strict=True)
    while True:
        begins_at = rows.line_num + 2  # the heading is a line, and lines count from 1
        try:
            cells = next(rows, None)
        except csv.Error as error:
            yield begins_at, _broken(error)
            return
        except _NoTextError as error:
            yield rows.line_num + 2, str(error)
            return
        if cells is None:
            return
        if any(cell.strip() for cell in cells):
            yield begins_at, _row(heading, cells, required)


class _NoTextError(ValueError):
    """Bytes that are no text."""


def _lines(content: IO[bytes]) -> Iterator[str]:
    """Yield the lines as text, the first without its mark."""
    for number, line in enumerate(iter(lambda: content.readline(LINE_BYTES_MAX + 1), b"")):
        if len(line) > LINE_BYTES_MAX:
            raise _NoTextError("has no end; save the file as CSV UTF-8, a row a line.")
        if number == 0 and line.startswith(_UTF16):
            raise _NoTextError("is UTF-16; save the file as CSV UTF-8.")
        try:
            text = line.decode("utf-8-sig" if number == 0 else "utf-8")
        except UnicodeDecodeError as error:
            raise _NoTextError(
                f"byte {error.start + 1} is not UTF-8; save the file as CSV UTF-8."
            ) from None
        if "\0" in text:
            raise _NoTextError("has a NUL in it; save the file as CSV UTF-8.")
        yield text


def _heading(
    first: str, separator: str, *, file: str, known: Sequence[str], required: Sequence[str]
) -> list[str]:
    try:
        cells = next(csv.reader([first], delimiter=separator, strict=True))
    except csv.Error as error:
        raise ConfigError(f"{file} line 1: {_broken(error)}") from None
    names = [cell.strip().lower() for cell in cells]
    problems = [
        f"{file} line 1: there is no column `{name}`{_meant(name, known)}"
        for name in names
        if name not in known
    ]
    problems += [
        f"{file} line 1: column `{name}` stands twice; leave one out."
        for name in sorted({name for name in names if names.count(name) > 1})
    ]
    problems += [
        f"{file} line 1: column `{name}` is missing; the columns are {', '.join(known)}."
        for name in required
        if name not in names
    ]
    if problems:
        raise ConfigError(*problems)
    return names


def _meant(name: str, known: Iterable[str]) -> str:
    listed = list(known)
    close = get_close_matches(name, listed, n=1)
    return f"; did you mean `{close[0]}`?" if close else f"; the columns are {', '.join(listed)}."


def _row(
    heading: Sequence[str], cells: Sequence[str], required: Sequence[str]
) -> dict[str, str] | str:
    """Return the cells by column; some programs leave out the last ones where they are empty."""
    if len(cells) > len(heading):
        return (
            f"has {_cells(cells)}, the heading {len(heading)};"
            " put a cell that holds the separator in quotes."
        )
    missing = [f"`{name}`" for name in heading[len(cells) :] if name in required]
    if missing:
        return (
            f"has {_cells(cells)}, the heading {len(heading)}, so {' and '.join(missing)}"
            f" {'are' if len(missing) > 1 else 'is'} missing; write a cell for each column."
        )
    return {name: cell.strip() for name, cell in zip(heading, cells, strict=False)}


def _cells(cells: Sequence[str]) -> str:
    return f"{len(cells)} cell{'' if len(cells) == 1 else 's'}"


def _broken(error: csv.Error) -> str:
    if "field larger" in str(error):
        return "a cell has no end; a quote is left open before it."
    if "unexpected end of data" in str(error):
        return 'a quote is left open; write a quote within quotes twice: "".'
    return f'its quotes are wrong ({error}); write a quote within quotes twice: "".'
