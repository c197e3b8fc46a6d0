"""Instants, zones and windows: ten zones, both changes of the clocks, five years, month ends."""

from datetime import UTC, date, datetime, time, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.unit.domain.building import BERLIN, T0, case, policy
from worker.domain.policy import DayWindow, Step
from worker.domain.timetable import (
    CHARGE_JITTER_MAX,
    ending_due_at,
    next_open,
    quick_tries_max,
    quick_try_at,
    step_due_at,
)

ZONES = (
    "Europe/Berlin",
    "America/New_York",
    "America/Sao_Paulo",
    "America/Santiago",  # the clocks change at midnight
    "Asia/Ho_Chi_Minh",
    "Asia/Kolkata",
    "Asia/Kathmandu",
    "Australia/Lord_Howe",  # by half an hour
    "Pacific/Chatham",
    "Africa/Casablanca",  # back for Ramadan
)
FIVE_YEARS = 5 * 365 * 24 * 60

instants = st.integers(0, FIVE_YEARS).map(
    lambda minutes: datetime(2025, 1, 1, tzinfo=UTC) + timedelta(minutes=minutes)
)
zones = st.sampled_from(ZONES)


@st.composite
def windows(draw: st.DrawFn) -> DayWindow:
    """Draw hours of a day of at least two hours, so that no change of clocks swallows them."""
    start = draw(st.integers(0, 21 * 60))
    end = draw(st.integers(start + 120, 24 * 60 - 1))
    return DayWindow(time(start // 60, start % 60), time(end // 60, end % 60))


def is_open(at: datetime, zone: str, window: DayWindow, *, weekdays_only: bool) -> bool:
    """Return whether *at* lies inside, said as plainly as it can be."""
    local = at.astimezone(ZoneInfo(zone))
    return window.start <= local.time() < window.end and not (
        weekdays_only and local.isoweekday() in {6, 7}
    )


@settings(max_examples=600, derandomize=True)
@given(instants, zones, windows(), st.booleans())
def test_next_open_never_goes_back_and_lands_inside(
    at: datetime, zone: str, window: DayWindow, weekdays_only: bool
) -> None:
    opens_at = next_open(at, zone, window, weekdays_only=weekdays_only)
    assert opens_at >= at
    assert opens_at.tzinfo is UTC
    assert is_open(opens_at, zone, window, weekdays_only=weekdays_only)
    assert opens_at - at <= timedelta(hours=25 if not weekdays_only else 25 + 48)
    assert next_open(opens_at, zone, window, weekdays_only=weekdays_only) == opens_at


@pytest.mark.parametrize(
    ("zone", "changes_on", "start"),
    [
        ("Europe/Berlin", date(2026, 3, 29), time(1, 30)),
        ("Europe/Berlin", date(2026, 10, 25), time(2, 30)),
        ("America/New_York", date(2026, 3, 8), time(3)),
        ("America/New_York", date(2026, 11, 1), time(1, 15)),
        ("Australia/Lord_Howe", date(2026, 4, 5), time(1, 45)),
        ("Australia/Lord_Howe", date(2026, 10, 4), time(2, 30)),
        ("America/Santiago", date(2026, 4, 4), time(23, 30)),
    ],
)
def test_no_earlier_minute_was_open(zone: str, changes_on: date, start: time) -> None:
    """Minute by minute over the night in which the clocks change."""
    window = DayWindow(start, time(23, 59) if start.hour > 20 else time(6))
    midnight = datetime.combine(changes_on, time(), ZoneInfo(zone)).astimezone(UTC)
    minutes = [midnight + timedelta(minutes=n) for n in range(-180, 33 * 60)]
    inside = [at for at in minutes if is_open(at, zone, window, weekdays_only=False)]
    for at in minutes[: 30 * 60 : 7]:
        later = [other for other in inside if other >= at]
        assert not later or next_open(at, zone, window) == later[0], at
    assert len(inside) > 20


@pytest.mark.parametrize(
    ("at", "opens_at"),
    [
        ("2026-03-29 01:50", "2026-03-29 03:30"),  # 02:30 does not exist in Berlin that night
        ("2026-03-28 23:00", "2026-03-29 03:30"),
        ("2026-10-25 01:00", "2026-10-25 02:30"),  # the first of two
        ("2026-03-27 18:00", "2026-03-28 02:30"),
    ],
)
def test_a_skipped_hour_counts_as_the_hour_after_it(at: str, opens_at: str) -> None:
    def berlin(text: str) -> datetime:
        return datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(BERLIN)).astimezone(UTC)

    assert next_open(berlin(at), BERLIN, DayWindow(time(2, 30), time(6))) == berlin(opens_at)


def test_between_the_two_half_past_twos_the_second_counts() -> None:
    second_two = datetime(2026, 10, 25, 1, 10, tzinfo=UTC)  # 02:10 in Berlin, winter time
    opens_at = next_open(second_two, BERLIN, DayWindow(time(2, 30), time(6)))
    assert opens_at == datetime(2026, 10, 25, 1, 30, tzinfo=UTC)


def test_without_window_any_instant_is_open() -> None:
    assert next_open(T0, BERLIN, None) == T0


@pytest.mark.parametrize(
    ("at", "opens_at"),
    [
        ("2026-03-06T22:59:59.999999+00:00", "2026-03-06T22:59:59.999999+00:00"),
        ("2026-03-06T23:00:00+00:00", "2026-03-08T23:00:00+00:00"),  # Saturday in Berlin
        ("2026-03-08T22:59:00+00:00", "2026-03-08T23:00:00+00:00"),
        ("2026-03-09T12:00:00+00:00", "2026-03-09T12:00:00+00:00"),
    ],
)
def test_weekdays_without_hours(at: str, opens_at: str) -> None:
    found = next_open(datetime.fromisoformat(at), BERLIN, None, weekdays_only=True)
    assert found == datetime.fromisoformat(opens_at)


def test_a_window_is_closed_at_its_end() -> None:
    window = DayWindow(time(9), time(16))
    at_end = datetime(2026, 3, 2, 15, tzinfo=UTC)  # 16:00 in Berlin
    assert next_open(at_end, BERLIN, window) == datetime(2026, 3, 3, 8, tzinfo=UTC)
    before = at_end - timedelta(seconds=1)
    assert next_open(before, BERLIN, window) == before


# Steps

CHARGE = Step("try 1", timedelta(days=1), charge=True)
LETTER = Step("first letter", timedelta(hours=4), letter="payment_failed_1")


@settings(max_examples=200, derandomize=True)
@given(instants, st.text(max_size=12), st.integers(0, 30), st.integers(0, 10**6))
def test_jitter_is_bounded_stable_and_of_whole_seconds(
    failed_at: datetime, name: str, days: int, number: int
) -> None:
    mine = case(failed_at=failed_at, invoice_id=f"in_{number}")
    step = Step(name, timedelta(days=days), charge=True)
    due_at = step_due_at(mine, step, BERLIN)
    assert timedelta(0) <= due_at - (failed_at + step.after) < CHARGE_JITTER_MAX
    assert due_at == step_due_at(mine, step, BERLIN)
    assert due_at.microsecond == 0
    assert step_due_at(mine, Step(name, step.after, letter="x"), BERLIN) == failed_at + step.after


def test_jitter_spreads_a_crowd() -> None:
    crowd = [step_due_at(case(invoice_id=f"in_{n}"), CHARGE, BERLIN) for n in range(1000)]
    busiest = max(crowd.count(at) for at in crowd)
    assert busiest <= 6
    assert max(crowd) - min(crowd) > timedelta(minutes=40)


def test_jitter_differs_from_step_to_step() -> None:
    """Else a crowd that failed together would stay together."""
    other = Step("try 2", timedelta(days=1), charge=True)
    assert step_due_at(case(), CHARGE, BERLIN) != step_due_at(case(), other, BERLIN)


@settings(max_examples=200, derandomize=True)
@given(instants, zones, windows())
def test_charge_windows_hold_with_jitter(failed_at: datetime, zone: str, window: DayWindow) -> None:
    step = Step("try 3", timedelta(days=4), charge=True, charge_window=window)
    due_at = step_due_at(case(failed_at=failed_at), step, zone)
    assert due_at >= failed_at + step.after
    assert is_open(due_at, zone, window, weekdays_only=False)


@pytest.mark.parametrize(
    ("failed_at", "due_at"),
    [
        ("2026-01-31T09:00+00:00", "2026-03-01T09:00+00:00"),  # over the end of a short month
        ("2028-01-31T09:00+00:00", "2028-02-29T09:00+00:00"),  # a leap year
        ("2028-02-29T23:30+00:00", "2028-03-29T23:30+00:00"),
        ("2026-12-31T23:59+00:00", "2027-01-29T23:59+00:00"),
        ("2026-03-28T09:00+00:00", "2026-04-26T09:00+00:00"),  # elapsed days, not clock days
    ],
)
def test_days_are_counted_from_the_failure_over_month_ends(failed_at: str, due_at: str) -> None:
    step = Step("late", timedelta(days=29), letter="x")
    mine = case(failed_at=datetime.fromisoformat(failed_at))
    assert step_due_at(mine, step, BERLIN) == datetime.fromisoformat(due_at)


def test_each_step_of_the_shipped_policy_falls_once_in_order_for_every_anchor() -> None:
    """Anchors 1 to 31 of every month, ten zones: no two tries closer than 20 hours (I6)."""
    tries = [step for step in policy().steps if step.charge]
    for zone in ZONES:
        for day in range(0, 365, 3):
            anchor = datetime(2028, 1, 1, 1, 30, tzinfo=UTC) + timedelta(days=day)
            mine = case(failed_at=anchor, invoice_id=f"in_{day}")
            at = [anchor, *(step_due_at(mine, step, zone) for step in tries)]
            gaps = [later - earlier for earlier, later in pairwise(at)]
            assert min(gaps) > timedelta(hours=20), (zone, anchor)


def test_a_shift_moves_steps_and_ending_alike() -> None:
    shift = timedelta(days=3, hours=2)
    plain, moved = case(), case(shift=shift)
    assert step_due_at(moved, LETTER, BERLIN) - step_due_at(plain, LETTER, BERLIN) == shift
    assert ending_due_at(moved, policy()) - ending_due_at(plain, policy()) == shift


# Quick tries


@pytest.mark.parametrize(
    ("minutes", "count"), [(0, 0), (29, 0), (30, 1), (89, 1), (90, 2), (210, 3), (360, 3), (450, 4)]
)
def test_how_many_doubling_gaps_fit(minutes: int, count: int) -> None:
    assert quick_tries_max(timedelta(minutes=minutes)) == count


@settings(max_examples=100, derandomize=True)
@given(instants, st.integers(1, 6), st.integers(0, 10**6))
def test_quick_gaps_are_stable_and_spread_by_a_fifth(
    last: datetime, number: int, invoice: int
) -> None:
    mine = case(invoice_id=f"in_{invoice}")
    gap = timedelta(minutes=30) * 2 ** (number - 1)
    at = quick_try_at(mine, number, last)
    assert gap <= at - last < gap * 1.2
    assert at == quick_try_at(mine, number, last)
