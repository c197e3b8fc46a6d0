"""Durations in words: in the largest unit that leaves no rest."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from datetime import timedelta

from worker.settings.sentences import join_words

DAY = timedelta(days=1)
HOUR = timedelta(hours=1)
MINUTE = timedelta(minutes=1)


def duration_words(duration: timedelta) -> str:
    """Return `4 hours`, `1 day`, in the largest unit that leaves no rest."""
    unit = unit_of(duration)
    return counted([duration // unit], unit)


def moments_words(durations: Iterable[timedelta]) -> str:
    """Return `after 4 hours and on days 2, 5 and 9`: moments since a failure."""
    by_unit: defaultdict[timedelta, list[int]] = defaultdict(list)
    for duration in durations:
        by_unit[unit_of(duration)].append(duration // unit_of(duration))
    return join_words([moment_words(counts, unit) for unit, counts in by_unit.items()])


def moment_words(counts: Sequence[int], unit: timedelta) -> str:
    """Return `on days 1 and 3` or `after 4 hours`."""
    if unit is DAY:
        days = join_words([str(count) for count in counts])
        return f"on day{'s' if len(counts) > 1 else ''} {days}"
    return f"after {counted(counts, unit)}"


def counted(counts: Sequence[int], unit: timedelta) -> str:
    """Return `3 and 4 hours`, `1 day`."""
    name = {DAY: "day", HOUR: "hour", MINUTE: "minute"}.get(unit, "second")
    plural = "" if list(counts) == [1] else "s"
    return f"{join_words([str(count) for count in counts])} {name}{plural}"


def unit_of(duration: timedelta) -> timedelta:
    """Return the largest of day, hour, minute and second that leaves no rest."""
    units = (DAY, HOUR, MINUTE) if duration else (HOUR,)
    return next((unit for unit in units if not duration % unit), timedelta(seconds=1))


def hours_words(duration: timedelta) -> str:
    """Return `27 hours`, rounded up."""
    hours = -(-duration // HOUR)
    return f"{hours} hour{'' if hours == 1 else 's'}"


def days_words(duration: timedelta) -> str:
    """Return `3 days`, or hours where the days leave a rest."""
    days, rest = divmod(duration, DAY)
    if rest:
        return hours_words(duration)
    return f"{days} day{'' if days == 1 else 's'}"
