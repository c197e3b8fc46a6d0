"""Each day's figures, rolled up from sealed facts (ports.DayBook).

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
      FROM events
      JOIN event_chain AS chain ON chain.seq = events.seq AND chain.account_id = events.account_id
     WHERE events.account_id = :account AND position > :since AND position <= :until
     ORDER BY 1
""")
_FILL = text("""
    INSERT INTO metric_days (account_id, on_day, currency, measure, count, amount_minor)
    SELECT account_id, on_day, currency, measure, count, amount_minor
      FROM metrics.daily
     WHERE account_id = :account AND on_day = ANY(:days)
""")
_OPEN_DAYS = f"""
    SELECT {_DAY}
      FROM events
      LEFT JOIN event_chain AS chain ON chain.seq = events.seq
     WHERE events.account_id = :account AND (chain.position IS NULL OR chain.position > :until)
"""
_DIFFERENCES = text(f"""
    WITH whole AS (SELECT * FROM metrics.daily WHERE account_id = :account),
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
        """Compute these days from the facts."""
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
        """Return where the kept days differ from the facts; days of facts behind *until* alone."""
        bound = {"account": self._account, "until": until}
        rows = self._connection.execute(_DIFFERENCES, bound)
        return [DayDifference(row.on_day, row.currency, row.measure) for row in rows]
