"""A canary: of a policy that is new, a few cases act first, and the others wait a little."""

from dataclasses import dataclass
from datetime import datetime, timedelta

FIRST_CASES = 20
"""So many cases of a new policy may act at once."""
PAUSE = timedelta(minutes=10)
"""How long the others wait after the last of the first has acted, business time."""
MARK = "canary "
"""What a case or a letter that waits for a canary waits for begins with; then the digest."""


@dataclass(frozen=True, slots=True)
class Canary:
    """The first cases of one policy by digest, not cleared yet."""

    digest: str
    policy: str
    """The policy's name."""
    acted: int
    """How many cases have acted."""
    filled_at: datetime | None = None
    """When the last of the first cases acted, business time; None while there is room."""

    @property
    def clears_at(self) -> datetime | None:
        """When it clears by itself, unless charging is stopped then; None while there is room."""
        return self.filled_at + PAUSE if self.filled_at is not None else None

    @property
    def name(self) -> str:
        """The policy as people read it: `monthly-cards (a41f09)`."""
        return f"{self.policy} ({self.digest[:6]})"

    @property
    def mark(self) -> str:
        """What the cases and letters that it keeps back wait for."""
        return f"{MARK}{self.digest}"
