"""The scheduled jobs and when each is due again (architecture.md D11). Pure."""

from dataclasses import dataclass
from datetime import datetime, time, timedelta
from zoneinfo import ZoneInfo

WALL_JOBS = (
    "read_stripe",
    "due_cases",
    "deliver_letters",
    "sweep",
    "heartbeat",
    "invariants",
    "staff_mail",
    "seal",
    "sinks",
)
"""Intervals of seconds or minutes run by wall time."""

BUSINESS_JOBS = (
    "renewals_cards_trials",
    "reconcile",
    "summary",
    "plan",
    "daily_mail",
    "audit",
    "retention",
    "tie_out",
    "figures",
)
"""Hourly and daily jobs run by business time, so that a rehearsed year has a year's worth."""


@dataclass(frozen=True, slots=True)
class JobTiming:
    """When a job runs: every so often, or daily at an office hour; exactly one is set."""

    every: timedelta | None = None
    daily_at: time | None = None


def next_due_at(timing: JobTiming, *, after: datetime, office_zone: str) -> datetime:
    """Return the first instant later than *after* at which the job is due; aware UTC.

    A daily hour is read on the office's clock. After an absence the missed times are not made up:
    the job runs once and then at its next time.
    """
    if timing.every is not None:
        return after + timing.every
    if timing.daily_at is None:
        raise ValueError("a job's timing has an interval or an hour")
    local = after.astimezone(ZoneInfo(office_zone))
    due = datetime.combine(local.date(), timing.daily_at, local.tzinfo)
    if due <= local:
        due = datetime.combine(local.date() + timedelta(days=1), timing.daily_at, local.tzinfo)
    return due.astimezone(after.tzinfo)
