"""Caps on what goes out: how much within an hour or an office day, and when there is room again."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from zoneinfo import ZoneInfo

from worker.domain.money import Money
from worker.domain.policy import Limits

AN_HOUR = timedelta(hours=1)


class Counted(StrEnum):
    """What a cap counts, in the words of `limits` in dunning.yaml."""

    CHARGES = "charges"
    AMOUNT = "charged_amount"
    LETTERS = "letters"
    ENDINGS = "endings"


class Window(StrEnum):
    """The time a cap is about: any 60 minutes, or a day on the office's clock."""

    HOUR = "hour"
    DAY = "day"


@dataclass(frozen=True, slots=True)
class Cap:
    """At most so many of one kind within one window."""

    counts: Counted
    window: Window
    most: int
    """A count; of amounts the currency's minor units."""
    currency: str = ""

    @property
    def said(self) -> str:
        """How people read it: `500 charges per hour`, `50000.00 EUR per day`."""
        if self.counts is Counted.AMOUNT:
            amount = Money(self.most, self.currency).major
            return f"{amount} {self.currency.upper()} per {self.window}"
        return f"{self.most} {self.counts} per {self.window}"

    def since(self, now: datetime, zone: str) -> datetime:
        """Return when the window that ends at *now* began."""
        return now - AN_HOUR if self.window is Window.HOUR else start_of_day(now, zone)

    def clears_at(self, now: datetime, zone: str, *, oldest_at: datetime | None) -> datetime:
        """Return when there is room again: as the oldest act leaves the hour, or tomorrow."""
        if self.window is Window.DAY:
            return start_of_next_day(now, zone)
        return (oldest_at or now) + AN_HOUR

    def period(self, now: datetime, zone: str) -> str:
        """Return the name of the window that *now* falls into, for what is said once in each."""
        at = now if self.window is Window.HOUR else now.astimezone(ZoneInfo(zone))
        return f"{at:%Y-%m-%dT%H}" if self.window is Window.HOUR else f"{at:%Y-%m-%d}"


def caps_of_charge(limits: Limits, currency: str) -> Iterator[Cap]:
    """Yield what bounds a charge in *currency*; one that is not listed has no cap of amounts."""
    yield from _caps(Counted.CHARGES, limits.charges_per_hour, limits.charges_per_day)
    for each in limits.charged_amounts:
        if each.currency == currency:
            found = _caps(Counted.AMOUNT, each.per_hour_minor, each.per_day_minor, currency)
            yield from found


def caps_of_letter(limits: Limits) -> Iterator[Cap]:
    """Yield what bounds a letter."""
    yield from _caps(Counted.LETTERS, limits.letters_per_hour, limits.letters_per_day)


def cap_of_ending(limits: Limits) -> Cap:
    """Return what bounds an ending."""
    return Cap(Counted.ENDINGS, Window.DAY, limits.endings_per_day)


def _caps(
    counted: Counted, per_hour: int | None, per_day: int | None, currency: str = ""
) -> Iterator[Cap]:
    for window, most in ((Window.HOUR, per_hour), (Window.DAY, per_day)):
        if most is not None:
            yield Cap(counted, window, most, currency)


def passed_alone(limits: Limits, amount: Money) -> Cap | None:
    """Return the cap of amounts that one charge of *amount* would pass in an empty window."""
    caps = caps_of_charge(limits, amount.currency)
    amounts = (each for each in caps if each.counts is Counted.AMOUNT)
    return next((each for each in amounts if amount.amount_minor > each.most), None)


def start_of_day(now: datetime, zone: str) -> datetime:
    """Return midnight of *now*'s day on the office's clock, as an aware instant."""
    return _midnight(now, zone, days=0)


def start_of_next_day(now: datetime, zone: str) -> datetime:
    """Return the midnight that ends *now*'s day on the office's clock, as an aware instant."""
    return _midnight(now, zone, days=1)


def _midnight(now: datetime, zone: str, *, days: int) -> datetime:
    day = now.astimezone(ZoneInfo(zone)).date() + timedelta(days=days)
    return datetime(day.year, day.month, day.day, tzinfo=ZoneInfo(zone)).astimezone(now.tzinfo)
