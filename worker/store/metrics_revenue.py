"""Recurring revenue and customers of a period, from the views of schema `metrics`. Read only."""

from collections.abc import Mapping
from typing import Any

from sqlalchemy import Connection, RowMapping, text

from worker.domain.metric import Period
from worker.domain.metric_counts import RevenueCounts
from worker.domain.metrics_revenue import MOVES
from worker.store.metric_sources import Sources
from worker.store.metrics_groups import Groups, everything

Place = tuple[str, str]
"""Currency and group."""


def read_revenue(
    connection: Connection, account_id: str, period: Period, groups: Groups, sources: Sources
) -> list[RevenueCounts]:
    """Return the counts of each currency and group that ever had a subscription, in that order."""
    bound = everything(account_id, period, groups, sources)
    moved = _rows(connection, _moved_query(groups, sources), bound)
    paid = _rows(connection, _paid_query(groups, sources), bound)
    return [_counts(place, row, paid.get(place, {})) for place, row in sorted(moved.items())]


def _rows(
    connection: Connection, query: str, bound: Mapping[str, object]
) -> dict[Place, RowMapping]:
    rows = connection.execute(text(query), dict(bound)).mappings()
    return {(row["currency"], row["grp"]): row for row in rows}


_OVERDUE = """
      SELECT DISTINCT subscription_id, true AS owes
        FROM {case_spans} AS spans
       WHERE account_id = :account AND opened_at < :to_at
         AND (closed_at IS NULL OR closed_at >= :to_at)
         AND (due_at IS NULL OR due_at < :to_at)"""
"""Subscriptions with a payment that is overdue at the period's end."""

_TOTALS = """
           SUM(opening)::bigint AS opening,
           SUM(closing)::bigint AS closing,
           SUM(at_risk)::bigint AS at_risk,
           SUM(late)::bigint AS late,
           SUM(involuntary)::bigint AS involuntary,
           COALESCE(SUM(LEAST(base, closing)) FILTER (WHERE base > 0), 0)::bigint AS kept,
           COALESCE(SUM(closing) FILTER (WHERE base > 0), 0)::bigint AS cohort_closing,
           COUNT(*) FILTER (WHERE there_before) AS customers_opening,
           COUNT(*) FILTER (WHERE there_after) AS customers_closing,
           COUNT(*) FILTER (WHERE base > 0) AS paying_base,
           COUNT(*) FILTER (WHERE closing > 0) AS paying_closing,
           COUNT(*) FILTER (WHERE found AND NOT there_before) AS taken_over,
           COUNT(*) FILTER (WHERE (there_before OR found) AND NOT there_after) AS lost,
           COUNT(*) FILTER (WHERE (there_before OR found) AND NOT there_after
                              AND churn_kind = 'involuntary') AS lost_involuntary,
           COUNT(*) FILTER (WHERE NOT there_before AND NOT found AND there_after) AS appeared,
           COUNT(*) FILTER (WHERE NOT there_before AND NOT found AND began) AS joined,
           COUNT(*) FILTER (WHERE NOT there_before AND NOT found AND began
                              AND NOT there_after) AS joined_lost"""
"""Sums over customers: who was there at the beginning, or taken over, is the base of rates."""


def _moved_query(groups: Groups, sources: Sources) -> str:
    grouped, join, grp = groups.parts()
    by_kind = ",\n".join(
        f"COALESCE(SUM(delta_minor) FILTER (WHERE inside AND kind = '{kind}'), 0) AS {kind}_minor"
        for kind in MOVES
    )
    sums = ",\n".join(f"SUM({kind}_minor)::bigint AS {kind}_minor" for kind in MOVES)
    return f"""
    WITH {grouped}
    overdue AS ({_OVERDUE.format(case_spans=sources.of("case_spans"))}), moved AS (
      SELECT x.*, {grp} AS grp, booked_at >= :from_at AS inside, overdue.owes
        FROM {sources.of("movements")} AS x {join}
        LEFT JOIN overdue USING (subscription_id)
       WHERE x.account_id = :account AND x.booked_at < :to_at
    ), customers AS (
      SELECT currency, grp, customer_id,
             COALESCE(SUM(delta_minor) FILTER (WHERE NOT inside), 0) AS opening,
             COALESCE(SUM(delta_minor) FILTER (
               WHERE NOT inside OR kind = 'taken_over'), 0) AS base,
             SUM(delta_minor) AS closing,
             COALESCE(SUM(delta_minor) FILTER (WHERE owes), 0) AS at_risk,
             COALESCE(SUM(live_change) FILTER (WHERE NOT inside), 0) > 0 AS there_before,
             COALESCE(SUM(live_change) FILTER (
               WHERE inside AND kind = 'taken_over'), 0) > 0 AS found,
             SUM(live_change) > 0 AS there_after,
             COALESCE(BOOL_OR(inside AND live_change > 0 AND sign > 0
                              AND type <> 'subscription.found'), false) AS began,
             (ARRAY_AGG(churn_kind ORDER BY booked_at DESC, seq DESC)
                FILTER (WHERE churn_kind <> '' AND sign > 0))[1] AS churn_kind,
             COALESCE(SUM(delta_minor) FILTER (
               WHERE inside AND kind = 'reactivation'
                 AND return_kind = 'recovered_late'), 0) AS late,
             COALESCE(SUM(delta_minor) FILTER (
               WHERE inside AND kind = 'churn' AND churn_kind = 'involuntary'), 0) AS involuntary,
             {by_kind}
        FROM moved
       GROUP BY 1, 2, 3
    )
    SELECT currency, grp,
           {_TOTALS},
           {sums}
      FROM customers
     GROUP BY 1, 2
    """


def _paid_query(groups: Groups, sources: Sources) -> str:
    grouped, join, grp = groups.parts()
    return f"""
    WITH {grouped}
    paid AS (
      SELECT x.*, {grp} AS grp
        FROM {sources.of("paid_renewals")} AS x {join}
       WHERE x.account_id = :account AND x.booked_at >= :from_at AND x.booked_at < :to_at
    )
    SELECT currency, grp, COUNT(*) AS payments, SUM(amount_minor)::bigint AS payments_minor,
           COUNT(DISTINCT customer_id) AS payers
      FROM paid
     GROUP BY 1, 2
    """


def _counts(place: Place, row: RowMapping, paid: Mapping[Any, Any]) -> RevenueCounts:
    currency, group = place
    return RevenueCounts(
        currency,
        group,
        opening_minor=row["opening"],
        closing_minor=row["closing"],
        moved_minor={kind: row[f"{kind}_minor"] for kind in MOVES},
        recovered_late_minor=row["late"],
        churned_involuntary_minor=row["involuntary"],
        kept_minor=row["kept"],
        cohort_closing_minor=row["cohort_closing"],
        at_risk_minor=row["at_risk"],
        customers_opening=row["customers_opening"],
        customers_closing=row["customers_closing"],
        customers_taken_over=row["taken_over"],
        customers_paying_base=row["paying_base"],
        customers_paying_closing=row["paying_closing"],
        customers_lost=row["lost"],
        customers_lost_involuntary=row["lost_involuntary"],
        customers_new=row["appeared"],
        customers_joined=row["joined"],
        customers_joined_and_lost=row["joined_lost"],
        payments=paid.get("payments", 0),
        payments_minor=paid.get("payments_minor", 0),
        payers=paid.get("payers", 0),
    )
