"""Renewals, failures and recoveries of a period, from the views of schema `metrics`. Read only."""

from collections import defaultdict
from datetime import datetime

from sqlalchemy import Connection, RowMapping, text

from worker.domain.metric import Period
from worker.domain.metric_counts import (
    CreditCounts,
    FailureCounts,
    HorizonCounts,
    RecoveryCounts,
    RenewalCounts,
)
from worker.domain.metrics_payments import HORIZON_DAYS, LATE_DAYS_MAX
from worker.store.metric_sources import Sources
from worker.store.metrics_groups import Groups, everything


def read_renewals(
    connection: Connection,
    account_id: str,
    period: Period,
    groups: Groups,
    sources: Sources,
    *,
    now: datetime,
) -> list[RenewalCounts]:
    """Return the renewals due in the period and not after *now*, by currency and group."""
    grouped, join, grp = groups.parts()
    query = f"""
    WITH {grouped}
    due AS (
      SELECT x.*, {grp} AS grp,
             COALESCE(renewed_at <= :now AND renewed_at < due_at + make_interval(days => :late),
                      false) AS renewed,
             due_at + make_interval(days => :late) > :now AS may_come
        FROM {sources.of("renewals")} AS x {join}
       WHERE x.account_id = :account AND x.due_at >= :from_at AND x.due_at < :to_at
         AND x.due_at <= :now
    )
    SELECT currency, grp, COUNT(*) AS due,
           COUNT(*) FILTER (WHERE renewed) AS renewed,
           COUNT(*) FILTER (WHERE renewed AND on_time) AS on_time,
           COUNT(*) FILTER (WHERE NOT renewed AND may_come
                              AND (churned_at IS NULL OR churned_at > :now)) AS pending
      FROM due
     GROUP BY 1, 2
     ORDER BY 1, 2
    """
    bound = everything(account_id, period, groups, sources, now=now, late=LATE_DAYS_MAX)
    return [
        RenewalCounts(
            row["currency"],
            row["grp"],
            due=row["due"],
            renewed=row["renewed"],
            renewed_on_time=row["on_time"],
            pending=row["pending"],
        )
        for row in connection.execute(text(query), bound).mappings()
    ]


def read_failures(
    connection: Connection,
    account_id: str,
    period: Period,
    groups: Groups,
    sources: Sources,
    *,
    now: datetime,
) -> list[FailureCounts]:
    """Return first attempts of the period and what became of those that failed, until *now*."""
    attempted = {
        (row["currency"], row["grp"]): row
        for row in connection.execute(
            text(_attempted_query(groups, sources)), everything(account_id, period, groups, sources)
        ).mappings()
    }
    failed = {
        (row["currency"], row["grp"]): row
        for row in connection.execute(
            text(_cohort_query(groups, sources)),
            everything(account_id, period, groups, sources, now=now),
        ).mappings()
    }
    found = []
    for place in sorted({*attempted, *failed}):
        tried, cohort = attempted.get(place), failed.get(place)
        found.append(
            FailureCounts(
                *place,
                attempted=tried["attempted"] if tried is not None else 0,
                attempted_failed=tried["failed"] if tried is not None else 0,
                failed=cohort["failed"] if cohort is not None else 0,
                failed_minor=cohort["failed_minor"] if cohort is not None else 0,
                horizons=tuple(_horizon(days, cohort) for days in HORIZON_DAYS),
            )
        )
    return found


def _horizon(days: int, row: RowMapping | None) -> HorizonCounts:
    if row is None:
        return HorizonCounts(days, 0, 0, 0)
    return HorizonCounts(
        days, row[f"recovered_{days}"], row[f"recovered_minor_{days}"], row[f"pending_{days}"]
    )


def _attempted_query(groups: Groups, sources: Sources) -> str:
    grouped, join, grp = groups.parts()
    return f"""
    WITH {grouped}
    tried AS (
      SELECT x.currency, x.failed, {grp} AS grp
        FROM {sources.of("first_attempts")} AS x {join}
       WHERE x.account_id = :account AND x.attempted_at >= :from_at AND x.attempted_at < :to_at
    )
    SELECT currency, grp, COUNT(*) AS attempted, COUNT(*) FILTER (WHERE failed) AS failed
      FROM tried
     GROUP BY 1, 2
    """


def _cohort_query(groups: Groups, sources: Sources) -> str:
    """Each failed invoice, with what had been recovered of it at each horizon, or by now."""
    grouped, join, grp = groups.parts()
    stood = ",\n".join(
        f"""COALESCE(MAX(back.recovered_minor) FILTER (WHERE {_stood(days)}), 0) AS minor_{days},
            COALESCE(BOOL_OR({_stood(days)}), false) AS recovered_{days},
            x.failed_at + interval '{days} days' > :now AS may_come_{days}"""
        for days in HORIZON_DAYS
    )
    sums = ",\n".join(
        f"""COUNT(*) FILTER (WHERE recovered_{days}) AS recovered_{days},
            SUM(minor_{days})::bigint AS recovered_minor_{days},
            COUNT(*) FILTER (WHERE NOT recovered_{days} AND may_come_{days} AND is_open)
            AS pending_{days}"""
        for days in HORIZON_DAYS
    )
    return f"""
    WITH {grouped}
    open_now AS (
      SELECT DISTINCT case_name
        FROM {sources.of("case_spans")} AS spans
       WHERE account_id = :account AND opened_at <= :now
         AND (closed_at IS NULL OR closed_at > :now)
    ), cohort AS (
      SELECT x.currency, {grp} AS grp, x.case_name, x.amount_minor, x.failed_at,
             open_now.case_name IS NOT NULL AS is_open, {stood}
        FROM {sources.of("failures")} AS x {join}
        LEFT JOIN {sources.of("recoveries")} AS back
          ON back.account_id = x.account_id AND back.case_name = x.case_name
        LEFT JOIN open_now ON open_now.case_name = x.case_name
       WHERE x.account_id = :account AND x.failed_at >= :from_at AND x.failed_at < :to_at
       GROUP BY 1, 2, 3, 4, 5, 6
    )
    SELECT currency, grp, COUNT(*) AS failed, SUM(amount_minor)::bigint AS failed_minor, {sums}
      FROM cohort
     GROUP BY 1, 2
    """


def _stood(days: int) -> str:
    """Return the condition that a recovery had come by that day, or by now, and stayed."""
    horizon = f"x.failed_at + interval '{days} days'"
    return f"""back.recovered_at <= :now AND back.recovered_at < {horizon}
               AND (back.undone_at IS NULL OR back.undone_at > :now
                    OR back.undone_at >= {horizon})"""


def read_recoveries(
    connection: Connection, account_id: str, period: Period, groups: Groups, sources: Sources
) -> list[RecoveryCounts]:
    """Return what came in during the period and stayed until its end, by currency and group."""
    grouped, join, grp = groups.parts()
    query = f"""
    WITH {grouped}
    came AS (
      SELECT x.*, {grp} AS grp
        FROM {sources.of("recoveries")} AS x {join}
       WHERE x.account_id = :account AND x.recovered_at >= :from_at AND x.recovered_at < :to_at
         AND (x.undone_at IS NULL OR x.undone_at >= :to_at)
    )
    SELECT currency, grp, credited_to, COUNT(*) AS count,
           SUM(recovered_minor)::bigint AS amount_minor,
           SUM(tries)::bigint AS tries, SUM(letters)::bigint AS letters,
           SUM(EXTRACT(EPOCH FROM recovered_at - failed_at))::bigint AS seconds
      FROM came
     GROUP BY 1, 2, 3
     ORDER BY 1, 2, 3
    """
    found: dict[tuple[str, str], dict[str, CreditCounts]] = defaultdict(dict)
    for row in connection.execute(
        text(query), everything(account_id, period, groups, sources)
    ).mappings():
        found[row["currency"], row["grp"]][row["credited_to"]] = CreditCounts(
            row["count"], row["amount_minor"], row["tries"], row["letters"], row["seconds"]
        )
    return [RecoveryCounts(*place, credited) for place, credited in found.items()]
