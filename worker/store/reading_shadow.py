"""What `mode: watch` would have done, case by case, beside what happened at Stripe. Read only."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, text

from worker.domain.metric import Period
from worker.store.metric_sources import read_sources
from worker.store.metrics_groups import parameters


@dataclass(frozen=True, slots=True)
class ShadowCase:
    """One case with acts that were only watched in the period."""

    case_id: int
    currency: str
    amount_minor: int
    """What was owed when the first of them fell due."""
    charges: int
    first_charge_at: datetime | None
    letters: int
    other: int
    """Changes of access."""
    ending_at: datetime | None
    """When the subscription would have been ended."""
    stripe_tries: int
    """Charges after the first failure, until now, by Stripe or by the customer on its pages:
    Stripe's events do not tell the two apart."""
    paid_at: datetime | None
    """When it was paid, by anybody in any way; None where it is not, or the money went back."""
    paid_minor: int
    standing: str
    """`paid`, `open`, or how the case closed."""


def read_shadow(
    connection: Connection, account_id: str, period: Period, *, now: datetime
) -> list[ShadowCase]:
    """Return the cases with acts that were watched in the period, as they stand *now*."""
    sources = read_sources(connection, account_id)
    query = _CASES.format(recoveries=sources.of("recoveries"))
    bound = parameters(account_id, period, now=now) | sources.bound()
    rows = connection.execute(text(query), bound)
    return [ShadowCase(**row) for row in rows.mappings()]


def read_shadow_letters(
    connection: Connection, account_id: str, period: Period
) -> list[tuple[str, int]]:
    """Return how many letters of each kind would have gone out, also those that dates ask for."""
    rows = connection.execute(text(_LETTERS), parameters(account_id, period))
    return [(row["notice"], row["count"]) for row in rows.mappings()]


_CASES = """
WITH acts AS (
  SELECT case_id,
         (ARRAY_AGG(currency ORDER BY at, occasion))[1] AS currency,
         (ARRAY_AGG(amount_minor ORDER BY at, occasion))[1] AS amount_minor,
         COUNT(*) FILTER (WHERE act = 'charge') AS charges,
         MIN(at) FILTER (WHERE act = 'charge') AS first_charge_at,
         COUNT(*) FILTER (WHERE act = 'letter') AS letters,
         COUNT(*) FILTER (WHERE act = 'access') AS other,
         MIN(at) FILTER (WHERE act = 'ending') AS ending_at
    FROM watched_acts
   WHERE account_id = :account AND case_id IS NOT NULL AND at >= :from_at AND at < :to_at
   GROUP BY 1
), intents AS (
  SELECT DISTINCT acts.case_id, known.payment_intent_id
    FROM acts
    JOIN events
      ON events.account_id = :account AND events.type = 'payment.failed'
     AND events.subject = 'C-' || acts.case_id
    JOIN network_attempts AS known
      ON known.account_id = :account AND known.charge_id = events.data ->> 'charge_id'
   WHERE known.payment_intent_id <> ''
), tried AS (
  SELECT intents.case_id, COUNT(*) AS stripe_tries
    FROM intents
    JOIN cases ON cases.id = intents.case_id
    JOIN network_attempts AS tries
      ON tries.account_id = :account AND tries.payment_intent_id = intents.payment_intent_id
     AND tries.made_by = 'stripe' AND tries.at > cases.failed_at AND tries.at <= :now
   GROUP BY 1
), back AS (
  SELECT case_name, MIN(recovered_at) AS paid_at, SUM(recovered_minor) AS paid_minor
    FROM {recoveries} AS recoveries
   WHERE account_id = :account AND recovered_at <= :now
     AND (undone_at IS NULL OR undone_at > :now)
   GROUP BY 1
)
SELECT acts.*,
       COALESCE(tried.stripe_tries, 0) AS stripe_tries,
       back.paid_at,
       COALESCE(back.paid_minor, 0)::bigint AS paid_minor,
       CASE WHEN back.case_name IS NOT NULL THEN 'paid'
            WHEN cases.closed_at IS NULL THEN 'open'
            ELSE COALESCE(cases.outcome, 'open') END AS standing
  FROM acts
  JOIN cases ON cases.id = acts.case_id AND cases.account_id = :account
  LEFT JOIN tried ON tried.case_id = acts.case_id
  LEFT JOIN back ON back.case_name = 'C-' || acts.case_id
 ORDER BY acts.case_id
"""

_LETTERS = """
SELECT notice, COUNT(*) AS count
  FROM watched_acts
 WHERE account_id = :account AND act = 'letter' AND at >= :from_at AND at < :to_at
 GROUP BY 1
 ORDER BY 2 DESC, 1
"""
