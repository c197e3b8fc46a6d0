"""Where facts are copied to, beside the ledger: who, in what way, and when to try again. Pure."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from worker.domain.identifiers import stable_fraction

RETRY_FIRST, RETRY_MAX = timedelta(seconds=5), timedelta(minutes=10)
TIMEOUT = timedelta(seconds=10)
RETRY_AFTER_MAX = timedelta(hours=1)
"""A server that asks for more is asked again all the same."""


@dataclass(frozen=True, slots=True)
class SinkRules:
    """One sink of sinks.yaml: a folder of files, or an address; exactly one is set."""

    name: str
    folder: str = ""
    rotate_at_bytes: int = 0
    """A file is followed by another of the same day once it is so large; 0 is never."""
    url: str = ""
    secret_variable: str = ""
    timeout: timedelta = TIMEOUT


@dataclass(frozen=True, slots=True)
class SinkState:
    """How far a sink came."""

    name: str
    position: int = 0
    """The last place in the chain that it has for certain."""
    sent_at: datetime | None = None
    failures: int = 0
    """Tries in a row that failed; 0 where the last one went well."""
    last_error: str = ""
    retry_at: datetime | None = None


def retry_at(
    name: str, failures: int, *, wall_now: datetime, asked_for: timedelta | None
) -> datetime:
    """Return when a sink is tried again after *failures* in a row: doubling, with jitter.

    Args: asked_for: what the server asked for (Retry-After), which is never cut short.
    """
    doubled = RETRY_FIRST * (1 << min(failures - 1, 10))
    wait = min(doubled, RETRY_MAX) * (1 + stable_fraction(name, failures) / 4)
    if asked_for is not None:
        wait = max(wait, min(asked_for, RETRY_AFTER_MAX))
    return wall_now + wait


def is_told(failures: int) -> bool:
    """Return whether this failure in a row is worth a line: the 1st, 2nd, 4th, 8th and so on."""
    return failures & (failures - 1) == 0
