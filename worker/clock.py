"""Wall and monotonic time: the only module that reads them (architecture.md D14).

Business time, which decides what is due, is not read here: it lives in the ledger's `control`
row and is passed down from the start of each job run.
"""

import time
from datetime import UTC, datetime


class SystemClock:
    """The host's clocks (ports.Clock)."""

    def wall_now(self) -> datetime:
        """Return the host's time as aware UTC: for leases and log lines, never for policy."""
        return datetime.now(UTC)

    def monotonic_seconds(self) -> float:
        """Return seconds that never run backwards, for measuring how long something took."""
        return time.monotonic()


def wall_now() -> datetime:
    """Return the host's time as aware UTC: for leases and log lines, never for policy."""
    return datetime.now(UTC)


def monotonic_seconds() -> float:
    """Return seconds that never run backwards, for measuring how long something took."""
    return time.monotonic()


def sleep(seconds: float) -> None:
    """Wait for *seconds* of wall time."""
    time.sleep(seconds)
