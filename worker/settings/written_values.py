"""How single values are written in config/: durations, hours, rates, counts, addresses.

Each function takes the text as written and returns the value, or raises ValueError with the rest
of a sentence that says what is wrong and what to write. Nothing is guessed: a bare number has no
unit and is refused.
"""

import re
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from email.utils import parseaddr
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from worker.domain.policy import DayWindow

UNITS = ("seconds", "minutes", "hours", "days", "weeks")
DURATION_MAX = timedelta(days=3650)

_NUMBER = re.compile(r"\d+(\.\d+)?")
_DURATION = re.compile(r"(\d{1,9}) +([a-z]+)")
_CLOCK = re.compile(r"(\d{1,2}):(\d{2})")
_RATE = re.compile(r"(\d{1,9}) +per +(hour|day)")
_TIMES = re.compile(r"(\d{1,4}) +times?")
_ADDRESS = re.compile(r"[^\s@<>\",;]+@[^\s@<>\",;]+\.[^\s@<>\",;]+")
_COLOUR = re.compile(r"#[0-9a-fA-F]{3}(?:[0-9a-fA-F]{3})?")
_FRACTIONS = {"a half": (1, 2), "a third": (1, 3), "a quarter": (1, 4)}


@dataclass(frozen=True, slots=True)
class ChargeTime:
    """When a step's charge may start; no window is any time."""

    window: DayWindow | None


@dataclass(frozen=True, slots=True)
class NotBefore:
    """An ending's condition: *gap* after the letter of *step* was accepted."""

    gap: timedelta
    step: str


def parse_line(text: object) -> str:
    """Return one line of text that is not empty."""
    value = scalar(text)
    if not value.isprintable():
        raise ValueError(f"{value!r} contains a line break or control character; write one line.")
    return value


def parse_duration(text: object) -> timedelta:
    """Return the time in `N seconds|minutes|hours|days|weeks`; the singular is fine too."""
    value = scalar(text)
    if _NUMBER.fullmatch(value):
        raise ValueError(f"{value} has no unit; write `{value.split('.')[0]} days`.")
    found = _DURATION.fullmatch(value)
    unit = found[2] if found else ""
    unit = unit if unit.endswith("s") else f"{unit}s"
    if found is None or unit not in UNITS:
        raise ValueError(
            f"`{value}` is no duration; write a whole number and one of {', '.join(UNITS)},"
            " such as `3 days`."
        )
    try:
        duration = timedelta(**{unit: int(found[1])})
    except OverflowError:
        duration = timedelta.max
    if duration > DURATION_MAX:
        raise ValueError(f"`{value}` is longer than ten years; write a shorter time.")
    return duration


def parse_lead_times(text: object) -> tuple[timedelta, ...]:
    """Return one duration or a list of them, longest first."""
    given = text if isinstance(text, list) else [text]
    if not given:
        raise ValueError("is an empty list; write `30 days`.")
    lead_times = sorted({parse_duration(each) for each in given}, reverse=True)
    if lead_times[-1] <= timedelta(0):
        raise ValueError("must be longer than nothing; write `7 days`.")
    return tuple(lead_times)


def parse_clock(text: object) -> time:
    """Return the hour in `08:00`."""
    value = scalar(text)
    found = _CLOCK.fullmatch(value)
    if found is None or int(found[1]) > 23 or int(found[2]) > 59:
        raise ValueError(f"`{value}` is no time of day; write `08:00`.")
    return time(int(found[1]), int(found[2]))


def parse_window(text: object) -> DayWindow:
    """Return the hours in `08:00 and 18:00`; they lie within one day, the earlier first."""
    value = scalar(text).removeprefix("between ")
    start, joined, end = value.partition(" and ")
    if not joined:
        raise ValueError(f"`{value}` is no span of hours; write `08:00 and 18:00`.")
    window = DayWindow(parse_clock(start), parse_clock(end))
    if window.start >= window.end:
        raise ValueError(f"`{value}` ends before it begins; write the earlier hour first.")
    return window


def parse_charge_time(text: object) -> ChargeTime:
    """Return when a charge may start: `any time` or `between 08:00 and 18:00`."""
    value = scalar(text)
    if value == "any time":
        return ChargeTime(None)
    if not value.startswith("between "):
        raise ValueError(f"`{value}` is not known; write `any time` or `between 08:00 and 18:00`.")
    return ChargeTime(parse_window(value))


def parse_hourly(text: object) -> int:
    """Return the number in `500 per hour`, at least 1."""
    return _rate(text, "hour", "500")


def parse_daily(text: object) -> int:
    """Return the number in `20 per day`, at least 1."""
    return _rate(text, "day", "20")


def parse_times(text: object) -> int:
    """Return the number in `8 times`, at least 1."""
    value = scalar(text)
    if _NUMBER.fullmatch(value):
        raise ValueError(f"{value} has no unit; write `{value} times`.")
    found = _TIMES.fullmatch(value)
    if found is None or int(found[1]) == 0:
        raise ValueError(f"`{value}` is no count; write `8 times`.")
    return int(found[1])


def parse_not_before(text: object) -> NotBefore:
    """Return the condition in `2 days after final letter`."""
    value = scalar(text)
    gap, joined, step = value.partition(" after ")
    if not joined or not step.strip():
        raise ValueError(f"`{value}` is not understood; write `2 days after final letter`.")
    return NotBefore(parse_duration(gap), step.strip())


def parse_fraction(text: object) -> tuple[int, int]:
    """Return `a third` as (1, 3)."""
    value = scalar(text)
    if value not in _FRACTIONS:
        raise ValueError(f"`{value}` is not known; write one of {', '.join(_FRACTIONS)}.")
    return _FRACTIONS[value]


def parse_weekdays(text: object) -> bool:
    """Return True for `weekdays` (Monday to Friday), False for `every day`."""
    value = scalar(text)
    if value not in ("weekdays", "every day"):
        raise ValueError(f"`{value}` is not known; write `weekdays` or `every day`.")
    return value == "weekdays"


def parse_every(text: object) -> timedelta:
    """Return the interval in `every 10 seconds`: from a second to a day."""
    value = scalar(text)
    if not value.startswith("every "):
        raise ValueError(f"`{value}` is not understood; write `every 10 seconds`.")
    if _NUMBER.fullmatch(value.removeprefix("every ")):
        raise ValueError(f"`{value}` has no unit; write `{value} seconds`.")
    interval = parse_duration(value.removeprefix("every "))
    if not timedelta(seconds=1) <= interval <= timedelta(days=1):
        raise ValueError(f"`{value}` is out of range; it may be from 1 second to 1 day.")
    return interval


def parse_daily_at(text: object) -> time:
    """Return the office hour in `daily at 03:00`."""
    value = scalar(text)
    if not value.startswith("daily at "):
        raise ValueError(f"`{value}` is not understood; write `daily at 03:00`.")
    return parse_clock(value.removeprefix("daily at "))


def parse_zone(text: object) -> str:
    """Return the IANA name of a time zone that exists."""
    value = scalar(text)
    try:
        ZoneInfo(value)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        # Unknown, malformed and "a folder of zones" all mean the same to whoever wrote it.
        raise ValueError(
            f"`{value}` is no time zone; write an IANA name such as `Europe/Berlin`."
        ) from None
    return value


def parse_go_live(text: object) -> date | datetime:
    """Return a date, or an instant with its offset, from ISO 8601."""
    value = scalar(text)
    try:
        return date.fromisoformat(value)
    except ValueError:
        pass  # Not a plain date: it may still be an instant.
    try:
        instant = datetime.fromisoformat(value)
    except ValueError:
        raise ValueError(f"`{value}` is no date; write `2026-12-01`.") from None
    if instant.tzinfo is None:
        raise ValueError(f"`{value}` has no offset; write `{value}Z` or a date alone.")
    return instant


def parse_address(text: object) -> str:
    """Return an e-mail address as written, with or without a name before it."""
    value = parse_line(text)
    if not _ADDRESS.fullmatch(parseaddr(value)[1]):
        raise ValueError(f"`{value}` is no e-mail address; write `Acme <billing@acme.example>`.")
    return value


def parse_bare_address(text: object) -> str:
    """Return an e-mail address that has no name before it."""
    value = parse_line(text)
    if not _ADDRESS.fullmatch(value):
        raise ValueError(f"`{value}` is no e-mail address; write `help@acme.example`.")
    return value


def parse_addresses(text: object) -> tuple[str, ...]:
    """Return one bare e-mail address or a list of them, each once, in the order of the file."""
    given = text if isinstance(text, list) else [text]
    if not given:
        raise ValueError("is an empty list; write `finance@acme.example`.")
    return tuple(dict.fromkeys(parse_bare_address(each) for each in given))


def parse_colour(text: object) -> str:
    """Return a colour as `#rrggbb`, lower case; `#rgb` is spelt out."""
    value = scalar(text)
    if not _COLOUR.fullmatch(value):
        raise ValueError(f'`{value}` is no colour; write `"#0b6b50"`, in quotes.')
    digits = value[1:].lower()
    return "#" + (digits if len(digits) == 6 else "".join(digit * 2 for digit in digits))


def parse_https_url(text: object) -> str:
    """Return an https address, the only kind that mail readers load pictures from."""
    value = parse_line(text)
    if not re.fullmatch(r"https://[^\s/\"<>]+(/[^\s\"<>]*)?", value):
        raise ValueError(f"`{value}` is no https address; write `https://acme.example/logo.png`.")
    return value


def _rate(text: object, unit: str, example: str) -> int:
    value = scalar(text)
    if _NUMBER.fullmatch(value):
        raise ValueError(f"{value} has no unit; write `{value} per {unit}`.")
    found = _RATE.fullmatch(value)
    if found is None or found[2] != unit or int(found[1]) == 0:
        raise ValueError(f"`{value}` is no rate; write `{example} per {unit}`.")
    return int(found[1])


def scalar(text: object) -> str:
    """Return the text of a single value. Raises: ValueError: a list, a mapping or nothing."""
    if not isinstance(text, str):
        kind = "a list" if isinstance(text, list) else "a mapping"
        raise ValueError(f"must be one value, not {kind}.")  # noqa: TRY004 (pydantic collects it)
    if not text.strip():
        raise ValueError("is empty; write a value or leave the field out.")
    return text.strip()
