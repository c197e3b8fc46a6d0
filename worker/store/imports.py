"""Imported figures (ports.ImportBook)."""

from collections.abc import Collection, Mapping, Sequence
from datetime import UTC, datetime

from sqlalchemy import Connection, func, insert, select, text, update
from sqlalchemy.dialects.postgresql import distinct_on

from worker.domain.imports import ImportedRow
from worker.ports.imports import KnownRow
from worker.store.forgotten import forgotten_among
from worker.store.import_tables import imported_rows, imports


class Imports:
    """The imported figures of one account, within one transaction."""

    def __init__(self, connection: Connection, account_id: str) -> None:
        """Work on *connection*, for *account_id*."""
        self._connection = connection
        self._account = account_id

    def begin(
        self,
        kind: str,
        *,
        file_name: str,
        by: str,
        reason: str,
        definition: Mapping[str, object],
        now: datetime,
    ) -> int:
        """Write who imports what and why; return its number. One import of a kind at a time."""
        self._connection.execute(
            text("SELECT pg_advisory_xact_lock(hashtext(:name))"),
            {"name": f"{self._account}:import:{kind}"},
        )
        written = self._connection.execute(
            insert(imports)
            .values(
                account_id=self._account,
                kind=kind,
                file_name=file_name,
                by=by,
                reason=reason,
                definition=dict(definition),
                at=now,
            )
            .returning(imports.c.id)
        )
        number: int = written.scalar_one()
        return number

    def definition(self, kind: str, version: str) -> Mapping[str, object] | None:
        """Return the definition that figures were kept under by that name, or None."""
        query = (
            select(imports.c.definition)
            .where(
                imports.c.account_id == self._account,
                imports.c.kind == kind,
                imports.c.definition["version"].as_string() == version,
                imports.c.added + imports.c.corrected > 0,
            )
            .limit(1)
        )
        found: Mapping[str, object] | None = self._connection.execute(query).scalar_one_or_none()
        return found

    def forgotten(self, customer_ids: Collection[str]) -> set[str]:
        """Return those of whom nothing personal is kept any more."""
        return forgotten_among(self._connection, self._account, customer_ids)

    def newest(self, kind: str, keys: Sequence[str]) -> dict[str, KnownRow]:
        """Return the newest revision of each key that is known, also of this transaction."""
        place = imported_rows.c
        chosen = (
            place.account_id == self._account,
            place.kind == kind,
            place.row_key == func.any(list(keys)),
        )
        query = (
            select(imported_rows)
            .where(*chosen)
            .ext(distinct_on(place.row_key))
            .order_by(place.row_key, place.revision.desc())
        )
        rows = self._connection.execute(query).mappings()
        return {
            row["row_key"]: KnownRow(
                revision=row["revision"],
                import_id=row["import_id"],
                row=ImportedRow(
                    line=row["line"],
                    key=row["row_key"],
                    at=row["at"].astimezone(UTC),
                    customer_id=row["customer_id"],
                    data=row["data"],
                    words=row["words"],
                ),
            )
            for row in rows
        }

    def add(self, import_id: int, kind: str, rows: Sequence[tuple[int, ImportedRow]]) -> None:
        """Add rows, each with its revision: 1, or one more than the newest."""
        if not rows:
            return
        self._connection.execute(
            insert(imported_rows),
            [
                {
                    "account_id": self._account,
                    "kind": kind,
                    "row_key": row.key,
                    "revision": revision,
                    "import_id": import_id,
                    "line": row.line,
                    "at": row.at,
                    "customer_id": row.customer_id,
                    "data": dict(row.data),
                    "words": row.words,
                }
                for revision, row in rows
            ],
        )

    def end(self, import_id: int, *, added: int, corrected: int) -> None:
        """Write how many rows it brought."""
        self._connection.execute(
            update(imports)
            .where(imports.c.account_id == self._account, imports.c.id == import_id)
            .values(added=added, corrected=corrected)
        )
