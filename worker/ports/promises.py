"""The ledger's promises: what breaks them, as far as the ledger itself can tell."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from worker.domain.caps import Cap
from worker.domain.network_tries import NetworkTry


@dataclass(frozen=True, slots=True)
class Span:
    """Which part of the ledger is checked, and when."""

    since: datetime | None
    """Business time: cases that moved since then and all that are not closed. None: everything."""
    now: datetime
    wall_now: datetime


@dataclass(frozen=True, slots=True)
class TriedCards:
    """The tries of cards and customers that we charged, and when those cards changed."""

    tries: tuple[NetworkTry, ...]
    changes: dict[str, tuple[datetime, ...]]


class PromiseBook(Protocol):
    """Queries that return what breaks a promise: case numbers, or letters by their number."""

    def broken(self, span: Span) -> dict[str, list[str]]:
        """Return promise -> what breaks it, of all promises that a query alone can check."""

    def over_cap(self, cap: Cap, kinds: Sequence[str], *, since: datetime, zone: str) -> list[str]:
        """Return what went out since an instant although *cap* was used up.

        Args: kinds: of attempts; none for letters. zone: the office's, for caps of a day.
        """

    def begun_since(self, at: datetime, *, letters: bool) -> list[str]:
        """Return cases with a request to Stripe begun since *at*; or letters begun since then."""

    def tried_since(self, at: datetime) -> TriedCards:
        """Return all tries around the cards and customers that we charged since *at*."""

    def case_of_try(self, tried: NetworkTry) -> str:
        """Return the number of the case whose attempt a try of ours was."""

    def first_found(self, name: str, subjects: Sequence[str], *, now: datetime) -> list[datetime]:
        """Return when each breach was first found; those not found before are found at *now*."""
