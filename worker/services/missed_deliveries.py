"""Events that a webhook endpoint did not take, by Stripe's own word (`delivery_success=false`).

The feed has read them all the same; what it has not is taken in here, and the people on call are
told that an endpoint fails.
"""

from datetime import datetime, timedelta
from itertools import islice

from worker.domain.policy import Configuration
from worker.ports import Clock, JobLog, Json, Ledger, ObjectReader, StripeGateway
from worker.services.own_clock import only_of_clock, says_time_moved
from worker.services.read_feed import CURSOR, LIST_REACH, FeedRun, Ingest

REST = timedelta(hours=1)
"""What is younger may still be on its way: Stripe tries again for three days."""
NEWS = timedelta(days=1)
PAGES_MAX = 50
"""The newest 5,000: an endpoint that is dead for weeks must not cost ten thousand reads a day."""


def take_undelivered(
    *,
    ledger: Ledger,
    stripe: StripeGateway,
    reader: ObjectReader,
    log: JobLog,
    clock: Clock,
    configuration: Configuration,
    now: datetime,
    test_clock: str = "",
) -> FeedRun:
    """Take in undelivered events of the last 30 days that nobody has read, newest page first.

    Args and errors as for `read_feed`.
    """
    run, fresh = FeedRun(), 0
    with ledger.begin() as tx:
        control, cursor = tx.control.read(), tx.control.cursor(CURSOR)
    if control is None or cursor is None:
        return run
    since = max(now - LIST_REACH, control.go_live_at)
    ingest = Ingest(ledger, reader, log, clock, configuration, control.go_live_at, now)
    pages = stripe.undelivered_pages(from_at=since, to_at=now - REST) if since < now - REST else ()
    for page in islice(pages, PAGES_MAX):
        events = [event for event in reversed(page) if not says_time_moved(event)]
        with ledger.begin() as tx:
            events = only_of_clock(tx, events, test_clock)
        fresh += sum(_created(event) >= (now - REST - NEWS).timestamp() for event in events)
        if events:
            ingest.slice(events, run, cursor_at=cursor)
    if fresh:
        log.warning(
            "webhook.undelivered",
            count=fresh,
            events=run.events,
            business_at=now,
            do="look at the endpoint in Stripe's Dashboard; nothing is lost, the list is read too",
        )
    return run


def _created(event: Json) -> int:
    return int(str(event["created"]))
