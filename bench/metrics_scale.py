"""How long a month's metrics take at 250,000 and at 1,000,000 facts, and how that grows.

    python -m bench.metrics_scale [--cache 1GB] [FACTS ...]

Facts of a year are made in a PostgreSQL of its own: subscriptions that begin, renew every month,
fail, are retried and written about, recover or end. The ratio of the two times is what counts: four
times the facts should take no more than four times as long. PostgreSQL's cache has 64 MB unless
told, into which only the smaller size fits. Every figure is checked to tie out, and to be what all
facts say.
"""

import argparse
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from sqlalchemy import Connection, Engine, text

from worker.domain.metric import Metric, Period
from worker.domain.metric_groups import GroupBy
from worker.domain.metrics import metrics_of
from worker.rehearsal.embedded.claim import Claim
from worker.rehearsal.embedded.postgres import CACHE, start_postgres
from worker.store import kept_tables
from worker.store.chain_tables import event_chain, unsealed_facts
from worker.store.day_tables import metric_days
from worker.store.ledger import PostgresLedger, connect
from worker.store.metric_sources import VIEWS
from worker.store.metrics_counts import read_counts
from worker.store.migrate import upgrade
from worker.store.reading import snapshot
from worker.store.tables import events

ACCOUNT = "acct_bench"
MONTH = Period(datetime(2026, 11, 1, tzinfo=UTC), datetime(2026, 12, 1, tzinfo=UTC))
NOW = datetime(2026, 12, 15, tzinfo=UTC)
FACTS_PER_SUBSCRIPTION = 23.45
"""As measured of what MAKE writes."""

DAYS = 350
"""Of which the facts tell; the last one's are not rolled up yet when the month is read."""

RUNS = 3
"""The quickest of so many counts: the others were disturbed."""

# A subscription's facts, by its number s; m is a month of the year. One in eight months fails.
MAKE = """
WITH subs AS (
  SELECT s, 'sub_' || s AS sub, 'cus_' || (s / 1.1)::int AS cus,
         (ARRAY['eur', 'usd', 'gbp', 'jpy'])[1 + s % 4] AS currency,
         (500 + s % 40 * 100) AS mrr, 'price_' || s % 12 AS price, 'prod_' || s % 5 AS product,
         (ARRAY['DE', 'FR', 'US', 'GB', 'JP'])[1 + s % 5] AS country,
         timestamptz '2026-01-01Z' + make_interval(secs => s * 7919 % 2400000) AS born
    FROM generate_series(1, :subscriptions) AS s
), base AS (
  SELECT subs.*, jsonb_build_object(
           'customer_id', cus, 'subscription_id', sub, 'currency', currency, 'interval', 'month',
           'price_id', price, 'product_id', product, 'country', country, 'method', 'card',
           'price_ids', jsonb_build_array(price), 'product_ids', jsonb_build_array(product),
           'brand', 'visa', 'metadata', jsonb_build_object('segment', 's' || s % 7),
           'sign', 1, 'corrects', '', 'late', false) AS traits
    FROM subs
), months AS (
  SELECT base.*, m, born + make_interval(months => m) AS due, (s * 31 + m * 17) % 8 = 0 AS fails,
         (s * 13 + m) % 3 = 0 AS lost, 'in_' || s || '_' || m AS invoice,
         'C-' || (s::bigint * 12 + m) AS case_name
    FROM base, generate_series(1, 11) AS m
), facts AS (
  SELECT 'subscription.started' AS type, sub AS subject, born AS at, traits
           || jsonb_build_object('mrr_minor', mrr, 'mrr_delta_minor', mrr, 'booked_at', born,
                                 'period_end', born + interval '1 month') AS data
    FROM base
  UNION ALL
  SELECT 'subscription.renewed', sub,
         due + CASE WHEN fails THEN interval '3 days' ELSE '1 hour' END,
         traits || jsonb_build_object(
           'mrr_minor', mrr, 'mrr_delta_minor', 0, 'booked_at', due + interval '3 days',
           'invoice_id', invoice, 'amount_minor', mrr, 'period_start', due,
           'period_end', born + make_interval(months => m + 1), 'on_time', NOT fails)
    FROM months WHERE NOT (fails AND lost)
  UNION ALL
  SELECT 'subscription.expanded', sub, due + interval '9 days', traits || jsonb_build_object(
           'mrr_minor', mrr + 100, 'mrr_delta_minor', 100, 'booked_at', due + interval '9 days',
           'period_end', born + make_interval(months => m + 1))
    FROM months WHERE m = 4 AND s % 5 = 0
  UNION ALL
  SELECT 'subscription.churned', sub, due + interval '14 days', traits || jsonb_build_object(
           'mrr_minor', 0, 'mrr_delta_minor', CASE WHEN s % 5 = 0 THEN -mrr - 100 ELSE -mrr END,
           'booked_at', due + interval '14 days', 'kind', CASE WHEN s % 3 = 0 THEN 'involuntary'
           ELSE 'voluntary' END, 'reason', 'payment_failed', 'during_dunning', s % 3 = 0)
    FROM months WHERE m = 5 + s % 7 AND s % 4 = 1
  UNION ALL
  SELECT step.type, case_name, due + step.after, jsonb_build_object(
           'case', case_name, 'customer_id', cus, 'subscription_id', sub, 'invoice_id', invoice,
           'currency', currency, 'amount_minor', mrr, 'billing_reason', 'subscription_cycle')
           || step.data
    FROM months, (VALUES
      ('case.opened', interval '0', jsonb_build_object('state', 'open'), NULL),
      ('payment.failed', '0', '{"decline_code": "insufficient_funds"}', NULL),
      ('notice.queued', '1 minute', '{"notice": "payment_failed_1"}', NULL),
      ('notice.sent', '4 hours', '{"notice": "payment_failed_1"}', NULL),
      ('payment.retry_scheduled', '5 hours', '{"step": "try 1"}', NULL),
      ('payment.retried', '1 day', '{"kind": "charge", "outcome": "declined"}', NULL),
      ('payment.retried', '3 days', '{"kind": "charge", "outcome": "succeeded"}', false),
      ('payment.recovered', '3 days', '{"recovered_by": "retry"}', false),
      ('case.closed', '3 days', '{"outcome": "recovered", "state": "closed"}', false),
      ('case.closed', '14 days', '{"outcome": "ended", "state": "closed"}', true)
    ) AS step (type, after, data, if_lost)
   WHERE fails AND (step.if_lost IS NULL OR step.if_lost = lost)
)
INSERT INTO events (account_id, id, type, subject, time, recorded_at, data)
SELECT :account, md5(type || subject || at || random()), type, subject, at, at, data
  FROM facts ORDER BY at
"""


# The chain without its hashes: sealing is measured elsewhere.
SEAL = """
INSERT INTO event_chain (account_id, position, seq, fact_id, hash, previous_hash, sealed_at)
SELECT account_id, row_number() OVER (ORDER BY seq), seq, id, '', '', recorded_at FROM events
"""

TABLES = ", ".join(
    each.name for each in (events, event_chain, unsealed_facts, *kept_tables.TABLES, metric_days)
)


@dataclass(frozen=True, slots=True)
class Taken:
    """Seconds, of one size."""

    facts: int
    month: float
    by_plan: float
    all_facts: float
    """The same month, computed from all facts."""
    a_day: float
    """The daily job: rows and days that a day's facts concern."""
    check: float
    """Its comparison of all rows with all facts."""


def main(sizes: list[int], cache: str) -> None:
    """Make facts for each size and print what their metrics take."""
    with tempfile.TemporaryDirectory() as folder, Claim(Path(folder)) as claim:
        server = start_postgres(claim, durable=False, keep_data=False, cache=cache)
        try:
            rows = [_measure(server.database_url("postgres"), size) for size in sizes]
        finally:
            server.server.stop()
    first = rows[0]
    for row in rows:
        print(
            f"{row.facts:>9,} facts: a month {row.month:.2f} s, by plan {row.by_plan:.2f} s "
            f"({row.month / first.month:.2f}x and {row.by_plan / first.by_plan:.2f}x time for "
            f"{row.facts / first.facts:.2f}x facts); the same from all facts "
            f"{row.all_facts:.2f} s; the daily job {row.a_day:.2f} s, its check {row.check:.2f} s"
        )


def _measure(url: str, size: int) -> Taken:
    address = f"postgresql+psycopg://{url.split('://', 1)[1]}"
    upgrade(address)
    engine = connect(address)
    subscriptions = round(size / FACTS_PER_SUBSCRIPTION)
    with engine.begin() as connection:
        connection.execute(text(f"TRUNCATE {TABLES} RESTART IDENTITY"))
        connection.execute(text(MAKE), {"account": ACCOUNT, "subscriptions": subscriptions})
        connection.execute(text("TRUNCATE unsealed_facts"))
        connection.execute(text(SEAL))
        count = connection.execute(text("SELECT COUNT(*) FROM events")).scalar_one()
    _vacuum(engine)
    ledger = PostgresLedger(engine, ACCOUNT)
    day = count // DAYS
    _roll_up(ledger, count - 2 * day)
    _vacuum(engine)
    a_day = _seconds(lambda: _roll_up(ledger, count - day))
    with snapshot(ledger) as connection:
        seen = read_counts(connection, ACCOUNT, MONTH, now=NOW)
        month = min(_month(connection, None) for _ in range(RUNS))
        by_plan = min(_month(connection, GroupBy("plan", "plan")) for _ in range(RUNS))
        began = time.perf_counter()
        assert read_counts(connection, ACCOUNT, MONTH, now=NOW, sources=VIEWS) == seen
        all_facts = time.perf_counter() - began
    check = _seconds(lambda: _check_rows(ledger, count - day))
    engine.dispose()
    return Taken(count, month, by_plan, all_facts, a_day, check)


def _vacuum(engine: Engine) -> None:
    with engine.connect() as connection:
        connection.execution_options(isolation_level="AUTOCOMMIT").execute(text("VACUUM ANALYZE"))


def _roll_up(ledger: PostgresLedger, position: int) -> None:
    with ledger.begin() as tx:
        tx.kept.bring_up(position)


def _check_rows(ledger: PostgresLedger, position: int) -> None:
    with ledger.begin() as tx:
        assert tx.kept.differences(position) == []


def _seconds(work: Callable[[], object]) -> float:
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


def _month(connection: Connection, by: GroupBy | None) -> float:
    began = time.perf_counter()
    metrics = metrics_of(read_counts(connection, ACCOUNT, MONTH, by=by, now=NOW), MONTH)
    took = time.perf_counter() - began
    _check(metrics)
    return took


def _check(metrics: tuple[Metric, ...]) -> None:
    """Opening MRR and all movements are the closing MRR, in every currency and group."""
    found = {(m.currency, m.group, m.definition.name): m.value or 0 for m in metrics}
    places = {place[:2] for place in found}
    kinds = ("taken_over", "new", "reactivation", "expansion", "contraction", "pause", "resume")
    for place in places:
        moved = sum(found[*place, f"mrr_{kind}"] for kind in (*kinds, "churn"))
        assert found[*place, "mrr_start"] + moved == found[*place, "mrr_end"], place
    assert any(found[*place, "recoveries"] for place in places)
    assert all(found[*place, "customers_start"] for place in places if place[0])


if __name__ == "__main__":
    parser = argparse.ArgumentParser(prog="python -m bench.metrics_scale")
    parser.add_argument("facts", type=int, nargs="*", default=[250_000, 1_000_000])
    parser.add_argument("--cache", default=CACHE, help="PostgreSQL's shared_buffers")
    asked = parser.parse_args()
    main(asked.facts, asked.cache)
