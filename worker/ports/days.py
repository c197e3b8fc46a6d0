"""Rows of the metrics' views that are kept, and figures of each day, rolled up from facts."""

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


@dataclass(frozen=True, slots=True)
class RowDifference:
    """Somebody whose kept rows of a view are not what the facts say."""

    view: str
    """Of schema `metrics`."""
    name: str
    """A customer, a subscription or a case."""


class KeptBook(Protocol):
    """Kept rows of the views of the metrics."""

    def bring_up(self, until: int) -> None:
        """Compute anew whom facts since the last run concern, up to place *until*."""

    def differences(self, until: int) -> list[RowDifference]:
        """Return whose rows were not what the facts say; they have been computed anew.

        Whom facts behind place *until* concern is left out.
        """


class DayBook(Protocol):
    """The days' figures; a day is always made anew whole."""

    def changed(self) -> tuple[int, list[date]]:
        """Return the last place of the chain, and the days of facts sealed since the last run."""

    def make_anew(self, days: Collection[date]) -> None:
        """Compute these days from the kept rows."""

    def reached(self, position: int) -> None:
        """Remember how far the chain has been rolled up."""

    def differences(self, until: int) -> list[DayDifference]:
        """Return where the days differ from the kept rows.

        Days of facts behind *until* are left alone.
        """
