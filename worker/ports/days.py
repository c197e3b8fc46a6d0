"""Figures of each day, rolled up from facts."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import date
from typing import Protocol


@dataclass(frozen=True, slots=True)
class DayDifference:
    """A figure of a day that is not what the facts say."""

    on_day: date
    currency: str
    measure: str


class DayBook(Protocol):
    """The days' figures; a day is always made anew whole."""

    def changed(self) -> tuple[int, list[date]]:
        """Return the last place of the chain, and the days of facts sealed since the last run."""

    def make_anew(self, days: Collection[date]) -> None:
        """Compute these days from the facts."""

    def reached(self, position: int) -> None:
        """Remember how far the chain has been rolled up."""

    def differences(self, until: int) -> list[DayDifference]:
        """Return where the kept days differ from the facts; days of facts behind *until* alone."""
