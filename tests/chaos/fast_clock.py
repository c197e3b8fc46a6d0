"""A wall clock that runs thirty times faster, and `dunning` in a world that lives by it.

`python -m tests.chaos.fast_clock CLOCK SKEW WORDS...` is `dunning WORDS...` in which everything
that waits by the wall (leases, sending windows, lost messages) passes in seconds, in proportion.
Only the way in differs: the program's parts are what they are in production.
"""

import os
import sys
import time
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, tzinfo
from typing import Self

from worker import clock

FACTOR = 30
"""A lease of 150 seconds is 5, the window of 60 is 2."""
VARIABLE = "CHAOS_CLOCK"
"""For processes that a worker starts by another way than forking."""


@dataclass(frozen=True)
class FastClock:
    """Wall time that was *start* when the host's monotonic clock said *began*."""

    start: datetime
    began: float
    skew_seconds: float = 0.0
    """How far it is ahead of the others', in fast seconds."""

    @property
    def text(self) -> str:
        """What `from_text` reads."""
        return f"{int(self.start.timestamp())} {self.began} {self.skew_seconds}"

    @classmethod
    def from_text(cls, text: str) -> Self:
        """Return the clock that another process wrote down."""
        start, began, skew_seconds = text.split()
        return cls(datetime.fromtimestamp(int(start), UTC), float(began), float(skew_seconds))

    def wall_now(self) -> datetime:
        """Return the run's wall time."""
        passed = (time.monotonic() - self.began) * FACTOR
        return self.start + timedelta(seconds=passed + self.skew_seconds)

    # What stands where worker.clock has `datetime` and `time`:

    def now(self, zone: tzinfo) -> datetime:
        """Return the wall time as `datetime.now` does."""
        return self.wall_now().astimezone(zone)

    def monotonic(self) -> float:
        """Return fast seconds that never run backwards."""
        return time.monotonic() * FACTOR

    def sleep(self, seconds: float) -> None:
        """Wait, in the host's seconds: polling costs what it costs."""
        time.sleep(seconds)


def live_by(fast: FastClock) -> None:
    """Let this process's only reader of clocks read *fast*."""
    vars(clock).update(datetime=fast, time=fast)


if __name__ == "__main__":
    os.environ[VARIABLE] = sys.argv[1]
    sys.argv = ["dunning", *sys.argv[2:]]

if __name__ in {"__main__", "__mp_main__"}:
    live_by(FastClock.from_text(os.environ[VARIABLE]))

if __name__ == "__main__":
    from worker.cli.main import main

    main()
