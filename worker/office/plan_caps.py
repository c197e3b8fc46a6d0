"""Ceilings of the whole service that a plan would reach."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from zoneinfo import ZoneInfo

from worker.domain.caps import (
    AN_HOUR,
    Cap,
    Counted,
    Window,
    cap_of_ending,
    caps_of_charge,
    caps_of_letter,
)
from worker.domain.forecast_values import Planned, PlannedKind
from worker.domain.policy import Limits


@dataclass(frozen=True, slots=True)
class CapReached:
    """A ceiling of the whole service that the plan would reach: then the rest waits."""

    cap: Cap
    at: datetime
    planned: int
    """A count; of amounts the currency's minor units."""

    @property
    def name(self) -> str:
        """How programs call it: `charges_per_hour`, `charged_amount_per_day`."""
        return f"{self.cap.counts}_per_{self.cap.window}"


def caps_reached(
    planned: Sequence[Planned], limits: Limits, *, zone: ZoneInfo
) -> Iterator[CapReached]:
    """Yield each ceiling the plan would reach; the plan itself does not move what then waits.

    Conditional acts count as well, since every charge is taken to fail. Of an hour's cap only the
    fullest hour is told, of a day's each day. Args: planned: in order of time.
    """
    for cap in caps_of_charge(limits, ""):
        yield from _reached(cap, planned, PlannedKind.CHARGE, zone)
    for currency in sorted({each.currency for each in limits.charged_amounts}):
        for cap in caps_of_charge(limits, currency):
            if cap.counts is Counted.AMOUNT:
                yield from _reached(cap, planned, PlannedKind.CHARGE, zone)
    for cap in caps_of_letter(limits):
        yield from _reached(cap, planned, PlannedKind.LETTER, zone)
    yield from _reached(cap_of_ending(limits), planned, PlannedKind.ENDING, zone)


def _reached(
    cap: Cap, planned: Iterable[Planned], kind: PlannedKind, zone: ZoneInfo
) -> Iterator[CapReached]:
    amounts = cap.counts is Counted.AMOUNT
    acts = [
        (each.at, each.amount_minor if amounts else 1)
        for each in planned
        if each.kind is kind and (not amounts or each.currency == cap.currency)
    ]
    windows = _fullest_hour(acts) if cap.window is Window.HOUR else _days(acts, zone)
    for at, used in windows:
        if used > cap.most:
            yield CapReached(cap, at, used)


def _fullest_hour(acts: Sequence[tuple[datetime, int]]) -> list[tuple[datetime, int]]:
    """Return when the hour with the most begins, and how much it has; acts come in order."""
    best: list[tuple[datetime, int]] = []
    first, used = 0, 0
    for at, weight in acts:
        used += weight
        while acts[first][0] <= at - AN_HOUR:
            used -= acts[first][1]
            first += 1
        if not best or used > best[0][1]:
            best = [(acts[first][0], used)]
    return best


def _days(acts: Iterable[tuple[datetime, int]], zone: ZoneInfo) -> list[tuple[datetime, int]]:
    """Return when the first act of each office day is, and how much the day has."""
    days: dict[date, tuple[datetime, int]] = {}
    for at, weight in acts:
        day = at.astimezone(zone).date()
        first_at, used = days.get(day, (at, 0))
        days[day] = (first_at, used + weight)
    return list(days.values())
