"""Rings for the feed after a webhook, in a thread of its own, however many come at once."""

import threading

from worker.errors import ServiceUnavailable
from worker.ports import Doorbell, JobLog

FEED_JOB = "read_stripe"
PAUSE_SECONDS = 2.0
"""One ring in this time is enough: a run of the feed takes everything that has come."""


class FeedWaker:
    """Rings; that Redis is away costs nothing but speed, since the feed runs by itself anyway."""

    def __init__(self, doorbell: Doorbell, log: JobLog, *, pause_seconds: float = PAUSE_SECONDS):
        """Ring through *doorbell* once `start` was called."""
        self._doorbell = doorbell
        self._log = log
        self._pause_seconds = pause_seconds
        self._look = threading.Event()
        self._wanted = False
        self._ended = threading.Event()
        self._away = False
        self._thread = threading.Thread(target=self._run, name="waker", daemon=True)

    def wake(self) -> None:
        """Ask for a ring; returns at once."""
        self._wanted = True
        self._look.set()

    def start(self) -> None:
        """Begin to ring."""
        self._thread.start()

    def stop(self) -> None:
        """Ring a last time where that was asked for, and end."""
        self._ended.set()
        self._look.set()
        self._thread.join(10)

    def _run(self) -> None:
        while not self._ended.is_set():
            self._look.wait()
            self._look.clear()
            if self._wanted:
                self._wanted = False
                self._ring()
            self._ended.wait(self._pause_seconds)
        if self._wanted:
            self._ring()

    def _ring(self) -> None:
        try:
            self._doorbell.run_job(FEED_JOB)
            self._away = False
        except ServiceUnavailable as away:
            if not self._away:
                self._log.warning(
                    "redis.unavailable", error=away, do="look at the Redis server (REDIS_URL)"
                )
            self._away = True
