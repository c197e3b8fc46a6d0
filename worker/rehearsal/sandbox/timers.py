"""What happens by itself and when: one heap of due instants per clock."""

import heapq
from typing import NamedTuple


class Timer(NamedTuple):
    """One thing due at `at` (unix seconds) for one object; `order` breaks ties by age."""

    at: int
    order: int
    kind: str
    object_id: str


class Timers:
    """At most one timer per (kind, object); setting it again moves it."""

    def __init__(self) -> None:
        """Start with nothing due."""
        self._heaps: dict[str, list[Timer]] = {}
        self._live: dict[tuple[str, str], Timer] = {}
        self._count = 0

    def set(self, clock: str, at: int, kind: str, object_id: str) -> None:
        """Make *kind* due for the object at *at* on *clock* (empty for the wall clock)."""
        self._count += 1
        timer = Timer(at, self._count, kind, object_id)
        self._live[(kind, object_id)] = timer
        heapq.heappush(self._heaps.setdefault(clock, []), timer)

    def clear(self, kind: str, object_id: str) -> None:
        """Forget the timer, if there is one."""
        self._live.pop((kind, object_id), None)

    def at(self, kind: str, object_id: str) -> int | None:
        """Return when *kind* is due for the object, or None."""
        timer = self._live.get((kind, object_id))
        return timer.at if timer else None

    def peek(self, clock: str) -> Timer | None:
        """Return the next timer that still holds, or None."""
        heap = self._heaps.get(clock)
        while heap:
            timer = heap[0]
            if self._live.get((timer.kind, timer.object_id)) is timer:
                return timer
            heapq.heappop(heap)
        return None

    def pop_due(self, clock: str, until: int) -> Timer | None:
        """Remove and return the next timer due at or before *until*, or None."""
        timer = self.peek(clock)
        if timer is None or timer.at > until:
            return None
        heapq.heappop(self._heaps[clock])
        del self._live[(timer.kind, timer.object_id)]
        return timer

    def drop_clock(self, clock: str) -> None:
        """Forget everything due on a deleted clock."""
        for timer in self._heaps.pop(clock, []):
            if self._live.get((timer.kind, timer.object_id)) is timer:
                del self._live[(timer.kind, timer.object_id)]
