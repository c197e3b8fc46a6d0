"""How far each sink came (ports.SinkBook)."""

from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, Connection, RowMapping, and_, or_, select, update
from sqlalchemy.dialects.postgresql import insert as upsert

from worker.domain.sinks import SinkState
from worker.store.sink_tables import sinks


class Sinks:
    """The sinks of one account, within one transaction."""

    def __init__(self, connection: Connection, account_id: str) -> None:
        """Work on *connection*, for *account_id*."""
        self._connection = connection
        self._account = account_id

    def claim(
        self, name: str, *, token: str, wall_now: datetime, lease: timedelta
    ) -> SinkState | None:
        """Return the sink's state, leased, or None while another has it or it waits to retry."""
        self._connection.execute(
            upsert(sinks).values(account_id=self._account, name=name).on_conflict_do_nothing()
        )
        statement = (
            update(sinks)
            .where(
                self._one(name),
                or_(sinks.c.lease_until.is_(None), sinks.c.lease_until < wall_now),
                or_(sinks.c.retry_at.is_(None), sinks.c.retry_at <= wall_now),
            )
            .values(lease_token=token, lease_until=wall_now + lease)
            .returning(sinks)
        )
        row = self._connection.execute(statement).mappings().one_or_none()
        return None if row is None else _state_of(row)

    def advance(
        self,
        name: str,
        *,
        token: str,
        was: int,
        becomes: int,
        wall_now: datetime,
        lease: timedelta,
    ) -> bool:
        """Move the position and keep the lease; False where either is no longer as it was."""
        statement = (
            update(sinks)
            .where(self._one(name), sinks.c.lease_token == token, sinks.c.position == was)
            .values(
                position=becomes,
                sent_at=wall_now,
                failures=0,
                last_error="",
                retry_at=None,
                lease_until=wall_now + lease,
            )
        )
        return self._connection.execute(statement).rowcount == 1

    def fail(self, name: str, *, token: str, error: str, retry_at: datetime) -> None:
        """Record a failure and give the lease back; a sender that lost it records nothing."""
        self._connection.execute(
            update(sinks)
            .where(self._one(name), sinks.c.lease_token == token)
            .values(
                failures=sinks.c.failures + 1,
                last_error=error,
                retry_at=retry_at,
                lease_token=None,
                lease_until=None,
            )
        )

    def release(self, name: str, *, token: str) -> None:
        """Give the lease back."""
        self._connection.execute(
            update(sinks)
            .where(self._one(name), sinks.c.lease_token == token)
            .values(lease_token=None, lease_until=None)
        )

    def replay(self, name: str, *, position: int) -> bool:
        """Set the position, and let the next run begin there at once; False: no such sink."""
        statement = (
            update(sinks)
            .where(self._one(name))
            .values(position=position, failures=0, last_error="", retry_at=None)
        )
        return self._connection.execute(statement).rowcount == 1

    def states(self) -> list[SinkState]:
        """Return every sink that ever ran, by name."""
        query = select(sinks).where(sinks.c.account_id == self._account).order_by(sinks.c.name)
        return [_state_of(row) for row in self._connection.execute(query).mappings()]

    def _one(self, name: str) -> ColumnElement[bool]:
        return and_(sinks.c.account_id == self._account, sinks.c.name == name)


def _state_of(row: RowMapping) -> SinkState:
    return SinkState(
        name=row["name"],
        position=row["position"],
        sent_at=row["sent_at"],
        failures=row["failures"],
        last_error=row["last_error"],
        retry_at=row["retry_at"],
    )
