"""When things fall due: pure arithmetic on instants, zones and windows.

Offsets count from the first failure, of a sent invoice from its due date; never from the previous
step, so a late run pushes nothing.
Everything moves forward to an open hour, never back.
"""

from calendar import monthrange
from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo

from worker.domain.case import Case
from worker.domain.identifiers import stable_fraction
from worker.domain.policy import DayWindow, Policy, Step

CHARGE_JITTER_MAX = timedelta(minutes=45)
"""Retries are spread, so that a thousand renewals of one hour do not return in one minute."""

OWNER_CONFIRMED_AFTER = timedelta(minutes=15)
"""No charge before a read this long after the failure saw who retries (D10)."""

QUICK_TRY_BASE = timedelta(minutes=30)
"""First gap after a technical failure; each further one is twice as long."""


def next_open(
    at: datetime, zone: str, window: DayWindow | None, *, weekdays_only: bool = False
) -> datetime:
    """Return the first instant at or after *at* inside *window* on an allowed day.

    Args: at: aware UTC; zone: IANA name whose clock the window is read by; window: None is all
    day. Returns: aware UTC. Hours that a clock change skips count as the hour after it.
    """
    if window is None and not weekdays_only:
        return at
    here = ZoneInfo(zone)
    start, end = (window.start, window.end) if window else (time.min, time.max)
    local = at.astimezone(here)
    day, hour = local.date(), local.time()
    if hour > end or (window is not None and hour == end):
        day, hour = day + timedelta(days=1), time.min
    while weekdays_only and day.weekday() > 4:
        day, hour = day + timedelta(days=1), time.min
    if day == local.date() and hour >= start:
        return at
    opens_at = datetime.combine(day, start, here)
    if opens_at < at:  # the hour that autumn repeats: its first time is over
        opens_at = opens_at.replace(fold=1)
    return max(at, opens_at.astimezone(at.tzinfo))


PAYDAY_OPENS = time(9)
"""Office hour from which a payday's charge may start: salaries arrive over night."""


def next_payday(at: datetime, zone: str, days: frozenset[int]) -> datetime:
    """Return the first office morning at or after *at* on one of *days* of a month.

    A day that a month lacks is its last day; on a payday itself *at* stays as it is once the
    morning has come. Args: days: 1 to 31, at least one. Returns: aware UTC.
    """
    here = ZoneInfo(zone)
    day = at.astimezone(here).date()
    while True:
        last = monthrange(day.year, day.month)[1]
        if day.day in {min(each, last) for each in days}:
            opens_at = datetime.combine(day, PAYDAY_OPENS, here).astimezone(UTC)
            return max(at, opens_at)
        day += timedelta(days=1)


def step_due_at(case: Case, step: Step, office_zone: str) -> datetime:
    """Return when *step* falls due, as aware UTC: offset, shift, stable jitter, charge window.

    A reminder before the due date or on it keeps its day, whatever moved the rest.
    """
    until_due = case.due_at is not None and step.after <= timedelta()
    at = case.counts_from_at + step.after + (timedelta() if until_due else case.shift)
    if step.charge:
        jitter = CHARGE_JITTER_MAX * stable_fraction("jitter", case.invoice_id, step.name)
        at = next_open(at + jitter, office_zone, step.charge_window)
    return at.replace(microsecond=0)


def ending_due_at(case: Case, policy: Policy) -> datetime:
    """Return when the policy's ending falls due, before its letter and office hours move it."""
    return case.counts_from_at + policy.ending.after + case.shift


def quick_tries_max(within: timedelta) -> int:
    """Return how many doubling gaps fit into *within*: three for 6 hours."""
    total, gap, count = timedelta(), QUICK_TRY_BASE, 0
    while total + gap <= within:
        total, gap, count = total + gap, gap * 2, count + 1
    return count


def quick_try_at(case: Case, number: int, last_try_at: datetime) -> datetime:
    """Return when quick try *number* (from 1) after a technical failure may start."""
    gap: timedelta = QUICK_TRY_BASE * (1 << (number - 1))
    jitter = gap * 0.2 * stable_fraction("quick", case.invoice_id, number)
    return (last_try_at + gap + jitter).replace(microsecond=0)
