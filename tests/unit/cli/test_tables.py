"""Columns: plain lines where nobody looks, wrapped cells on a terminal."""

import io

import pytest

from worker.cli.tables import columns

ROWS = [("C-1", "€9.00", "a long reason " * 12), ("C-1042", "€1,240.00", "short")]


class Terminal(io.StringIO):
    """A stream that a person looks at."""

    def isatty(self) -> bool:
        return True


def test_where_nobody_looks_each_row_is_one_line_without_trailing_blanks() -> None:
    out = io.StringIO()
    columns(ROWS, heading=("case", "amount", "why"), right=[1], stream=out)
    lines = out.getvalue().splitlines()
    assert len(lines) == 3
    assert lines[0] == "case       amount  why"
    assert lines[2] == "C-1042  €1,240.00  short"
    assert all(line == line.rstrip() for line in lines)
    assert "\x1b" not in out.getvalue()


def test_on_a_terminal_a_long_cell_wraps_within_its_column(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("COLUMNS", "60")
    out = Terminal()
    columns(ROWS, stream=out)
    lines = out.getvalue().splitlines()
    assert max(len(line) for line in lines) <= 60
    assert lines[1].startswith(" " * 19)


def test_on_a_narrow_terminal_the_last_column_stays_readable(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("COLUMNS", "50")
    out = Terminal()
    columns([("C-1042", "x" * 40, "closed on Friday")], cut=[1], stream=out)
    [line] = out.getvalue().splitlines()
    assert line.startswith("C-1042  xxxx")
    assert "x…  closed on Friday" in line


def test_text_that_looks_like_markup_is_text() -> None:
    out = io.StringIO()
    columns([("[bold]x[/bold]", ":smile:")], stream=out)
    assert out.getvalue() == "[bold]x[/bold]  :smile:\n"


def test_no_rows_print_nothing() -> None:
    out = io.StringIO()
    columns([], stream=out)
    assert out.getvalue().strip() == ""
