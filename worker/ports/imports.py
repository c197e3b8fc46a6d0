"""Figures from files: rows that are only ever added to."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from worker.domain.imports import ImportedRow


@dataclass(frozen=True, slots=True)
class KnownRow:
    """The newest revision of a row that the ledger has."""

    revision: int
    row: ImportedRow
    import_id: int


class ImportBook(Protocol):
    """Imported rows, each under its kind and the operator's key."""

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

    def definition(self, kind: str, version: str) -> Mapping[str, object] | None:
        """Return the definition that figures were kept under by that name, or None."""

    def forgotten(self, customer_ids: Collection[str]) -> set[str]:
        """Return those of whom nothing personal is kept any more."""

    def newest(self, kind: str, keys: Sequence[str]) -> Mapping[str, KnownRow]:
        """Return the newest revision of each key that is known, also of this transaction."""

    def add(self, import_id: int, kind: str, rows: Sequence[tuple[int, ImportedRow]]) -> None:
        """Add rows, each with its revision: 1, or one more than the newest."""

    def end(self, import_id: int, *, added: int, corrected: int) -> None:
        """Write how many rows it brought."""
