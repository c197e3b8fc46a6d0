"""Versions of the configuration (ports.VersionBook)."""

from datetime import datetime

from sqlalchemy import Connection, RowMapping, Select, and_, func, insert, select, update

from worker.domain.case import IN_FLIGHT, CaseState
from worker.ports import ConfigVersion, NewVersion
from worker.store.config_tables import config_versions
from worker.store.tables import attempts, cases, control

_MOVABLE = (CaseState.OPEN.value, CaseState.HELD.value)
_FLYING = tuple(state.value for state in IN_FLIGHT)


class Versions:
    """The configurations of one account, within one transaction."""

    def __init__(self, connection: Connection, account_id: str) -> None:
        """Work on *connection*, for *account_id*."""
        self._connection = connection
        self._account = account_id

    def store(self, new: NewVersion, *, after: int, now: datetime) -> int | None:
        """Store the version that follows number *after*; None where another is current by now."""
        no = after + 1
        moved = (
            update(control)
            .where(control.c.account_id == self._account, control.c.config_version == after)
            .values(config_version=no, config_digest=new.digest)
        )
        if self._connection.execute(moved).rowcount != 1:
            return None
        self._connection.execute(
            insert(config_versions).values(
                account_id=self._account,
                no=no,
                digest=new.digest,
                files=dict(new.files),
                stored_at=now,
                by=new.by,
                reason=new.reason,
            )
        )
        return no

    def move_case(self, case_id: int, *, was: str, becomes: str, now: datetime) -> bool:
        """Give a case another policy and make it due, unless it is in somebody's hands."""
        # Locked first: whoever writes an intent does so under the same lock, so it is seen next.
        chosen = and_(
            cases.c.account_id == self._account,
            cases.c.id == case_id,
            cases.c.policy_digest == was,
            cases.c.state.in_(_MOVABLE),
        )
        locked = self._connection.execute(select(cases.c.id).where(chosen).with_for_update())
        if locked.first() is None:
            return False
        flying = select(attempts.c.no).where(
            attempts.c.case_id == case_id, attempts.c.state.in_(_FLYING)
        )
        if self._connection.execute(flying).first() is not None:
            return False
        self._connection.execute(
            update(cases)
            .where(cases.c.id == case_id)
            .values(
                policy_digest=becomes,
                wake_seq=cases.c.wake_seq + 1,
                next_action_at=func.least(func.coalesce(cases.c.next_action_at, now), now),
            )
        )
        return True

    def current(self) -> ConfigVersion | None:
        """Return the current version, or None where none was stored yet."""
        return self._one(self._query().join(control, _IS_CURRENT))

    def read(self, no: int) -> ConfigVersion | None:
        """Return version *no*, or None where there is none."""
        return self._one(self._query().where(config_versions.c.no == no))

    def every(self) -> list[ConfigVersion]:
        """Return all versions, newest first."""
        rows = self._connection.execute(self._query().order_by(config_versions.c.no.desc()))
        return [_version_of(row) for row in rows.mappings()]

    def _query(self) -> Select[tuple[object, ...]]:
        return select(config_versions).where(config_versions.c.account_id == self._account)

    def _one(self, query: Select[tuple[object, ...]]) -> ConfigVersion | None:
        row = self._connection.execute(query).mappings().one_or_none()
        return _version_of(row) if row is not None else None


_IS_CURRENT = (control.c.account_id == config_versions.c.account_id) & (
    control.c.config_version == config_versions.c.no
)


def _version_of(row: RowMapping) -> ConfigVersion:
    return ConfigVersion(
        digest=row["digest"],
        files=row["files"],
        by=row["by"],
        reason=row["reason"],
        no=row["no"],
        stored_at=row["stored_at"],
    )
