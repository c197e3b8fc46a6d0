"""The first cases of new policies in the ledger (domain/canary.py)."""

from datetime import datetime
from typing import Protocol

from worker.domain.canary import Canary


class CanaryBook(Protocol):
    """Which policies are new, and which of their cases have acted."""

    def begin(self, digest: str, *, policy: str, now: datetime) -> None:
        """Begin the canary of a policy; one that was begun before stays as it is."""

    def before(self, case_id: int) -> Canary | None:
        """Return the canary that the case's policy has and the case is no part of yet, or None.

        Where there is one, nobody else is told of it before the commit.
        """

    def join(self, case_id: int, *, now: datetime) -> None:
        """Count a case among the first of its policy, now that it acts, if that has a canary."""

    def due_count(self, digest: str, *, now: datetime) -> int:
        """Return how many cases of a policy are due at *now* and not among the first."""

    def clear(self, digest: str, *, by: str, now: datetime) -> bool:
        """End a canary; False where somebody did so before."""

    def clear_all(self, *, by: str, now: datetime) -> list[Canary]:
        """End every canary, make all that waits for one due, and return them."""
