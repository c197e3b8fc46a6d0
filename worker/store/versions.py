"""Versions of the configuration (ports.VersionBook)."""

from datetime import datetime

from sqlalchemy import Connection, RowMapping, Select, insert, select, update

from worker.ports import ConfigVersion, NewVersion
from worker.store.config_tables import config_versions
from worker.store.tables import control


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
