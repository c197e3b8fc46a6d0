"""What the money report tells beside the metrics: failures, churn and letters by group. Read only.

From the views of schema `metrics` and the facts themselves, so that sums tie out with the metrics.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, RowMapping, text

from worker.domain.metric import Period
from worker.store.metric_sources import KEPT, Sources
from worker.store.metrics_groups import parameters


@dataclass(frozen=True, slots=True)
class FailureGroup:
    """Invoices that first failed in the period and share everything named here."""

    currency: str
    decline_class: str
    """Empty where no failure is told yet."""
    decline_code: str
    worked: bool
    """A letter went out, or a charge of ours was answered, while nobody had paid."""
    standing: str
    """How they stand now: `paid`, `open`, or how the case closed."""
    count: int
    amount_minor: int
    recovered_minor: int
    """What came in and stayed until now."""


@dataclass(frozen=True, slots=True)
class ChurnGroup:
    """Customers lost in the period for one reason; what was taken back is subtracted."""

    currency: str
    kind: str
    reason: str
    during_dunning: bool
    count: int
    mrr_minor: int


@dataclass(frozen=True, slots=True)
class LetterGroup:
    """Letters of one kind in the period; they have no currency, as some are about no payment."""

    notice: str
    sent: int
    suppressed: int
    failed: int
    unknown: int
    asked: int
    """Sent while the case was open and unpaid."""
    paid_next: int
    """Of these: paid before any further letter, and still paid now."""


def read_failure_groups(
    connection: Connection, account_id: str, period: Period, sources: Sources, *, now: datetime
) -> list[FailureGroup]:
    """Return what became, until *now*, of the invoices that first failed in the period."""
    rows = _rows(connection, _FAILURES, sources, parameters(account_id, period, now=now))
    return [FailureGroup(**row) for row in rows]


def read_churn_groups(
    connection: Connection, account_id: str, period: Period, sources: Sources
) -> list[ChurnGroup]:
    """Return who was lost; all `mrr_minor` together is the metric `mrr_churn`, sign turned."""
    rows = _rows(connection, _CHURN, sources, parameters(account_id, period))
    return [ChurnGroup(**row) for row in rows]


def read_letter_groups(
    connection: Connection, account_id: str, period: Period, sources: Sources, *, now: datetime
) -> list[LetterGroup]:
    """Return the letters of the period by kind, with what followed until *now*."""
    rows = _rows(connection, _LETTERS, sources, parameters(account_id, period, now=now))
    return [LetterGroup(**row) for row in rows]


def _rows(
    connection: Connection, query: str, sources: Sources, bound: dict[str, object]
) -> Sequence[RowMapping]:
    views = {view: sources.of(view) for view in KEPT}
    rows = connection.execute(text(query.format(**views)), bound | sources.bound())
    return rows.mappings().all()


_FAILURES = """
WITH cohort AS MATERIALIZED (
  SELECT currency, case_name, amount_minor
    FROM {failures} AS failures
   WHERE account_id = :account AND failed_at >= :from_at AND failed_at < :to_at
), reasons AS (
  SELECT DISTINCT ON (events.subject) events.subject AS case_name,
         events.data ->> 'decline_class' AS decline_class,
         events.data ->> 'decline_code' AS decline_code
    FROM events
    JOIN cohort ON cohort.case_name = events.subject
   WHERE events.account_id = :account AND events.type = 'payment.failed' AND events.time <= :now
   ORDER BY events.subject, events.time, events.seq
), back AS (
  SELECT case_name, MIN(recovered_at) AS recovered_at, SUM(recovered_minor) AS recovered_minor
    FROM {recoveries} AS recoveries
   WHERE account_id = :account AND recovered_at <= :now
     AND (undone_at IS NULL OR undone_at > :now)
   GROUP BY 1
), spans AS (
  SELECT DISTINCT ON (case_name) case_name,
         CASE WHEN closed_at <= :now THEN closed_at END AS closed_at,
         CASE WHEN closed_at <= :now THEN outcome ELSE 'open' END AS outcome
    FROM {case_spans} AS case_spans
   WHERE account_id = :account AND opened_at <= :now
   ORDER BY case_name, opened_at DESC
), worked AS (
  SELECT DISTINCT events.subject AS case_name
    FROM events
    JOIN cohort ON cohort.case_name = events.subject
    LEFT JOIN back ON back.case_name = cohort.case_name
    LEFT JOIN spans ON spans.case_name = cohort.case_name
   WHERE events.account_id = :account
     AND events.time <= LEAST(COALESCE(back.recovered_at, :now), COALESCE(spans.closed_at, :now))
     AND (events.type = 'notice.sent'
          OR (events.type = 'payment.retried'
              AND COALESCE(events.data ->> 'kind', 'charge') = 'charge'
              AND events.data ->> 'outcome' IN ('succeeded', 'declined')))
)
SELECT cohort.currency,
       COALESCE(reasons.decline_class, '') AS decline_class,
       COALESCE(reasons.decline_code, '') AS decline_code,
       worked.case_name IS NOT NULL AS worked,
       CASE WHEN back.case_name IS NOT NULL THEN 'paid'
            ELSE COALESCE(spans.outcome, 'open') END AS standing,
       COUNT(*) AS count,
       SUM(cohort.amount_minor)::bigint AS amount_minor,
       COALESCE(SUM(back.recovered_minor), 0)::bigint AS recovered_minor
  FROM cohort
  LEFT JOIN reasons USING (case_name)
  LEFT JOIN back USING (case_name)
  LEFT JOIN spans USING (case_name)
  LEFT JOIN worked USING (case_name)
 GROUP BY 1, 2, 3, 4, 5
 ORDER BY 1, 2, 3, 4, 5
"""

_CHURN = """
SELECT currency, churn_kind AS kind, churn_reason AS reason, during_dunning,
       SUM(sign)::bigint AS count, -SUM(delta_minor)::bigint AS mrr_minor
  FROM {movements} AS movements
 WHERE account_id = :account AND booked_at >= :from_at AND booked_at < :to_at AND kind = 'churn'
 GROUP BY 1, 2, 3, 4
HAVING SUM(sign) <> 0 OR SUM(delta_minor) <> 0
 ORDER BY 1, 2, 3, 4
"""

_LETTERS = """
WITH told AS (
  SELECT data ->> 'notice' AS notice,
         COUNT(*) FILTER (WHERE type = 'notice.sent') AS sent,
         COUNT(*) FILTER (WHERE type = 'notice.suppressed') AS suppressed,
         COUNT(*) FILTER (WHERE type = 'notice.failed') AS failed,
         COUNT(*) FILTER (WHERE type = 'notice.unknown') AS unknown
    FROM events
   WHERE account_id = :account AND time >= :from_at AND time < :to_at AND time <= :now
     AND type IN ('notice.sent', 'notice.suppressed', 'notice.failed', 'notice.unknown')
   GROUP BY 1
), sent AS (
  SELECT subject AS case_name, data ->> 'notice' AS notice, time,
         LEAD(time) OVER (PARTITION BY subject ORDER BY time, seq) AS next_at
    FROM events
   WHERE account_id = :account AND type = 'notice.sent' AND data ->> 'case' = subject
     AND time >= :from_at AND time <= :now
), spans AS MATERIALIZED (
  SELECT case_name, opened_at, closed_at
    FROM {case_spans} AS case_spans
   WHERE account_id = :account AND opened_at < :to_at
), back AS MATERIALIZED (
  SELECT case_name, recovered_at
    FROM {recoveries} AS recoveries
   WHERE account_id = :account AND recovered_at >= :from_at AND recovered_at <= :now
     AND (undone_at IS NULL OR undone_at > :now)
), asked AS (
  SELECT sent.notice, BOOL_OR(back.case_name IS NOT NULL) AS paid
    FROM sent
    JOIN spans
      ON spans.case_name = sent.case_name AND spans.opened_at <= sent.time
     AND (spans.closed_at IS NULL OR spans.closed_at > sent.time)
    LEFT JOIN back
      ON back.case_name = sent.case_name AND back.recovered_at >= sent.time
     AND (sent.next_at IS NULL OR back.recovered_at < sent.next_at)
   WHERE sent.time < :to_at
   GROUP BY sent.case_name, sent.notice, sent.time
)
SELECT told.notice, told.sent, told.suppressed, told.failed, told.unknown,
       COUNT(asked.notice) AS asked,
       COUNT(*) FILTER (WHERE asked.paid) AS paid_next
  FROM told
  LEFT JOIN asked ON asked.notice = told.notice
 GROUP BY 1, 2, 3, 4, 5
 ORDER BY told.sent DESC, told.notice
"""
