"""When this process last heard a message: a worker whose consumer died looks alive otherwise.

Ten seconds of Redis refusing writes end dramatiq's consumer thread for good; the process stays up
and runs nothing any more (reliability.md 0, facts 3 and 4).
"""

import threading
from collections.abc import Callable

import dramatiq
from dramatiq.middleware import Middleware


class Hearing(Middleware):
    """Remembers when a message last came, and how many threads are at work."""

    def __init__(self, monotonic_seconds: Callable[[], float]) -> None:
        """Begin as if something had just been heard."""
        self._now = monotonic_seconds
        self._lock = threading.Lock()
        self._in_work = 0
        self._threads = 0
        self._heard_at = monotonic_seconds()

    @property
    def silent_seconds(self) -> float:
        """How long nothing was heard; 0 while every thread is at work and nothing can be."""
        with self._lock:
            full = 0 < self._threads <= self._in_work
            return 0.0 if full else self._now() - self._heard_at

    def after_worker_boot(self, _broker: dramatiq.Broker, worker: dramatiq.Worker) -> None:
        """Learn how many threads there are."""
        self._threads = worker.worker_threads

    def before_process_message(
        self, _broker: dramatiq.Broker, _message: dramatiq.MessageProxy
    ) -> None:
        """Hear that a message begins."""
        self._count(1)

    def after_process_message(
        self,
        _broker: dramatiq.Broker,
        _message: dramatiq.MessageProxy,
        *,
        result: object = None,  # noqa: ARG002 - dramatiq names both
        exception: BaseException | None = None,  # noqa: ARG002
    ) -> None:
        """Hear that a message is done."""
        self._count(-1)

    def after_skip_message(self, _broker: dramatiq.Broker, _message: dramatiq.MessageProxy) -> None:
        """Hear that a message that had begun was left out: it is too old to matter."""
        self._count(-1)

    def _count(self, more: int) -> None:
        with self._lock:
            self._in_work = max(0, self._in_work + more)
            self._heard_at = self._now()
