"""Events heard and facts told at a test's own pace, and what the facts tell then."""

from datetime import datetime, timedelta
from typing import Any

from tests.integration.services.bench import Bench
from tests.integration.store.building import NOW, WALL
from worker.domain.metrics_rules import MetricsRules
from worker.gateway.invoice_readers import StripeReader
from worker.services.apply_events import apply_batch, gather
from worker.services.fold_facts import fold_facts
from worker.services.tie_out import tie_out

READER = StripeReader()


def hear(bench: Bench, *events: dict[str, Any], until: datetime) -> None:
    """Let the feed tell of these events, in this order, and have been read until then."""
    with bench.ledger.begin() as tx:
        added = tx.inbox.add([*events], wall_now=WALL)
        apply_batch(
            tx,
            gather(added, READER),
            rules=bench.ports.configuration.dunning,
            go_live_at=NOW,
            now=until,
            wall_now=WALL,
        )
    read_until(bench, until)


def fold(bench: Bench, rules: MetricsRules | None = None) -> None:
    """Tell facts of all that was heard."""
    fold_facts(
        ledger=bench.ledger,
        reader=READER,
        clock=bench.clock,
        rules=rules or MetricsRules(),
        watermark=timedelta(),
    )


def read_until(bench: Bench, until: datetime) -> None:
    """Let the feed have been read so far."""
    with bench.ledger.connection() as connection:
        connection.exec_driver_sql("DELETE FROM cursors WHERE name = 'events'")
    with bench.ledger.begin() as tx:
        tx.control.set_cursor("events", until)


def moved(bench: Bench, *, since: datetime = NOW) -> list[tuple[str, str, datetime, int]]:
    """Return (subscription, kind, when, change) of all movements after *since*, in chain order."""
    query = """
        SELECT subject, split_part(type, '.', 2), time, (data ->> 'mrr_delta_minor')::int
        FROM events WHERE time > %(since)s AND data ? 'no'
        ORDER BY subject, (data ->> 'no')::int
    """
    with bench.ledger.connection() as connection:
        return [tuple(row) for row in connection.exec_driver_sql(query, {"since": since})]


def ties_out(bench: Bench, rules: MetricsRules | None = None) -> bool:
    """Whether the daily check finds nothing."""
    found = tie_out(
        ledger=bench.ledger, log=bench.ports.log, rules=rules or MetricsRules(), now=NOW
    )
    return not (found.chains or found.states or found.payments)


def booked_by(bench: Bench, at: datetime) -> int:
    """Return the MRR at an instant, as its facts were booked."""
    query = """
        SELECT sum((data ->> 'mrr_delta_minor')::bigint) FROM events
        WHERE (data ->> 'booked_at')::timestamptz < %(at)s AND data ? 'no'
    """
    with bench.ledger.connection() as connection:
        return int(connection.exec_driver_sql(query, {"at": at}).scalar_one())


def standing(bench: Bench) -> list[tuple[str, datetime, int]]:
    """Return (subscription, when, change) of the movements after the first that nothing took
    back, in order of time."""
    query = """
        SELECT subject, time, (data ->> 'mrr_delta_minor')::int FROM events AS one
        WHERE time > %(since)s AND data ->> 'sign' = '1'
          AND NOT EXISTS (SELECT FROM events WHERE data ->> 'corrects' = one.id)
        ORDER BY subject, time
    """
    with bench.ledger.connection() as connection:
        rows = connection.exec_driver_sql(query, {"since": NOW})
        return [(row[0], row[1], row[2]) for row in rows]


def corrected(bench: Bench) -> set[str]:
    """Return the subscriptions of which a fact was taken back, or told behind the watermark."""
    query = "SELECT DISTINCT subject FROM events WHERE (data ->> 'late')::bool"
    with bench.ledger.connection() as connection:
        return set(connection.exec_driver_sql(query).scalars())
