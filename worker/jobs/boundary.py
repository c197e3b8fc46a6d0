"""Where the work of a message ends: what goes wrong is one line, and the rows stay the truth."""

import threading
from collections.abc import Callable

from worker.errors import DatabaseUnavailable, QueueUnavailable, ServiceUnavailable
from worker.ports import Clock, JobLog

QUIET_SECONDS = 30.0
"""Of a neighbour that is away one line in this time is enough: a tick comes every second."""


class Boundary:
    """Runs the work of messages; used by all threads of a worker process.

    Nothing is raised again: dramatiq would keep the message with its traceback in Redis, and a
    message is only a hint (architecture.md D1).
    """

    def __init__(self, log: JobLog, clock: Clock) -> None:
        """Write to *log*."""
        self._log = log
        self._clock = clock
        self._said: dict[type[ServiceUnavailable], float] = {}
        self._lock = threading.Lock()

    def run(self, job: str, work: Callable[[], object]) -> bool:
        """Do *work* and return whether it came to its end."""
        try:
            work()
        except ServiceUnavailable as away:
            self.say_away(job, away)
            return False
        except Exception as error:  # noqa: BLE001 - whatever it is, the others' work goes on
            self._log.error(
                "job.failed", job=job, error=error, do="none; report it with the log if it repeats"
            )
            return False
        return True

    def say_away(self, job: str, away: ServiceUnavailable) -> None:
        """Say that a neighbour is away, unless that was said a moment ago."""
        kind = type(away)
        with self._lock:
            now = self._clock.monotonic_seconds()
            if now - self._said.get(kind, float("-inf")) < QUIET_SECONDS:
                return
            self._said[kind] = now
        if isinstance(away, DatabaseUnavailable):
            self._log.warning(
                "database.unavailable", job=job, error=away, do="look at PostgreSQL (DATABASE_URL)"
            )
        elif isinstance(away, QueueUnavailable):
            self._log.warning(
                "redis.unavailable", job=job, error=away, do="look at the Redis server (REDIS_URL)"
            )
        else:
            self._log.info("stripe.unavailable", job=job, error=away)
