"""Instants as people type them after `--since`, `--from` and `--to`."""

import re
from datetime import date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from worker.errors import UsageError

_UNITS = {
    "m": timedelta(minutes=1),
    "min": timedelta(minutes=1),
    "minute": timedelta(minutes=1),
    "h": timedelta(hours=1),
    "hour": timedelta(hours=1),
    "d": timedelta(days=1),
    "day": timedelta(days=1),
    "week": timedelta(weeks=1),
}
_AGO = re.compile(r"(\d{1,5})\s*([a-z]+?)s?(?:\s+ago)?", re.IGNORECASE)
_HOUR = re.compile(r"(\d{1,2}):(\d{2})")


def parse_since(
    text: str, *, now: datetime, zone: ZoneInfo, option: str = "--since"
) -> datetime | None:
    """Return the instant that *text* names, aware; None for an empty text, which means always.

    It takes `2 hours`, `30 min`, `3d`, `yesterday`, `02:00` (of today), a day (`2026-12-06`) and
    an ISO 8601 instant; what names no zone is office time. Raises: UsageError: it is none of these.
    """
    given = text.strip()
    if not given:
        return None
    today = now.astimezone(zone).date()
    if given.lower() in {"today", "yesterday"}:
        day = today - timedelta(days=1 if given.lower() == "yesterday" else 0)
        return datetime.combine(day, time.min, zone)
    ago, hour = _AGO.fullmatch(given), _HOUR.fullmatch(given)
    if ago is not None and ago[2].lower() in _UNITS:
        return now - int(ago[1]) * _UNITS[ago[2].lower()]
    try:
        if hour is not None:
            return datetime.combine(today, time(int(hour[1]), int(hour[2])), zone)
        if len(given) == len("2026-12-06"):
            return datetime.combine(date.fromisoformat(given), time.min, zone)
        at = datetime.fromisoformat(given)
    except ValueError:
        raise UsageError(
            f"{option} {given} is no time; write `2 hours`, `yesterday`, 02:00, 2026-12-06 or"
            " 2026-12-06T07:00:00Z."
        ) from None
    return at if at.tzinfo is not None else at.replace(tzinfo=zone)
