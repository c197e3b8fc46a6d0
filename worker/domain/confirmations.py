"""Settings of Stripe's that no API shows: what they must be, where they are, who has looked.

Menu paths as of 2026. A confirmation is a person's word; what the ledger sees afterwards may
contradict it.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum
from zoneinfo import ZoneInfo

BILLING = "Dashboard → Settings → Billing → Subscriptions and emails"


class StripeSetting(StrEnum):
    """A setting that only the Dashboard shows; the values are the keys under `confirmed`."""

    RETRIES_OFF = "stripe_retries_off"
    LEAVES_PAST_DUE = "stripe_leaves_past_due"
    EMAILS_OFF = "stripe_emails_off"


@dataclass(frozen=True, slots=True)
class Wanted:
    """How a setting must stand, and where it is."""

    title: str
    said: str
    path: str


WANTED: Mapping[StripeSetting, Wanted] = {
    StripeSetting.RETRIES_OFF: Wanted(
        "Stripe's retries",
        "Stripe's own retries are off",
        f"{BILLING} → Manage failed payments → retries off",
    ),
    StripeSetting.LEAVES_PAST_DUE: Wanted(
        "Stripe's last step",
        "after its last retry Stripe leaves a subscription past due",
        f"{BILLING} → Manage failed payments → leave the subscription past due",
    ),
    StripeSetting.EMAILS_OFF: Wanted(
        "Stripe's e-mails",
        "Stripe writes no mail about failed payments and expiring cards",
        f"{BILLING} → Customer emails → failed payments and expiring cards off",
    ),
}


@dataclass(frozen=True, slots=True)
class Confirmation:
    """Somebody has looked."""

    setting: StripeSetting
    on: date
    """The office's day."""
    by: str

    def contradicted_by(self, seen_at: datetime | None, office_zone: str) -> bool:
        """Return whether something that was seen lately began after the day of the look."""
        if seen_at is None:
            return False
        return seen_at.astimezone(ZoneInfo(office_zone)).date() > self.on


@dataclass(frozen=True, slots=True)
class Sighting:
    """How often the ledger saw Stripe do something, the last time, and which it was."""

    count: int = 0
    last_at: datetime | None = None
    example: str = ""


@dataclass(frozen=True, slots=True)
class StripeHabits:
    """What the ledger saw of Stripe's own retries and ends."""

    scheduled: Sighting
    """Failed invoices for which Stripe planned a retry, though a policy leaves them to us."""
    retried: Sighting
    """Tries after a first failure that are not ours: Stripe's, or customers' on Stripe's pages."""
    cancelled: Sighting
    """Subscriptions that Stripe itself ended because a payment had failed."""
