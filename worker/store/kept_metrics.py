"""Brings the kept rows of the metrics' views up to date, and checks them against all facts."""

from collections.abc import Collection, Mapping

from sqlalchemy import Connection, String, any_, delete, literal, select, text
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.dialects.postgresql import insert as upsert

from worker.ports.days import RowDifference
from worker.store.kept_tables import (
    kept_case_spans,
    kept_failures,
    kept_movements,
    kept_paid_renewals,
    kept_progress,
    kept_recoveries,
    kept_renewals,
    kept_terms,
)
from worker.store.metric_sources import CONCERNED, KEPT, Kept, concerned

_TAKEN_OUT = {
    "movements": delete(kept_movements),
    "subscription_facts": delete(kept_terms),
    "paid_renewals": delete(kept_paid_renewals),
    "renewals": delete(kept_renewals),
    "case_spans": delete(kept_case_spans),
    "failures": delete(kept_failures),
    "recoveries": delete(kept_recoveries),
}


class KeptMetrics:
    """The kept rows of one account, within one transaction."""

    def __init__(self, connection: Connection, account_id: str) -> None:
        """Work on *connection*, for *account_id*."""
        self._connection = connection
        self._account = account_id

    def bring_up(self, until: int) -> None:
        """Compute anew whom facts since the last run concern, up to place *until*."""
        progress = (
            select(kept_progress.c.position)
            .where(kept_progress.c.account_id == self._account)
            .with_for_update()
        )
        since = self._connection.execute(progress).scalar_one_or_none()
        if since is None:
            self._fill()
        else:
            names = concerned(self._connection, self._account, since=since, until=until)
            for kept in KEPT.values():
                self._make_anew(kept, names[kept.key])
        self._connection.execute(
            upsert(kept_progress)
            .values(account_id=self._account, position=until)
            .on_conflict_do_update(index_elements=["account_id"], set_={"position": until})
        )

    def _fill(self) -> None:
        for kept in KEPT.values():
            self._connection.execute(
                _TAKEN_OUT[kept.view].where(kept.table.c.account_id == self._account)
            )
            rows = f"SELECT {kept.columns} FROM metrics.{kept.view} WHERE account_id = :account"
            self._insert(kept, rows, {})

    def _make_anew(self, kept: Kept, names: Collection[str]) -> None:
        if not names:
            return
        key = kept.table.c[kept.key]
        self._connection.execute(
            _TAKEN_OUT[kept.view].where(
                kept.table.c.account_id == self._account,
                key == any_(literal(list(names), ARRAY(String))),
            )
        )
        self._insert(kept, kept.of_keys(), {f"behind_{kept.key}": list(names)})

    def _insert(self, kept: Kept, rows: str, bound: Mapping[str, object]) -> None:
        statement = text(f"INSERT INTO {kept.table.name} ({kept.columns}) {rows}")
        self._connection.execute(statement, {"account": self._account, **bound})

    def differences(self, until: int) -> list[RowDifference]:
        """Return whose kept rows are not those of the views, and compute these anew.

        Whom facts behind place *until* concern is left out: their rows are not kept yet.
        """
        found = []
        for kept in KEPT.values():
            bound = {"account": self._account, "since": until, "until": None}
            names = list(self._connection.execute(text(_differing(kept)), bound).scalars())
            self._make_anew(kept, names)
            found += [RowDifference(kept.view, name) for name in names]
        return found


def _differing(kept: Kept) -> str:
    return f"""
    WITH {CONCERNED},
      whole AS MATERIALIZED (
        SELECT {kept.columns} FROM metrics.{kept.view} WHERE account_id = :account),
      rows AS MATERIALIZED (
        SELECT {kept.columns} FROM {kept.table.name} WHERE account_id = :account),
      differ AS (
        (TABLE whole EXCEPT ALL TABLE rows) UNION ALL (TABLE rows EXCEPT ALL TABLE whole))
    SELECT DISTINCT {kept.key}
      FROM differ
     WHERE NOT EXISTS (
       SELECT FROM concerned
        WHERE concerned.key = '{kept.key}' AND concerned.name = differ.{kept.key})
     ORDER BY 1
    """
