"""Where facts are copied to, and how far each copy came."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Protocol

from worker.domain.sinks import SinkState


class SinkFailed(Exception):
    """A sink did not take what it was given, or nobody knows; its text names no secret.

    Nobody acts: the same facts are sent again, with the same ids.
    """

    def __init__(self, sentence: str, *, retry_after: timedelta | None = None) -> None:
        """Keep when the sink asked to be tried again."""
        super().__init__(sentence)
        self.retry_after = retry_after


class Sink(Protocol):
    """Takes facts, in order of their positions; may be given the same ones again."""

    @property
    def name(self) -> str:
        """Its name in sinks.yaml."""

    def send(self, events: Sequence[Mapping[str, object]]) -> None:
        """Return once *events* (CloudEvents) are kept for certain. Raises: SinkFailed."""


class SinkBook(Protocol):
    """How far each sink came; one sender at a time has it by its token."""

    def claim(
        self, name: str, *, token: str, wall_now: datetime, lease: timedelta
    ) -> SinkState | None:
        """Return the sink's state, leased, or None while another has it or it waits to retry."""

    def advance(
        self,
        name: str,
        *,
        token: str,
        was: int,
        becomes: int,
        wall_now: datetime,
        lease: timedelta,
    ) -> bool:
        """Move the position and keep the lease; False where either is no longer as it was."""

    def fail(self, name: str, *, token: str, error: str, retry_at: datetime) -> None:
        """Record a failure and give the lease back; a sender that lost it records nothing."""

    def release(self, name: str, *, token: str) -> None:
        """Give the lease back."""

    def replay(self, name: str, *, position: int) -> bool:
        """Set the position, and let the next run begin there at once; False: no such sink."""

    def states(self) -> list[SinkState]:
        """Return every sink that ever ran, by name."""
