"""Billing periods: anchor arithmetic in UTC, with months clamped to their last day."""

from calendar import monthrange
from datetime import UTC, datetime, timedelta

DAY_SECONDS = 86_400


def add_interval(anchor: int, interval: str, count: int) -> int:
    """Return *anchor* (unix seconds) plus *count* intervals of day, week, month or year.

    Months and years keep the anchor's day where the month has it, else take its last day, so the
    31st of January is followed by the 28th of February and the 31st of March (Stripe's rule).
    """
    if interval == "day":
        return anchor + count * DAY_SECONDS
    if interval == "week":
        return anchor + count * 7 * DAY_SECONDS
    start = datetime.fromtimestamp(anchor, UTC)
    months = start.month - 1 + count * (12 if interval == "year" else 1)
    year, month = start.year + months // 12, months % 12 + 1
    day = min(start.day, monthrange(year, month)[1])
    return int(start.replace(year=year, month=month, day=day).timestamp())


def period_end_after(anchor: int, interval: str, count: int, start: int) -> int:
    """Return the first instant anchor + n * count intervals that lies after *start*."""
    rough_days = {"day": 1, "week": 7, "month": 31, "year": 366}[interval] * count
    steps = max(0, (start - anchor) // (rough_days * DAY_SECONDS) - 1)
    while (end := add_interval(anchor, interval, steps * count)) <= start:
        steps += 1
    return end


def iso_date(at: int) -> str:
    """Return the UTC date of an instant, as texts on invoices show it."""
    return datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%d")


def days(count: float) -> int:
    """Return that many days in seconds."""
    return int(timedelta(days=count).total_seconds())
