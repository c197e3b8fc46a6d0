"""The day or instant until which a plan reaches, as people type it after `--until`."""

import re
from datetime import date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from worker.errors import UsageError

DEFAULT_DAYS = 7
UNTIL_MAX = timedelta(days=400)
"""No policy reaches further."""

MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
MONTH_LETTERS = 3
_DAY = re.compile(r"(\d{1,2})\.?\s+([a-z]{3,9})\.?(?:\s+(\d{4}))?", re.IGNORECASE)
_SPAN = re.compile(r"(\d{1,3})\s*(d|days?|w|weeks?)", re.IGNORECASE)


def parse_until(text: str, *, now: datetime, zone: ZoneInfo) -> datetime:
    """Return the instant before which everything is planned, aware; a day counts whole.

    It takes `6 Dec`, `6 December 2026`, `2026-12-06`, `today`, `tomorrow`, `10 days` and an ISO
    8601 instant; what names no zone is office time, a day without its year is the next one. An
    empty text is a week. Raises: UsageError: it is none of these, is past or is too far away.
    """
    given = text.strip()
    today = now.astimezone(zone).date()
    day = _day(given, today)
    until = _end_of(day, zone) if day is not None else _instant(given, zone)
    if until is None:
        raise UsageError(
            f"--until {given} is no time; write `6 Dec`, 2026-12-06, tomorrow, `10 days` or"
            " 2026-12-06T07:00:00Z."
        )
    if until <= now:
        raise UsageError(f"--until {given} is past; a plan is about what is to come.")
    if until - now > UNTIL_MAX:
        raise UsageError(f"--until {given} is too far away; at most {UNTIL_MAX.days} days.")
    return until


def _day(given: str, today: date) -> date | None:
    words = {"": DEFAULT_DAYS, "today": 0, "tomorrow": 1}
    if given.lower() in words:
        return today + timedelta(days=words[given.lower()])
    span, named = _SPAN.fullmatch(given), _DAY.fullmatch(given)
    if span is not None:
        per = 7 if span[2].lower().startswith("w") else 1
        return today + timedelta(days=int(span[1]) * per)
    if named is not None:
        return _named_day(int(named[1]), named[2].lower(), named[3], today)
    try:
        return date.fromisoformat(given)
    except ValueError:
        return None


def _named_day(number: int, month: str, year: str | None, today: date) -> date | None:
    """Return the day of that month: of *year*, else the first one that is not past."""
    months = [i for i, name in enumerate(MONTHS, start=1) if month[:MONTH_LETTERS] == name]
    for wanted in [int(year)] if year else [today.year + i for i in range(5)]:
        try:
            found = date(wanted, months[0], number)
        except (IndexError, ValueError):  # a month that is none, or 29 Feb in another year
            continue
        if year or found >= today:
            return found
    return None


def _end_of(day: date, zone: ZoneInfo) -> datetime:
    return datetime.combine(day + timedelta(days=1), time.min, zone)


def _instant(given: str, zone: ZoneInfo) -> datetime | None:
    try:
        at = datetime.fromisoformat(given)
    except ValueError:
        return None
    return at if at.tzinfo is not None else at.replace(tzinfo=zone)
