"""Which listed events must be (re)stored so that the inbox keeps the order of Stripe's list.

Webhooks come in any order, also within one second, which is all that `created` tells apart. The
order of Stripe's list counts, so what it shows behind something new is stored, and applied, anew.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from worker.ports import Json


@dataclass(frozen=True, slots=True)
class Stood:
    """How an event stands in the inbox."""

    seq: int
    waiting: bool
    """Stored by a webhook and applied by nobody yet."""
    parked: bool


def out_of_place(raw_events: Sequence[Json], stood: Mapping[str, Stood]) -> Iterator[Json]:
    """Yield those of *raw_events* (a list of Stripe's, oldest first) that are to be stored.

    New ones, waiting ones, and those of the same second that the list shows behind one of these or
    behind one that was stored later. What is parked stays where it is. Each id comes once.
    """
    seen: set[str] = set()
    last: dict[object, float] = {}
    for raw in raw_events:
        event_id, second = str(raw["id"]), raw["created"]
        if event_id in seen:
            continue
        seen.add(event_id)
        row = stood.get(event_id)
        if row is not None and row.parked:
            continue
        if row is None or row.waiting or row.seq < last.get(second, 0):
            last[second] = float("inf")
            yield raw
        else:
            last[second] = row.seq
