"""Holds: why a case stands still on purpose, whose promise that is, and until when."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from zoneinfo import ZoneInfo

from worker.domain.staff_words import StaffWords


class HoldKind(StrEnum):
    """What a hold is about. A dispute holds by itself as well, without any hold of a person."""

    DISPUTE = "dispute"
    PROMISE_TO_PAY = "promise_to_pay"
    VIP = "vip"
    LEGAL = "legal"
    INTERNAL = "internal"
    FRAUD_WARNING = "fraud_warning"


BY_PEOPLE = tuple(kind for kind in HoldKind if kind is not HoldKind.FRAUD_WARNING)
"""Kinds that a person may choose; a fraud warning comes from Stripe."""

HELD_BY = "held by "
"""How the reason of a case begins that a person's hold keeps still; see HeldBy.said."""


class HoldScope(StrEnum):
    """What a hold keeps still. A charge's hold is on the customer whose charge it is.

    One by metadata is on every customer and subscription that has it, now or later.
    """

    CASE = "case"
    CUSTOMER = "customer"
    SUBSCRIPTION = "subscription"
    INVOICE = "invoice"
    CHARGE = "charge"
    METADATA = "metadata"


@dataclass(frozen=True, slots=True)
class HeldBy:
    """One hold as it was put, and how it was taken away."""

    id: int
    scope: HoldScope
    target: str
    """The id it keeps still; of a case its name, of metadata `key=value`."""
    kind: HoldKind
    owner: str
    reason: str
    by: str
    at: datetime
    until: datetime | None = None
    """When it ends by itself, business time; None: only a person (or Stripe) takes it away."""
    released_at: datetime | None = None
    released_by: str = ""
    release_reason: str = ""

    def in_force(self, now: datetime) -> bool:
        """Return whether it keeps its target still at *now*, business time."""
        return self.released_at is None and (self.until is None or now < self.until)

    def over_at(self) -> datetime | None:
        """Return when it ended or will end, as far as known."""
        return self.released_at or self.until

    def said(self, office_zone: str) -> StaffWords:
        """Return who holds it and why, part of a sentence; the end on the office's clock."""
        kind = self.kind.value.replace("_", " ")
        until = ""
        if self.until is not None:
            local = self.until.astimezone(ZoneInfo(office_zone))
            until = f", until {local:%a} {local.day} {local:%b} {local:%H:%M}"
        return StaffWords(f"{HELD_BY}{self.owner} ({kind}): {self.reason}{until}")

    def over_said(self) -> str:
        """Return how it came to its end, part of a sentence."""
        if self.released_at is not None:
            return StaffWords(f"released by {self.released_by}: {self.release_reason}")
        return f"the hold of {self.owner} has expired"


def strongest(holds: tuple[HeldBy, ...], now: datetime) -> HeldBy | None:
    """Return the hold that lasts longest of those in force at *now*, or None.

    One without an end lasts longest; of equals the older one counts.
    """
    active = [hold for hold in holds if hold.in_force(now)]
    endless = [hold for hold in active if hold.until is None]
    if endless:
        return min(endless, key=lambda hold: hold.id)
    return max(active, key=lambda hold: (hold.until or now, -hold.id), default=None)


def last_over(holds: tuple[HeldBy, ...], now: datetime) -> HeldBy | None:
    """Return the hold that came to its end last before *now*, or None."""
    over = [hold for hold in holds if not hold.in_force(now)]
    return max(over, key=lambda hold: hold.over_at() or hold.at, default=None)
