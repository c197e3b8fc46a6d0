"""End a worker process that hears nothing any more, so that its manager starts another.

A process that was silent for a while sends a message to itself, a canary, through the queue that
all work comes through. Others that hear it pass it on; Redis serves whoever waits longest, so it
comes round. Unheard canaries, and not silence, are the proof: nobody is deaf because nothing is
said, or because Redis is away.
"""

from collections.abc import Callable

from worker.domain.identifiers import stable_fraction
from worker.errors import QueueUnavailable
from worker.ports import JobLog

ASKED_AFTER_SECONDS = 60.0
"""A tick comes every second, and whoever is idle for longest hears it."""
ASKED_EVERY_SECONDS = 60.0
DEAF_AFTER_SECONDS = 300.0
CANARIES_MIN = 4
"""So many went unheard: a process that was frozen in between has sent none."""
HOPS_MAX = 63
"""How often a canary is passed on; a process that ended never hears its last one."""
LOOK_SECONDS = 15.0
EXIT_CODE = 70
"""Not 0, so that a manager that restarts on failure restarts it."""


class DeafWatch:
    """Watches one process; `look` is asked every few seconds."""

    def __init__(
        self,
        name: str,
        *,
        silent_seconds: Callable[[], float],
        send: Callable[[int], None],
        log: JobLog,
    ) -> None:
        """Watch the process called *name*. Args: send: sends it a canary, which may go astray."""
        self._first = int(stable_fraction("canary", name) * 2**52) * (HOPS_MAX + 1)
        self._silent_seconds = silent_seconds
        self._send = send
        self._log = log
        self._sent = 0

    def look(self) -> bool:
        """Return whether the process is deaf, having said so; sends a canary where it may be."""
        silent = self._silent_seconds()
        if silent < ASKED_AFTER_SECONDS:
            self._sent = 0
            return False
        due = ASKED_AFTER_SECONDS + self._sent * ASKED_EVERY_SECONDS
        if silent >= due and not self.send_canary():
            return False
        if silent < DEAF_AFTER_SECONDS or self._sent < CANARIES_MIN:
            return False
        self._log.error(
            "worker.deaf",
            count=self._sent,
            do="none if the process manager starts it again; else do, that is always safe",
        )
        return True

    def send_canary(self) -> bool:
        """Send one now; False where Redis is away, so that nobody can be heard."""
        try:
            self._send(self._first)
        except QueueUnavailable:
            self._sent = 0
            return False
        self._sent += 1
        return True

    def heard(self, number: int) -> None:
        """Hear a canary: one's own is proof enough by coming, another's is passed on.

        Its number says whose it is, and how often it was passed on; messages carry nothing else.
        """
        hops = number % (HOPS_MAX + 1)
        if number - hops == self._first or hops == HOPS_MAX:
            return
        try:
            self._send(number + 1)
        except QueueUnavailable:  # its owner sends another
            self._log.debug("redis.unavailable")
