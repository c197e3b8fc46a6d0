"""Processes that take turns: each is a thread, and only the one that has the baton runs.

A process gives the baton back at each of its inputs and outputs and says when it wants it again.
Who gets it next is the earliest of those instants, so a seed that draws the waits draws the order,
and the same seed gives the same run.
"""

import heapq
import threading
from collections.abc import Callable
from datetime import datetime, timedelta
from itertools import count

TURN_SECONDS_MAX = 60.0
"""Real time after which a turn hangs: it waits for something that nobody will do."""


class Killed(BaseException):
    """The process died here; like `kill -9`, nothing may catch it."""


class Agenda:
    """What happens when, by simulated time; ties in the order in which they were written down."""

    def __init__(self, now: datetime) -> None:
        """Begin at *now* with nothing planned."""
        self.now = now
        self._started_at = now
        self._plans: list[tuple[datetime, int, Callable[[], object]]] = []
        self._order = count()

    def at(self, when: datetime, do: Callable[[], object]) -> None:
        """Plan *do* for an instant; one that has passed is done next."""
        heapq.heappush(self._plans, (max(when, self.now), next(self._order), do))

    def after(self, seconds: float, do: Callable[[], object]) -> None:
        """Plan *do* for so many seconds from now."""
        self.at(self.now + timedelta(seconds=seconds), do)

    def next_at(self) -> datetime | None:
        """Return when the next thing happens, or None."""
        return self._plans[0][0] if self._plans else None

    def step(self) -> None:
        """Move time to the next thing and do it."""
        when, _, do = heapq.heappop(self._plans)
        self.now = max(self.now, when)
        do()

    def wall_now(self) -> datetime:
        """Return the hosts' time."""
        return self.now

    def monotonic_seconds(self) -> float:
        """Return seconds since the run began."""
        return (self.now - self._started_at).total_seconds()


class Process:
    """One thread that does one piece of work after another, turn by turn."""

    def __init__(self, name: str, agenda: Agenda) -> None:
        """Start the thread; it waits for work."""
        self.name = name
        self.busy = False
        self.dead = False
        self.frozen_until: datetime | None = None
        self.failure: BaseException | None = None
        self._agenda = agenda
        self._work: Callable[[], object] | None = None
        self._then: Callable[[], None] = lambda: None
        self._turn, self._back = threading.Lock(), threading.Lock()  # taken: wait for the other
        self._turn.acquire()
        self._back.acquire()
        self._number = 0
        self._thread = threading.Thread(target=self._live, name=name, daemon=True)
        self._thread.start()

    def begin(self, work: Callable[[], object], then: Callable[[], None]) -> None:
        """Let the process do *work*; *then* is called once it is over, however it ended."""
        self.busy, self.dead, self._work, self._then = True, False, work, then
        self._take_turn()

    def pause(self, seconds: float) -> None:
        """Called by the process itself: give the baton back for so long. Raises: Killed."""
        self._number += 1
        number = self._number
        until = self._agenda.now + timedelta(seconds=seconds)
        self.frozen_until = until if seconds > 60 else None
        self._agenda.at(until, lambda: self._wake(number))
        self._back.release()
        self._turn.acquire()
        if self.dead:
            raise Killed

    def thaw(self) -> None:
        """Let a process that stands still for long go on at once."""
        if self.frozen_until is not None:
            number = self._number
            self._agenda.after(0, lambda: self._wake(number))

    def kill(self) -> None:
        """Let a process in mid-work die where it stands."""
        if self.busy:
            self.dead = True
            self._number += 1  # its own waking is void
            self._take_turn()

    def end(self) -> None:
        """Let the thread end, its work undone."""
        self.kill()
        self._work = None
        self._turn.release()
        self._thread.join(TURN_SECONDS_MAX)

    def _wake(self, number: int) -> None:
        if self.busy and number == self._number:
            self.frozen_until = None
            self._number += 1
            self._take_turn()

    def _take_turn(self) -> None:
        self._turn.release()
        if not self._back.acquire(timeout=TURN_SECONDS_MAX):
            raise AssertionError(f"{self.name} waits for something that nobody will do")
        if not self.busy:
            self._then()

    def _live(self) -> None:
        while True:
            self._turn.acquire()
            work = self._work
            if work is None:
                return
            try:
                work()
            except Killed:
                self.dead = True
            except BaseException as error:  # noqa: BLE001 - the run's driver judges it
                self.failure = error
            self.busy, self.frozen_until = False, None
            self._back.release()
