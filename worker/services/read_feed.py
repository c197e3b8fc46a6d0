"""Read Stripe's event list into the inbox, in time slices, oldest first (architecture.md D9)."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from worker.domain.policy import Configuration
from worker.ports import Clock, InboxEvent, JobLog, Json, Ledger, ObjectReader, StripeGateway, Tx
from worker.services.apply_events import Applied, apply_batch, gather
from worker.services.foreign_keys import report_foreign_keys, stop_for_foreign_keys
from worker.services.own_clock import only_of_clock, says_time_moved

CURSOR = "events"
OVERLAP = timedelta(minutes=15)
"""Every read begins this long before the cursor, for events that were listed late."""
SLICE = timedelta(hours=6)
"""How much time one commit covers while catching up."""
UNLISTED_AFTER = timedelta(seconds=30)
"""What a webhook told for so long (wall time) and no list shows is applied without one."""
UNLISTED_BATCH = 500
LIST_REACH = timedelta(days=30)
"""Stripe's list goes back no further; after a longer absence a backfill is needed."""


@dataclass(frozen=True, slots=True)
class Position:
    """From when on the ledger hears of Stripe, and how far it has; aware UTC, None: not begun."""

    go_live_at: datetime | None
    read_at: datetime | None


@dataclass(slots=True)
class FeedRun:
    """What one run of the feed found."""

    events: int = 0
    opened: list[str] = field(default_factory=list)
    woken: int = 0
    parked: int = 0
    before_go_live: int = 0
    """Failures of before it; they open no case."""
    since_go_live: int = 0
    """Of the events: those that the ledger was there to hear of."""
    foreign_keys: list[str] = field(default_factory=list)

    def add(self, applied: Applied) -> None:
        """Count one batch in."""
        self.opened += applied.opened
        self.woken += applied.woken
        self.before_go_live += applied.before_go_live
        self.foreign_keys += applied.foreign_keys


def position_of_feed(ledger: Ledger) -> Position:
    """Return where the feed stands."""
    with ledger.begin() as tx:
        control, read_at = tx.control.read(), tx.control.cursor(CURSOR)
    return Position(control.go_live_at if control is not None else None, read_at)


def read_feed(
    position: Position,
    *,
    ledger: Ledger,
    stripe: StripeGateway,
    reader: ObjectReader,
    log: JobLog,
    clock: Clock,
    configuration: Configuration,
    now: datetime,
    test_clock: str = "",
    from_at: datetime | None = None,
) -> FeedRun:
    """Read events from *position* up to *now* (business time) and move the cursor there.

    Each slice of time is one commit.

    What webhooks stored is applied in the order of Stripe's list, like everything else: they only
    make this run earlier. Where the list does not show it, it is applied a little later.
    *from_at* re-lists from an earlier instant without moving the cursor back; events already in
    the inbox change nothing. With *test_clock* only that clock's objects are heard of.
    Raises: GatewayUnavailable: the slices so far are committed.
    """
    run, cursor = FeedRun(), position.read_at
    if position.go_live_at is None or cursor is None:
        return run
    ingest = Ingest(ledger, reader, log, clock, configuration, position.go_live_at, now)
    start = from_at or cursor - OVERLAP
    while start < now:
        end = min(start + SLICE, now)
        raw_events = _oldest_first(stripe, start, end)
        if test_clock:
            with ledger.begin() as tx:
                raw_events = only_of_clock(tx, raw_events, test_clock)
        if raw_events or (end == now and now > cursor):  # else the next slice moves the cursor
            ingest.slice(raw_events, run, cursor_at=max(end, cursor))
        start = end
    with ledger.begin() as tx:
        arrived_by = clock.wall_now() - UNLISTED_AFTER
        unlisted = tx.inbox.waiting(until=now, arrived_by=arrived_by, limit=UNLISTED_BATCH)
    if unlisted:
        ingest.slice(unlisted, run, cursor_at=max(now, cursor))
    if run.foreign_keys:
        report_foreign_keys(log, run.foreign_keys, now=now)
    return run


def _oldest_first(stripe: StripeGateway, start: datetime, end: datetime) -> list[Json]:
    pages = stripe.event_pages(from_at=start, to_at=end)
    found = [event for page in pages for event in page if not says_time_moved(event)]
    found.reverse()  # the list is newest first; a stable sort then keeps Stripe's order in a second
    return sorted(found, key=lambda event: int(str(event["created"])))


@dataclass(frozen=True, slots=True)
class Ingest:
    """Writes slices of events into the ledger."""

    ledger: Ledger
    reader: ObjectReader
    log: JobLog
    clock: Clock
    configuration: Configuration
    go_live_at: datetime
    now: datetime

    def slice(self, raw_events: Sequence[Json], run: FeedRun, *, cursor_at: datetime) -> None:
        """Write one slice with its cursor; a batch that fails is repeated event by event."""
        try:
            with self.ledger.begin() as tx:
                added = self._write(tx, raw_events, run)
                tx.control.set_cursor(CURSOR, cursor_at)
            self._count(added, run)
        except (KeyError, TypeError, ValueError, AttributeError):  # a malformed event is in it
            for raw in raw_events:
                self._one_by_one(raw, run)
            with self.ledger.begin() as tx:
                tx.control.set_cursor(CURSOR, cursor_at)

    def _count(self, added: Sequence[InboxEvent], run: FeedRun) -> None:
        run.events += len(added)
        run.since_go_live += sum(event.created_at >= self.go_live_at for event in added)

    def _write(self, tx: Tx, raw_events: Sequence[Json], run: FeedRun) -> list[InboxEvent]:
        wall_now = self.clock.wall_now()
        added = tx.inbox.add(raw_events, wall_now=wall_now)
        batch = gather(added, self.reader)
        applied = apply_batch(
            tx,
            batch,
            rules=self.configuration.dunning,
            go_live_at=self.go_live_at,
            now=self.now,
            wall_now=wall_now,
        )
        if applied.foreign_keys:
            stop_for_foreign_keys(tx, applied.foreign_keys, now=self.now, wall_now=wall_now)
        run.add(applied)
        return added

    def _one_by_one(self, raw: Json, run: FeedRun) -> None:
        try:
            with self.ledger.begin() as tx:
                added = self._write(tx, [raw], run)
            self._count(added, run)
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            self._park(raw, error)
            run.parked += 1

    def _park(self, raw: Json, error: Exception) -> None:
        if "id" not in raw or "type" not in raw or "created" not in raw:
            event_id = str(raw.get("id") or "unknown")
        else:
            event_id = str(raw["id"])
            with self.ledger.begin() as tx:
                tx.inbox.add([raw], wall_now=self.clock.wall_now())
                tx.inbox.park(event_id, error=type(error).__name__)
        self.log.warning(
            "event.parked",
            event_id=event_id,
            error=f"{type(error).__name__}: {error}",
            do="dunning status; report the event's id with the log",
        )
