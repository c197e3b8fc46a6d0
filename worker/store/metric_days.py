"""Each day's figures, added up from the kept rows of the views (ports.DayBook).

A day is made anew, whole, whenever a fact of it was sealed since the last run, so that running
twice, or after a crash, changes nothing.
"""

from collections.abc import Collection
from datetime import date

from sqlalchemy import Connection, delete, select, text
from sqlalchemy.dialects.postgresql import insert as upsert

from worker.ports.days import DayDifference
from worker.store.day_tables import metric_days, metric_progress

_DAY = "(COALESCE((data ->> 'booked_at')::timestamptz, time) AT TIME ZONE 'UTC')::date"
_HEAD = text("SELECT COALESCE(MAX(position), 0) FROM event_chain WHERE account_id = :account")
_CHANGED = text(f"""
    SELECT DISTINCT {_DAY} AS on_day
      FROM event_chain AS chain
      JOIN events USING (seq)
     WHERE chain.account_id = :account AND position > :since AND position <= :until
     ORDER BY 1
""")
_COLUMNS = "account_id, on_day, currency, measure, count, amount_minor"
_PARTS = (
    ("'mrr_' || kind", "SUM(sign)", "delta_minor", "kept_movements", "booked_at"),
    ("'renewals_paid'", "COUNT(*)", "amount_minor", "kept_paid_renewals", "booked_at"),
    ("'failures'", "COUNT(*)", "amount_minor", "kept_failures", "failed_at"),
    ("'recoveries'", "COUNT(*)", "recovered_minor", "kept_recoveries", "recovered_at"),
)
"""As the view `metrics.daily`: measure, count, amount, and the kept rows with their instant."""


def _daily(within: str) -> str:
    """Return a query of the days' figures from kept rows; *within* limits `{at}`."""
    return " UNION ALL ".join(
        f"""
        SELECT account_id, ({at} AT TIME ZONE 'UTC')::date AS on_day, currency,
               {measure} AS measure, {count}::bigint AS count,
               SUM({amount})::bigint AS amount_minor
          FROM {table}
         WHERE account_id = :account AND {within.format(at=at)}
         GROUP BY 1, 2, 3, 4"""
        for measure, count, amount, table, at in _PARTS
    )


_OF_DAYS = """({at} AT TIME ZONE 'UTC')::date = ANY(:days)
           AND {at} >= (SELECT MIN(day) FROM unnest(CAST(:days AS date[])) AS day)::timestamp
                       AT TIME ZONE 'UTC'
           AND {at} < (SELECT MAX(day) + 1 FROM unnest(CAST(:days AS date[])) AS day)::timestamp
                      AT TIME ZONE 'UTC'"""
_FILL = text(f"INSERT INTO metric_days ({_COLUMNS}) {_daily(_OF_DAYS)}")
_OPEN_DAYS = f"""
    SELECT {_DAY}
      FROM (SELECT seq FROM unsealed_facts WHERE account_id = :account
            UNION ALL
            SELECT seq FROM event_chain WHERE account_id = :account AND position > :until) AS behind
      JOIN events USING (seq)
"""
_DIFFERENCES = text(f"""
    WITH whole AS ({_daily("true")}),
         kept AS (SELECT * FROM metric_days WHERE account_id = :account),
         open_days AS MATERIALIZED ({_OPEN_DAYS})
    SELECT COALESCE(whole.on_day, kept.on_day) AS on_day,
           COALESCE(whole.currency, kept.currency) AS currency,
           COALESCE(whole.measure, kept.measure) AS measure
      FROM whole
      FULL JOIN kept ON kept.on_day = whole.on_day AND kept.currency = whole.currency
                    AND kept.measure = whole.measure
     WHERE (kept.count, kept.amount_minor) IS DISTINCT FROM (whole.count, whole.amount_minor)
       AND COALESCE(whole.on_day, kept.on_day) NOT IN (SELECT * FROM open_days)
     ORDER BY 1, 2, 3
""")


class MetricDays:
    """The days' figures of one account, within one transaction."""

    def __init__(self, connection: Connection, account_id: str) -> None:
        """Work on *connection*, for *account_id*."""
        self._connection = connection
        self._account = account_id

    def changed(self) -> tuple[int, list[date]]:
        """Return the last place of the chain, and the days of facts sealed since the last run."""
        asked = {"account": self._account}
        progress = (
            select(metric_progress.c.position)
            .where(metric_progress.c.account_id == self._account)
            .with_for_update()
        )
        since = self._connection.execute(progress).scalar_one_or_none() or 0
        until = self._connection.execute(_HEAD, asked).scalar_one()
        bound = asked | {"since": since, "until": until}
        return until, list(self._connection.execute(_CHANGED, bound).scalars())

    def make_anew(self, days: Collection[date]) -> None:
        """Compute these days from the kept rows."""
        self._connection.execute(
            delete(metric_days).where(
                metric_days.c.account_id == self._account, metric_days.c.on_day.in_(days)
            )
        )
        self._connection.execute(_FILL, {"account": self._account, "days": list(days)})

    def reached(self, position: int) -> None:
        """Remember how far the chain has been rolled up."""
        self._connection.execute(
            upsert(metric_progress)
            .values(account_id=self._account, position=position)
            .on_conflict_do_update(index_elements=["account_id"], set_={"position": position})
        )

    def differences(self, until: int) -> list[DayDifference]:
        """Return where the days differ from the kept rows.

        Days of facts behind *until* are left alone.
        """
        bound = {"account": self._account, "until": until}
        rows = self._connection.execute(_DIFFERENCES, bound)
        return [DayDifference(row.on_day, row.currency, row.measure) for row in rows]
