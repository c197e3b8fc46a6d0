"""Versions of the configuration in the ledger: the operator's files as written, by number."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol


@dataclass(frozen=True, slots=True)
class NewVersion:
    """A configuration that is to be the current one from now on."""

    digest: str
    """Of what the files say, as the release that stores them reads them."""
    files: Mapping[str, str]
    """Name of each file -> its text as written."""
    by: str
    reason: str


@dataclass(frozen=True, slots=True)
class ConfigVersion(NewVersion):
    """A stored configuration; its row never changes."""

    no: int
    """Counts from 1; the highest is the current one."""
    stored_at: datetime
    """Business time."""


class VersionBook(Protocol):
    """Versions of the configuration; the current one's number is in the control row."""

    def store(self, new: NewVersion, *, after: int, now: datetime) -> int | None:
        """Store the version that follows number *after* and return its number.

        None where another is current by now: two who store at once cannot both be next.
        """

    def move_case(self, case_id: int, *, was: str, becomes: str, now: datetime) -> bool:
        """Give a case another policy, by digest, and make it due.

        False where it is not open or held, has a request to Stripe under way, or keeps another
        policy than *was* by now.
        """

    def current(self) -> ConfigVersion | None:
        """Return the current version, or None where none was stored yet."""

    def read(self, no: int) -> ConfigVersion | None:
        """Return version *no*, or None where there is none."""

    def every(self) -> list[ConfigVersion]:
        """Return all versions, newest first."""
