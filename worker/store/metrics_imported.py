"""Imported figures of a period, from the views of schema `metrics`. Read only."""

from collections import defaultdict
from collections.abc import Iterator
from datetime import datetime
from fractions import Fraction

from sqlalchemy import Connection, text

from worker.domain.comments import Comment
from worker.domain.metric import Period
from worker.domain.metric_counts import (
    CostCounts,
    HealthCounts,
    SurveyCounts,
    TicketCounts,
    VoiceCounts,
)
from worker.store.metrics_groups import CUSTOMER, Groups, parameters


def read_voices(
    connection: Connection, account_id: str, period: Period, groups: Groups
) -> list[VoiceCounts]:
    """Return the answers of the period by group of their customer."""
    grouped, join, grp = groups.parts(CUSTOMER)
    query = f"""
    WITH {grouped}
    given AS (
      SELECT x.survey, x.score, x.standing, {grp} AS grp
        FROM metrics.survey_answers AS x {join}
       WHERE x.account_id = :account AND x.answered_at >= :from_at AND x.answered_at < :to_at
    )
    SELECT grp, survey, SUM(score)::bigint AS score_sum,
           COUNT(*) FILTER (WHERE standing = 'promoter') AS promoters,
           COUNT(*) FILTER (WHERE standing = 'passive') AS passives,
           COUNT(*) FILTER (WHERE standing = 'detractor') AS detractors
      FROM given
     GROUP BY 1, 2
     ORDER BY 1, 2
    """
    found: dict[str, dict[str, SurveyCounts]] = defaultdict(dict)
    for row in connection.execute(
        text(query), parameters(account_id, period) | groups.bound(CUSTOMER)
    ).mappings():
        found[row["grp"]][row["survey"]] = SurveyCounts(
            promoters=row["promoters"],
            passives=row["passives"],
            detractors=row["detractors"],
            score_sum=row["score_sum"],
        )
    return [VoiceCounts(group, surveys) for group, surveys in found.items()]


def read_tickets(
    connection: Connection, account_id: str, period: Period, groups: Groups, *, now: datetime
) -> list[TicketCounts]:
    """Return the tickets opened or resolved in the period, by group of their customer."""
    grouped, join, grp = groups.parts(CUSTOMER)
    query = f"""
    WITH {grouped}
    seen AS (
      SELECT x.*, {grp} AS grp,
             x.opened_at >= :from_at AND x.opened_at < :to_at AS opened_inside,
             COALESCE(x.resolved_at <= :now, false) AS is_resolved,
             COALESCE(x.resolved_at >= :from_at AND x.resolved_at < :to_at
                      AND x.resolved_at <= :now, false) AS resolved_inside
        FROM metrics.tickets AS x {join}
       WHERE x.account_id = :account AND x.opened_at < :to_at
    )
    SELECT grp,
           COUNT(*) FILTER (WHERE opened_inside) AS opened,
           COUNT(*) FILTER (WHERE opened_inside AND is_resolved AND contacts = 1) AS at_once,
           COUNT(*) FILTER (WHERE opened_inside AND NOT is_resolved) AS still_open,
           COUNT(*) FILTER (WHERE resolved_inside) AS resolved,
           COALESCE(SUM(EXTRACT(EPOCH FROM resolved_at - opened_at))
                      FILTER (WHERE resolved_inside), 0)::bigint AS seconds
      FROM seen
     WHERE opened_inside OR resolved_inside
     GROUP BY 1
     ORDER BY 1
    """
    bound = parameters(account_id, period, now=now) | groups.bound(CUSTOMER)
    return [
        TicketCounts(
            row["grp"],
            opened=row["opened"],
            resolved_at_once=row["at_once"],
            still_open=row["still_open"],
            resolved=row["resolved"],
            resolution_seconds=row["seconds"],
        )
        for row in connection.execute(text(query), bound).mappings()
    ]


def read_health(
    connection: Connection, account_id: str, period: Period, groups: Groups
) -> list[HealthCounts]:
    """Return each customer's last score of the period, by group and definition's version."""
    grouped, join, grp = groups.parts(CUSTOMER)
    query = f"""
    WITH {grouped}
    last AS (
      SELECT DISTINCT ON (x.customer_id) x.weighted, x.weight_present, {grp} AS grp
        FROM metrics.health_scores AS x {join}
       WHERE x.account_id = :account AND x.measured_at >= :from_at AND x.measured_at < :to_at
       ORDER BY x.customer_id, x.measured_at DESC, x.import_id DESC
    )
    SELECT grp, weight_present, SUM(weighted) AS weighted, COUNT(*) AS customers
      FROM last
     GROUP BY 1, 2
     ORDER BY 1, 2
    """
    found: dict[str, dict[int, tuple[Fraction, int]]] = defaultdict(dict)
    for row in connection.execute(
        text(query), parameters(account_id, period) | groups.bound(CUSTOMER)
    ).mappings():
        weighed = (Fraction(row["weighted"]), row["customers"])
        found[row["grp"]][row["weight_present"]] = weighed
    return [HealthCounts(group, weighed) for group, weighed in found.items()]


def read_costs(connection: Connection, account_id: str, period: Period) -> list[CostCounts]:
    """Return what was spent in the period on keeping customers, by currency."""
    query = """
    SELECT currency, SUM(amount_minor)::bigint AS amount_minor
      FROM metrics.retention_costs
     WHERE account_id = :account AND spent_at >= :from_at AND spent_at < :to_at
     GROUP BY 1
     ORDER BY 1
    """
    rows = connection.execute(text(query), parameters(account_id, period)).mappings()
    return [CostCounts(row["currency"], row["amount_minor"]) for row in rows]


def read_comments(connection: Connection, account_id: str, period: Period) -> Iterator[Comment]:
    """Yield the comments of the period, oldest first."""
    query = """
    SELECT survey, score, standing, answered_at, comment
      FROM metrics.survey_answers
     WHERE account_id = :account AND answered_at >= :from_at AND answered_at < :to_at
       AND comment <> ''
     ORDER BY answered_at, row_key
    """
    rows = connection.execute(text(query), parameters(account_id, period)).mappings()
    for row in rows:
        yield Comment(
            row["survey"], row["score"], row["standing"], row["answered_at"], row["comment"]
        )
