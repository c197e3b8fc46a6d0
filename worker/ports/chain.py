"""The chain over the facts: places in order of commit, each with a hash over all before it."""

from collections.abc import Sequence
from datetime import datetime
from typing import Protocol

from worker.domain.fact_chain import Head, Link, SealedFact


class ChainBook(Protocol):
    """Sealed facts; a place that is given is never taken back."""

    def begin(self) -> bool:
        """Keep other sealers out until the commit; False where one is at work."""

    def head(self) -> Head:
        """Return the last place that is given."""

    def after(self, position: int, *, limit: int) -> list[tuple[int, SealedFact]]:
        """Return sealed facts behind a position with theirs, in order."""

    def sealed_at(self, position: int) -> datetime | None:
        """Return when (wall time) the fact at *position* was sealed; None where none is."""

    def unsealed(self, *, limit: int) -> list[tuple[int, SealedFact]]:
        """Return committed facts that have no place yet, by number, with their numbers."""

    def add(self, links: Sequence[tuple[int, Link]], *, wall_now: datetime) -> None:
        """Give facts, told by number, their places."""
