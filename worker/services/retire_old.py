"""Take out what is not kept for ever, in batches of short transactions.

Raw events go after 35 days: Stripe lists events for 30, so none that is gone comes back.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

from worker.ports import Clock, Ledger, RetentionBook
from worker.services.forget_customer import erase_again

EVENTS_KEPT_FOR = timedelta(days=35)
BATCH = 500


@dataclass(frozen=True, slots=True)
class Retired:
    """What one run took out."""

    payloads: int
    rendered: int
    people: int
    """People forgotten lately who were erased once more."""


def retire_old(
    *, ledger: Ledger, clock: Clock, letters_kept_for: timedelta, now: datetime
) -> Retired:
    """Drop raw events and rendered letters that are too old, and erase again who was forgotten.

    Events must be old by both clocks: a rehearsal's years pass in minutes.
    """
    wall_before, before = clock.wall_now() - EVENTS_KEPT_FOR, now - EVENTS_KEPT_FOR

    def events(book: RetentionBook) -> int:
        return book.drop_events(wall_before=wall_before, before=before, limit=BATCH)

    def rendered(book: RetentionBook) -> int:
        return book.drop_rendered(before=now - letters_kept_for, limit=BATCH)

    return Retired(
        payloads=_in_batches(ledger, events),
        rendered=_in_batches(ledger, rendered),
        people=erase_again(ledger=ledger, clock=clock),
    )


def _in_batches(ledger: Ledger, drop: Callable[[RetentionBook], int]) -> int:
    dropped = 0
    while True:
        with ledger.begin() as tx:
            found = drop(tx.retention)
        dropped += found
        if found < BATCH:
            return dropped
