"""Find what is due and ring for it: one message per case or letter; the row is the truth (D1)."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

from worker.ports import Clock, Doorbell, Ledger

BATCH = 500
DISPATCH = timedelta(seconds=30)
"""How long a message has to reach a worker before the row is dispatched again."""
QUEUE_MAX = 500
"""A scan stops filling the queue here; what is left is found by the next one."""


@dataclass(frozen=True, slots=True)
class Found:
    """How many rows were dispatched, and how many messages then waited."""

    count: int
    waiting: int


def find_due_cases(*, ledger: Ledger, doorbell: Doorbell, clock: Clock, now: datetime) -> Found:
    """Dispatch due cases in batches while the queue is short."""

    def take(limit: int) -> list[int]:
        with ledger.begin() as tx:
            return tx.cases.take_due(
                now=now, wall_now=clock.wall_now(), limit=limit, dispatch=DISPATCH
            )

    return _dispatch(take, doorbell.advance_case, doorbell)


def find_due_letters(*, ledger: Ledger, doorbell: Doorbell, clock: Clock, now: datetime) -> Found:
    """Dispatch due letters in batches while the queue is short."""

    def take(limit: int) -> list[int]:
        with ledger.begin() as tx:
            return tx.letters.take_due(
                now=now, wall_now=clock.wall_now(), limit=limit, dispatch=DISPATCH
            )

    return _dispatch(take, doorbell.deliver_letter, doorbell)


def _dispatch(
    take: Callable[[int], list[int]], ring: Callable[[int], None], doorbell: Doorbell
) -> Found:
    count = 0
    waiting = doorbell.waiting()
    while waiting < QUEUE_MAX:
        ids = take(min(BATCH, QUEUE_MAX - waiting))
        for row_id in ids:
            ring(row_id)
        count += len(ids)
        waiting += len(ids)
        if len(ids) < BATCH:
            break
    return Found(count, waiting)
