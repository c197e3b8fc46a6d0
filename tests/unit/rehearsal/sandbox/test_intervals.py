"""Anchor arithmetic of billing periods."""

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from worker.rehearsal.sandbox.intervals import add_interval, iso_date, period_end_after

INTERVALS = st.sampled_from(["day", "week", "month", "year"])
INSTANTS = st.integers(min_value=1_000_000_000, max_value=2_000_000_000)


def unix(text: str) -> int:
    return int(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp())


@pytest.mark.parametrize(
    ("anchor", "interval", "count", "expected"),
    [
        ("2026-01-31T10:00", "month", 1, "2026-02-28T10:00"),
        ("2026-01-31T10:00", "month", 2, "2026-03-31T10:00"),
        ("2028-01-31T10:00", "month", 1, "2028-02-29T10:00"),
        ("2028-02-29T00:00", "year", 1, "2029-02-28T00:00"),
        ("2028-02-29T00:00", "year", 4, "2032-02-29T00:00"),
        ("2026-12-15T00:00", "month", 1, "2027-01-15T00:00"),
        ("2026-03-28T23:30", "day", 2, "2026-03-30T23:30"),
        ("2026-03-28T23:30", "week", 1, "2026-04-04T23:30"),
    ],
)
def test_known_dates(anchor: str, interval: str, count: int, expected: str) -> None:
    assert add_interval(unix(anchor), interval, count) == unix(expected)


@given(INSTANTS, INTERVALS, st.integers(1, 6), st.integers(0, 100_000_000))
def test_the_next_boundary_is_the_first_after_the_start(
    anchor: int, interval: str, count: int, later: int
) -> None:
    start, steps = anchor + later, 0
    while add_interval(anchor, interval, steps) <= start:
        steps += count
    assert period_end_after(anchor, interval, count, start) == add_interval(anchor, interval, steps)


def test_dates_are_those_of_utc() -> None:
    assert iso_date(unix("2026-02-28T23:59")) == "2026-02-28"
