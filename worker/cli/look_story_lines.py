"""One line of a story."""

from dataclasses import dataclass
from datetime import datetime

from worker.domain.money import Money


@dataclass(frozen=True, slots=True)
class Item:
    """One line of a story. In *detail*, `{until}` stands for `until_at`."""

    at: datetime
    what: str
    detail: str = ""
    until_at: datetime | None = None
    there: bool = False
    """The customer's own clock explains it."""
    money: Money | None = None
    days: int = 1
    """How many days it stands for; more than one only where nothing happened."""
