"""What strikes in a run, in which order and at what: a function of the seed."""

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import StrEnum

from worker.rehearsal.draws import Draws


class Blow(StrEnum):
    """The kinds of trouble that are dealt one by one; Stripe's own faults rain beside them."""

    KILL_WORKER = "kill -9 of a worker with its processes"
    KILL_CHILD = "kill -9 of one process of a worker"
    KILL_SCHEDULER = "kill -9 of a scheduler"
    KILL_WEB = "kill -9 of the web process"
    SKEW_WORKER = "kill -9 of a worker that starts again with a wrong clock"
    FREEZE = "SIGSTOP of a worker, SIGCONT later"
    FLUSH = "FLUSHALL"
    QUEUE_RESTART = "restart of Valkey"
    QUEUE_FULL = "Valkey out of memory"
    DATABASE_STOP = "immediate stop and restart of PostgreSQL"
    MAIL_CUT = "mail server cuts after it took a letter"
    MAIL_LOST = "mail server cuts and takes nothing"
    MAIL_LATER = "mail server answers 451"
    RATE_LIMIT = "429"
    ROTATION = "webhook secret rotated"
    DUMP = "dump of the database"
    RESTORE = "restore of a dump of six hours ago"
    SECOND = "second installation on the account"


MISHAPS = frozenset((Blow.DUMP, Blow.RESTORE, Blow.SECOND))
"""What befalls a whole installation, once in a run that is about it."""


KILLS: Mapping[Blow, float] = {
    Blow.KILL_WORKER: 5,
    Blow.KILL_CHILD: 4,
    Blow.KILL_SCHEDULER: 1,
    Blow.KILL_WEB: 1.5,
    Blow.SKEW_WORKER: 1.5,
}
"""How often each kind of kill is dealt, by weight."""


@dataclass(frozen=True)
class Size:
    """How much happens in one run."""

    customers: int
    kills: int
    others: Mapping[Blow, int]
    workers: int = 2
    processes: int = 1
    """Of each worker."""
    cohorts: int = 1
    """Groups of customers whose stories begin half a day after each other."""

    @property
    def blows(self) -> int:
        """All that is dealt."""
        return self.kills + sum(self.others.values())


SHORT = Size(
    customers=14,
    kills=12,
    others={
        Blow.FREEZE: 2,
        Blow.FLUSH: 3,
        Blow.QUEUE_RESTART: 1,
        Blow.QUEUE_FULL: 1,
        Blow.DATABASE_STOP: 1,
        Blow.MAIL_CUT: 1,
        Blow.MAIL_LOST: 1,
        Blow.MAIL_LATER: 1,
        Blow.RATE_LIMIT: 1,
        Blow.ROTATION: 2,
    },
)
"""Part of `make test`."""

FULL = Size(
    customers=49,
    kills=50,
    others={
        Blow.FREEZE: 8,
        Blow.FLUSH: 10,
        Blow.QUEUE_RESTART: 2,
        Blow.QUEUE_FULL: 2,
        Blow.DATABASE_STOP: 2,
        Blow.MAIL_CUT: 3,
        Blow.MAIL_LOST: 3,
        Blow.MAIL_LATER: 3,
        Blow.RATE_LIMIT: 2,
        Blow.ROTATION: 3,
    },
    workers=3,
    processes=2,
    cohorts=2,
)
"""One of ten runs of `make prove`: together 500 kills, 100 FLUSHALL and 20 stops of PostgreSQL."""


def emptied(size: Size, times: int) -> Size:
    """Return *size* with nothing but FLUSHALL, so often: without restarts a run is short."""
    return replace(size, kills=0, others={Blow.FLUSH: times}, workers=1)


@dataclass(frozen=True)
class Strike:
    """One blow: how long after the one before, at which of the possible targets, for how long."""

    blow: Blow
    after_seconds: float
    target: int
    seconds: float
    """The host's, for what lasts."""
    now: datetime | None = None
    """Business time, for what happens but once."""


@dataclass
class Plan:
    """The strikes of one run in order; what was not dealt yet is left."""

    seed: str
    size: Size
    left: list[Strike] = field(init=False)

    def __post_init__(self) -> None:
        """Draw everything."""
        self.left = list(_strikes(self.seed, self.size))

    def next(self, count: int) -> list[Strike]:
        """Take the next *count* strikes, or as many as there are."""
        taken, self.left = self.left[:count], self.left[count:]
        return taken


def _strikes(seed: str, size: Size) -> Iterator[Strike]:
    draws = Draws(seed, "strikes")
    blows = Counter(size.others)
    blows.update(draws.weighted(KILLS) for _ in range(size.kills))
    for _ in range(blows.total()):
        blow = draws.weighted({kind: float(count) for kind, count in sorted(blows.items())})
        blows[blow] -= 1
        yield Strike(
            blow,
            after_seconds=0.9 * draws.fraction(),
            target=draws.below(1000),
            seconds=0.3 + draws.exponential(2.0),
        )
