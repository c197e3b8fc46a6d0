"""The database of many runs, emptied before each, and the harness's own eyes on its tables."""

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

from sqlalchemy import event, text

from worker.services.read_feed import UNLISTED_AFTER
from worker.store.columns import metadata
from worker.store.ledger import connect
from worker.store.tables import CASE_NUMBERS

if TYPE_CHECKING:
    from tests.simulation.simulation import Simulation

_IDENTITIES = ("letters", "decisions", "operator_acts", "holds", "events", "inbox")

# As a replica, so that neither foreign keys nor triggers that guard facts object.
_WIPE = "; ".join(
    ["SET session_replication_role = replica"]
    + [f"DELETE FROM {table.name}" for table in reversed(metadata.sorted_tables)]
    + [f"ALTER SEQUENCE {CASE_NUMBERS.name} RESTART", "SET session_replication_role = origin"]
)

_NEXT_LOOK = text("""
SELECT min(at) AS due_at,
  (SELECT position_at FROM cursors WHERE name = 'events') AS read_at FROM (
  SELECT greatest(next_action_at, dispatched_until, lease_until) AS at FROM cases
    WHERE next_action_at IS NOT NULL
  UNION ALL SELECT greatest(next_action_at, dispatched_until, lease_until) FROM letters
    WHERE next_action_at IS NOT NULL
  UNION ALL SELECT lease_until FROM letters WHERE state = 'sending'
  UNION ALL SELECT next_due_at FROM jobs WHERE name = 'reconcile'
  UNION ALL SELECT min(received_at) + CAST(:unlisted AS interval) FROM inbox WHERE waiting
) AS looks
""")

_WORK = text("""
SELECT EXISTS (SELECT FROM cases WHERE next_action_at <= :now) AS cases,
  EXISTS (SELECT FROM letters WHERE next_action_at <= :now) AS letters,
  EXISTS (SELECT FROM letters WHERE state = 'sending' AND lease_until < :now) AS lost,
  EXISTS (SELECT FROM inbox WHERE waiting
    AND received_at + CAST(:unlisted AS interval) <= :now) AS unlisted,
  EXISTS (SELECT FROM jobs WHERE name = 'reconcile' AND (next_due_at <= :now
    OR last_ended_at < last_started_at)) AS daily,
  (SELECT position_at FROM cursors WHERE name = 'events') AS read_at
""")


@dataclass(frozen=True, slots=True)
class Work:
    """What jobs would find to do."""

    jobs: tuple[str, ...]
    """Those that something is due for."""
    daily: bool
    """Whether a daily job is due, or lost its message or process."""
    read_at: datetime | None
    """Up to when Stripe's events were read."""

    @property
    def any(self) -> bool:
        """Whether anything is due."""
        return self.daily or bool(self.jobs)


class Ground:
    """One migrated database, used by one run at a time."""

    def __init__(self, database_url: str) -> None:
        """Open *database_url*."""
        self.engine = connect(database_url, pool_size=8, prepare=True)
        self.simulation: Simulation | None = None
        event.listen(self.engine, "before_cursor_execute", self._see)

    def close(self) -> None:
        """Hang up."""
        self.engine.dispose()

    def wipe(self) -> None:
        """Make the database as it was when it was new."""
        restarts = [
            f"SELECT setval(pg_get_serial_sequence('{name}', "
            f"'{'seq' if name in {'events', 'inbox'} else 'id'}'), 1, false)"
            for name in _IDENTITIES
        ]
        with self.engine.begin() as connection:
            connection.exec_driver_sql("; ".join([_WIPE, *restarts]))

    def rows(self, query: str, **values: Any) -> list[dict[str, Any]]:
        """Return what the ledger holds, for the harness's own eyes."""
        with self.engine.connect() as connection:
            return [dict(row) for row in connection.execute(text(query), values).mappings()]

    def work(self, now: datetime) -> Work:
        """Return what is due by *now*."""
        with self.engine.connect() as connection:
            row = connection.execute(_WORK, {"now": now, "unlisted": UNLISTED_AFTER}).one()
        due = {
            "read_stripe": row.unlisted,
            "due_cases": row.cases,
            "deliver_letters": row.letters,
            "sweep": row.lost,
        }
        return Work(tuple(name for name, is_due in due.items() if is_due), row.daily, row.read_at)

    def next_look(self) -> tuple[datetime | None, datetime | None]:
        """Return when the ledger next has anything due, and up to when events were read."""
        with self.engine.connect() as connection:
            row = connection.execute(_NEXT_LOOK, {"unlisted": UNLISTED_AFTER}).one()
        return row.due_at, row.read_at

    def make_due(self, job: str, now: datetime) -> None:
        """Let a job be due, as the passing of its interval does."""
        with self.engine.begin() as connection:
            query = "UPDATE jobs SET next_due_at = :now WHERE name = :job"
            connection.execute(text(query), {"now": now, "job": job})

    def make_cases_due(self, now: datetime) -> None:
        """Let every unfinished case be looked at now."""
        with self.engine.begin() as connection:
            query = "UPDATE cases SET next_action_at = :now WHERE state <> 'closed'"
            connection.execute(text(query), {"now": now})

    def late(self, since: datetime) -> list[dict[str, Any]]:
        """Return the cases and letters that have been due since before an instant."""
        return self.rows(
            "SELECT 'case' AS kind, id, state, next_action_at FROM cases WHERE next_action_at < :s "
            "UNION ALL SELECT 'letter', id, state, next_action_at FROM letters "
            "WHERE next_action_at < :s OR (state = 'sending' AND lease_until < :s)",
            s=since,
        )

    def case_of_invoice(self, invoice_id: str) -> dict[str, Any]:
        """Return what the ledger knows of an invoice and its case."""
        found = self.rows(
            "SELECT c.id, c.state, c.closed_at, c.owner, k.charging, k.stopped_at, "
            "(SELECT i.status FROM invoices i WHERE i.id = c.invoice_id) AS mirrored, "
            "(SELECT i.seen_at FROM invoices i WHERE i.id = c.invoice_id) AS mirrored_at, "
            "(SELECT array_agg(a.no || ' ' || a.state ORDER BY a.no) FROM attempts a "
            " WHERE a.invoice_id = c.invoice_id) AS attempts "
            "FROM cases c CROSS JOIN control k WHERE c.invoice_id = :i",
            i=invoice_id,
        )
        return found[0] if found else {}

    def letter(self, message_id: str) -> dict[str, Any]:
        """Return what the ledger knows of a letter and its case."""
        found = self.rows(
            "SELECT l.case_id, l.step, l.notice, l.state, c.state AS case_state, c.closed_at "
            "FROM letters l LEFT JOIN cases c ON c.id = l.case_id WHERE l.message_id = :m",
            m=message_id,
        )
        return found[0] if found else {}

    def _see(self, _connection: Any, _cursor: Any, statement: str, *_: Any) -> None:
        if self.simulation is not None:
            self.simulation.statement(statement)
