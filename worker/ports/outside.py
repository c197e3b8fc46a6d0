"""What the services need from the log, the mail server and the queue."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Protocol

from worker.domain.notices import LetterContent
from worker.domain.readings import CustomerReading


class JobLog(Protocol):
    """The job log: allow-listed fields only; a WARN or ERROR always says what to do."""

    def debug(self, event: str, /, **fields: object) -> None:
        """Write a line that only `LOG_LEVEL=debug` shows, such as a run that found nothing."""

    def info(self, event: str, /, **fields: object) -> None:
        """Write the one line of a run that did something."""

    def warning(self, event: str, /, *, do: str, **fields: object) -> None:
        """Write a line for somebody to look at; *do* is the command or act that helps."""

    def error(self, event: str, /, *, do: str, **fields: object) -> None:
        """Write a line for somebody to act on now; *do* is the command or act that helps."""


class Doorbell(Protocol):
    """Sends a message that says "look"; losing one costs a tick, doubling one costs nothing."""

    def advance_case(self, case_id: int) -> None:
        """Ask a worker to look at a case."""

    def deliver_letter(self, letter_id: int) -> None:
        """Ask a worker to deliver a letter."""

    def run_job(self, name: str) -> None:
        """Ask a worker to run a scheduled job."""

    def waiting(self) -> int:
        """Return how many messages wait, so that a scan can stop filling a slow queue."""


class SendOutcome(StrEnum):
    """What became of one mail, from the one point of view that matters: may it be sent again?"""

    SENT = "sent"
    REFUSED = "refused"
    NOT_SENT = "not_sent"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class SendResult:
    """What became of one mail.

    `sent`: the server took it. `refused`: it never will, for this recipient. `not_sent`: surely
    not taken, so it may be tried again. `unknown`: the answer was lost after the mail was handed
    over; it may have arrived, so it is never sent again.
    `detail` is a phrase for people and logs, without any address.
    """

    outcome: SendOutcome
    detail: str


@dataclass(frozen=True, slots=True)
class RenderedNotice:
    """A letter as it goes out."""

    subject: str
    html: str
    text: str
    template_digest: str


class Letters(Protocol):
    """Words, renders and sends letters."""

    def zone_of(self, customer: CustomerReading | None) -> str:
        """Return the IANA zone the customer lives in, as far as known; else the office's."""

    def locale_of(self, customer: CustomerReading) -> str:
        """Return the locale the letter is written in."""

    def render(self, content: LetterContent) -> RenderedNotice:
        """Return the letter. Raises: ConfigError: the template is missing or broken; operator."""

    def send(
        self, *, message_id: str, customer: CustomerReading, rendered: RenderedNotice
    ) -> SendResult:
        """Hand one letter to the mail server, once, and say what became of it."""


class Clock(Protocol):
    """The host's time: for leases and deadlines, never for policy (D14)."""

    def wall_now(self) -> datetime:
        """Return the host's time as aware UTC."""

    def monotonic_seconds(self) -> float:
        """Return seconds that never run backwards."""
