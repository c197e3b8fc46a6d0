"""Mails to staff: who gets which, and when; what one holds on its way."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, time
from enum import StrEnum


class AlertKind(StrEnum):
    """What staff is told of at once."""

    CHARGING_STOPPED = "charging_stopped"
    REVIEW = "review"
    LIMIT_REACHED = "limit_reached"
    PERSON_DECIDES = "person_decides"


DAILY_PLAN = "daily_plan"
"""The kind of the mail that comes every morning; most others are those of `AlertKind`."""


CHARGING_RESUMED = "charging_resumed"
"""The kind of the mail that follows an alert of `charging_stopped` once the stop is over."""


@dataclass(frozen=True, slots=True)
class DailyMail:
    """The mail of every morning."""

    to: tuple[str, ...]
    at: time
    """Office time."""
    weekdays_only: bool = True


@dataclass(frozen=True, slots=True)
class AtOnce:
    """Who is told at once, and of what."""

    to: tuple[str, ...]
    kinds: tuple[AlertKind, ...]


@dataclass(frozen=True, slots=True)
class StaffRules:
    """Which mails staff gets; None for none."""

    daily_plan: DailyMail | None = None
    at_once: AtOnce | None = None


class StaffMailState(StrEnum):
    """Where a mail to staff stands; it leaves `sending` only by its sender or as unknown."""

    QUEUED = "queued"
    SENDING = "sending"
    SENT = "sent"
    UNKNOWN = "unknown"
    """The answer was lost: it may have arrived, so it is never sent again."""
    REFUSED = "refused"
    DROPPED = "dropped"
    """It could not be sent for so long that it says nothing any more."""


@dataclass(frozen=True, slots=True)
class StaffContent:
    """A mail to staff as it goes out; customers may be named in it, secrets never."""

    subject: str
    text: str
    html: str
    attachment_name: str = ""
    """Empty where nothing is attached."""
    attachment: str = ""
    """A CSV file's text."""

    def plain(self) -> dict[str, str]:
        """Return it as the ledger holds it until it is sent."""
        return {
            "subject": self.subject,
            "text": self.text,
            "html": self.html,
            "attachment_name": self.attachment_name,
            "attachment": self.attachment,
        }

    @classmethod
    def of(cls, plain: Mapping[str, object]) -> "StaffContent":
        """Return what the ledger holds."""
        parts = ("subject", "text", "html", "attachment_name", "attachment")
        return cls(*(str(plain.get(part, "")) for part in parts))


@dataclass(frozen=True, slots=True)
class StaffTask:
    """A mail to staff in the hands of its sender."""

    id: int
    kind: str
    to: str
    message_id: str
    content: StaffContent
    send_by: datetime
    """Wall time after which it is dropped."""
