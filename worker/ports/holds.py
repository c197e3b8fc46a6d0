"""Holds in the ledger: what is kept still on purpose, by people and by fraud warnings."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from worker.domain.case import Case
from worker.domain.holds import HeldBy, HoldKind, HoldScope
from worker.ports.letters import LetterTask


@dataclass(frozen=True, slots=True)
class NewHold:
    """A hold to be put."""

    scope: HoldScope
    target: str
    """The id it keeps still; of a case its name, `C-1042`; of metadata `key=value`."""
    kind: HoldKind
    owner: str
    reason: str
    by: str
    until: datetime | None = None


class HoldBook(Protocol):
    """Holds; one stands until it has expired or is released, and its row stays."""

    def put(self, new: NewHold, *, now: datetime) -> int | None:
        """Put a hold and return its number; None where one of its kind is in force there."""

    def of_case(self, case: Case) -> tuple[HeldBy, ...]:
        """Return every hold that keeps or kept *case* still, oldest first."""

    def on_target(self, scope: HoldScope, target: str, *, now: datetime) -> tuple[HeldBy, ...]:
        """Return the holds in force on exactly that target, oldest first."""

    def concerned(self, scope: HoldScope, target: str) -> list[int]:
        """Return the cases that a hold of *target* keeps still and that are not closed, by id."""

    def on_case(self, case: Case, *, now: datetime) -> HeldBy | None:
        """Return the hold that keeps *case* still at *now*, business time, or None."""

    def on_letter(self, letter: LetterTask, *, now: datetime) -> bool:
        """Return whether a case's letter must wait: it is held. Letters of no case never wait."""

    def release(self, hold_ids: Sequence[int], *, by: str, reason: str, now: datetime) -> int:
        """Release those of the holds that are in force still and return how many."""

    def warned(self, warning_id: str, *, charge_id: str, actionable: bool, now: datetime) -> None:
        """Hold whoever paid a charge while Stripe calls its fraud warning actionable."""
