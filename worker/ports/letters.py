"""Letters in the ledger; unique by occasion, sent at most once."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Protocol

from worker.domain.case import LetterState
from worker.ports.cases import Used


@dataclass(frozen=True, slots=True)
class NewLetter:
    """A letter to be queued."""

    notice: str
    customer_id: str
    occasions: tuple[str, ...]
    message_id: str
    send_at: datetime
    send_by: datetime | None
    """Dropped with the reason where it could not go out until then; None never is."""
    case_id: int | None = None
    step: str = ""
    subscription_id: str = ""
    invoice_id: str = ""
    context: Mapping[str, object] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class LetterTask:
    """A letter claimed for delivery."""

    id: int
    notice: str
    step: str
    state: LetterState
    customer_id: str
    subscription_id: str
    invoice_id: str
    case_id: int | None
    message_id: str
    send_by: datetime | None
    tries: int
    context: Mapping[str, object]


class LetterBook(Protocol):
    """Letters; unique by occasion, sent at most once."""

    def queue(self, letter: NewLetter, *, now: datetime) -> int | None:
        """Queue a letter, or return None where one of its occasions already has one."""

    def taken(self, occasions: Iterable[str]) -> set[str]:
        """Return those occasions that have a letter."""

    def take_due(
        self, *, now: datetime, wall_now: datetime, limit: int, dispatch: timedelta
    ) -> list[int]:
        """Mark up to *limit* due letters as dispatched and return their ids."""

    def claim(
        self, letter_id: int, *, now: datetime, wall_now: datetime, token: str, lease: timedelta
    ) -> LetterTask | None:
        """Lease a queued and due letter, or return None."""

    def begun_since(self, since: datetime) -> Used:
        """Count letters whose sending began since an instant, exactly: callers wait in turn."""

    def due_count(self, *, now: datetime) -> int:
        """Return how many letters are due at *now*, business time."""

    def begin_sending(
        self, letter_id: int, *, token: str, now: datetime, wall_now: datetime
    ) -> bool:
        """Commit to sending: from here on it is never sent again. False: the lease is gone."""

    def settle(
        self,
        letter_id: int,
        state: LetterState,
        *,
        token: str,
        now: datetime,
        reason: str = "",
        locale: str = "",
        template_digest: str = "",
        recipient_hash: str = "",
        rendered: bytes | None = None,
    ) -> bool:
        """Write what became of a letter; False where *token* does not have it any more."""

    def lose(self, letter_id: int, *, reason: str) -> bool:
        """Settle a letter as unknown whose sender was not heard of again; False where it was."""

    def postpone(
        self,
        letter_id: int,
        *,
        token: str,
        until: datetime,
        count_try: bool = False,
        paused_until: datetime | None = None,
        more_time: timedelta = timedelta(),
        waits_for: str = "",
    ) -> bool:
        """Put a letter that was surely not sent back; False where *token* has it no more.

        Args: until: business time; paused_until: no scan rings before, wall time; more_time: how
        much longer it has to go out; waits_for: the limit that keeps it back.
        """

    def ring(self, case_id: int, *, now: datetime) -> None:
        """Make a case's waiting letters due: what they waited for is over."""

    def suppress_queued(self, case_id: int, *, reason: str) -> list[LetterTask]:
        """Drop a case's letters that have not gone out, and return them."""

    def extend_waiting(self, *, by: timedelta) -> int:
        """After a stop: give waiting letters that much longer to go out."""

    def lost_sends(self, *, wall_now: datetime) -> list[LetterTask]:
        """Return letters whose sender died between `begin_sending` and the outcome."""
