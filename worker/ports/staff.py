"""Mails to staff: the book that holds them, and what sends them."""

from collections.abc import Collection, Iterable
from datetime import datetime
from typing import Protocol

from worker.domain.staff import StaffContent, StaffMailState, StaffTask
from worker.ports.outside import SendResult


class StaffBook(Protocol):
    """Mails to staff, each to one address; all instants are wall time."""

    def queue(
        self,
        kind: str,
        to: str,
        occasions: Collection[str],
        content: StaffContent,
        *,
        sender: str,
        wall_now: datetime,
        send_by: datetime,
    ) -> int | None:
        """Queue one mail; None where the address was told of one of its occasions already."""

    def untold(self, occasions: Iterable[str], *, to: str) -> set[str]:
        """Return those of *occasions* of which that address was not told."""

    def state_of(self, occasion: str, *, to: str) -> StaffMailState | None:
        """Return how the mail about *occasion* to that address stands; None without one."""

    def withdraw(self, occasion: str, *, to: str, reason: str) -> StaffMailState | None:
        """Drop the mail about *occasion* if it still waits; return how it stands then."""

    def last_queued_at(self, kind: str, *, to: str) -> datetime | None:
        """Return when the last mail of *kind* to that address was queued."""

    def due(self, *, wall_now: datetime) -> list[int]:
        """Return the mails that wait to be sent, oldest first."""

    def begin_sending(self, mail_id: int, *, wall_now: datetime) -> StaffTask | None:
        """Commit to sending a mail that is due, or return None: somebody else has it."""

    def settle(self, mail_id: int, state: StaffMailState, *, reason: str = "") -> None:
        """Write what became of a mail."""

    def put_back(self, mail_id: int, *, until: datetime, reason: str) -> None:
        """Let a mail wait that was surely not sent."""

    def lose(self, *, begun_before: datetime) -> list[str]:
        """Settle as unknown what a sender began and was not heard of again; return the kinds."""


class StaffPost(Protocol):
    """Hands mails to staff to the mail server."""

    sender: str
    """The address that mails come from; Message-IDs take its domain."""

    def send(self, task: StaffTask) -> SendResult:
        """Hand one mail over, once, and say what became of it."""
