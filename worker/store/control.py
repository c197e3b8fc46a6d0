"""The control row, cursors and policies (ports.ControlBook)."""

from collections.abc import Mapping
from datetime import datetime

from sqlalchemy import Connection, bindparam, func, or_, select, update
from sqlalchemy.dialects.postgresql import insert as upsert

from worker.ports import Control
from worker.store.config_tables import policies
from worker.store.tables import control, cursors

# Asked at every look. A statement that is built once costs half of one that is built each time.
_CONTROL = select(control).where(control.c.account_id == bindparam("account"))
_CURSOR = select(cursors.c.position_at).where(
    cursors.c.account_id == bindparam("account"), cursors.c.name == bindparam("name")
)
_POLICY = select(policies.c.text).where(
    policies.c.account_id == bindparam("account"), policies.c.digest == bindparam("digest")
)


class Controls:
    """The control row of one account, within one transaction."""

    def __init__(self, connection: Connection, account_id: str) -> None:
        """Work on *connection*, for *account_id*."""
        self._connection = connection
        self._account = account_id

    def read(self) -> Control | None:
        """Return the control row, or None on a fresh ledger."""
        return self._read(lock=False)

    def _read(self, *, lock: bool) -> Control | None:
        query = _CONTROL.with_for_update() if lock else _CONTROL
        found = self._connection.execute(query, {"account": self._account})
        row = found.mappings().one_or_none()
        if row is None:
            return None
        return Control(
            charging=row["charging"],
            stopped_at=row["stopped_at"],
            stop_cause=row["stop_cause"],
            go_live_at=row["go_live_at"],
            business_at=row["business_at"],
            config_digest=row["config_digest"],
            config_version=row["config_version"],
            live=row["live"],
            resumed_at=row["resumed_at"],
        )

    def create(self, *, charging: bool, live: bool, go_live_at: datetime, cause: str) -> None:
        """Write the first control row; one that exists stays."""
        self._connection.execute(
            upsert(control)
            .values(
                account_id=self._account,
                charging=charging,
                live=live,
                go_live_at=go_live_at,
                stopped_at=None if charging else go_live_at,
                stop_cause=cause,
            )
            .on_conflict_do_nothing()
        )

    def stop(self, *, cause: str, detail: str, by: str, now: datetime) -> bool:
        """Stop charges, letters and endings; False where they were stopped already."""
        statement = (
            update(control)
            .where(control.c.account_id == self._account, control.c.charging)
            .values(
                charging=False, stopped_at=now, stop_cause=cause, stop_detail=detail, changed_by=by
            )
        )
        return self._connection.execute(statement).rowcount == 1

    def restate(self, *, cause: str, detail: str) -> None:
        """Give a stop that holds already a graver cause; since when it holds stays."""
        self._connection.execute(
            update(control)
            .where(control.c.account_id == self._account, ~control.c.charging)
            .values(stop_cause=cause, stop_detail=detail)
        )

    def go(self, *, by: str, now: datetime) -> Control | None:
        """Start again and return the row as it was."""
        # Locked: of two that start at once only one may move the waiting steps.
        before = self._read(lock=True)
        if before is None or before.charging:
            return None
        self._connection.execute(
            update(control)
            .where(control.c.account_id == self._account)
            .values(
                charging=True,
                stopped_at=None,
                stop_cause="",
                stop_detail="",
                changed_by=by,
                resumed_at=now,
            )
        )
        return before

    def set_business_time(self, at: datetime, *, wall_now: datetime) -> None:
        """Mirror the test clock's frozen time; it never goes back."""
        self._connection.execute(
            update(control)
            .where(
                control.c.account_id == self._account,
                or_(control.c.business_at.is_(None), control.c.business_at < at),
            )
            .values(business_at=at, business_read_at=wall_now)
        )

    def cursor(self, name: str) -> datetime | None:
        """Return a cursor's position."""
        asked = {"account": self._account, "name": name}
        return self._connection.execute(_CURSOR, asked).scalar_one_or_none()

    def set_cursor(self, name: str, position_at: datetime) -> None:
        """Move a cursor forward; one that is further already stays."""
        statement = upsert(cursors).values(
            account_id=self._account, name=name, position_at=position_at
        )
        # Two may read at once, and the slower one must not take back what the other has told.
        furthest = func.greatest(cursors.c.position_at, statement.excluded.position_at)
        self._connection.execute(
            statement.on_conflict_do_update(
                index_elements=["account_id", "name"], set_={"position_at": furthest}
            )
        )

    def put_policy(self, digest: str, text: Mapping[str, object], *, wall_now: datetime) -> bool:
        """Keep a policy's text under its digest; False where it is kept already."""
        statement = (
            upsert(policies)
            .values(account_id=self._account, digest=digest, text=dict(text), stored_at=wall_now)
            .on_conflict_do_nothing()
            .returning(policies.c.digest)
        )
        return self._connection.execute(statement).first() is not None

    def policy(self, digest: str) -> Mapping[str, object] | None:
        """Return a policy's text."""
        asked = {"account": self._account, "digest": digest}
        return self._connection.execute(_POLICY, asked).scalar_one_or_none()
