"""Take a file of figures into the ledger: every row, or none and each bad one is named."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from itertools import islice
from zoneinfo import ZoneInfo

from worker.domain.facts import Fact
from worker.domain.imports import ImportedRow, ImportKind, read_row
from worker.errors import ConfigError
from worker.ports import Clock, Ledger
from worker.ports.imports import ImportBook, KnownRow
from worker.services.operate import require_who_and_why

BATCH = 1000

TOLD_MAX = 1000
"""More bad rows than this are counted, not named: the file as a whole is another one."""

CsvRow = tuple[int, dict[str, str] | str]


@dataclass(frozen=True, slots=True)
class ImportWish:
    """What somebody wants to import."""

    kind: ImportKind
    file_name: str
    by: str
    reason: str
    correct: bool = False
    """Rows that say otherwise than before are taken as corrections, and not refused."""
    zone: ZoneInfo = field(default_factory=lambda: ZoneInfo("UTC"))
    """In which a day without an hour begins."""
    definition: Mapping[str, object] = field(default_factory=dict)
    """What these figures are weighed by, kept with them; empty where nothing is."""
    inputs: tuple[str, ...] | None = None
    """The inputs that the definition weighs; None where it is about none."""


@dataclass(slots=True)
class Imported:
    """What an import came to."""

    rows: int = 0
    added: int = 0
    corrected: int = 0

    @property
    def known(self) -> int:
        """Rows that were there already, word for word."""
        return self.rows - self.added - self.corrected


class _Problems:
    """Sentences about bad rows, of which only so many are kept."""

    def __init__(self, file_name: str) -> None:
        self._file = file_name
        self.told: list[str] = []
        self._more = 0

    def add(self, sentence: str) -> None:
        if len(self.told) < TOLD_MAX:
            self.told.append(f"{self._file} {sentence}")
        else:
            self._more += 1

    def refuse(self) -> None:
        """Raise where there are any. Raises: ConfigError."""
        if self._more:
            self.told.append(f"{self._file}: and {self._more} more like these.")
        if self.told:
            raise ConfigError(*self.told, "Nothing was imported.")


def import_figures(
    wish: ImportWish, rows: Iterable[CsvRow], *, ledger: Ledger, clock: Clock, now: datetime
) -> Imported:
    """Import the rows in one transaction and return how many were new, corrected or known.

    Raises: ConfigError: bad rows, each named with line, column and what to write; nothing is kept.
    """
    require_who_and_why(wish.by, wish.reason)
    problems, done = _Problems(wish.file_name), Imported()
    with ledger.begin() as tx:
        name = wish.kind.name
        import_id = tx.imports.begin(
            name, file_name=wish.file_name, by=wish.by, reason=wish.reason, now=now
        )
        readable = _readable(wish, rows, problems, done)
        while batch := list(islice(readable, BATCH)):
            _take(wish, batch, import_id, tx.imports, problems, done)
        problems.refuse()
        tx.imports.end(import_id, added=done.added, corrected=done.corrected)
        if done.added or done.corrected:
            tx.facts.append([_fact(wish, done, import_id, now)], wall_now=clock.wall_now())
    return done


def _readable(
    wish: ImportWish, rows: Iterable[CsvRow], problems: _Problems, done: Imported
) -> Iterator[ImportedRow]:
    for line, cells in rows:
        done.rows += 1
        if isinstance(cells, str):
            problems.add(f"line {line}: {cells}")
            continue
        row = read_row(wish.kind, line, cells, wish.zone)
        if isinstance(row, list):
            for sentence in row:
                problems.add(sentence)
        elif wish.inputs is not None and row.data["input"] not in wish.inputs:
            problems.add(
                f"line {line}, input: `{row.data['input']}` is not weighed by `metrics: health` in"
                f" dunning.yaml; write one of {', '.join(wish.inputs) or 'none: it weighs nothing'}."
            )
        else:
            yield row


def _take(
    wish: ImportWish,
    batch: list[ImportedRow],
    import_id: int,
    book: ImportBook,
    problems: _Problems,
    done: Imported,
) -> None:
    kind = wish.kind.name
    known = dict(book.newest(kind, [row.key for row in batch]))
    fresh: list[tuple[int, ImportedRow]] = []
    for row in batch:
        before = known.get(row.key)
        if before is not None and before.import_id == import_id:
            problems.add(
                f"line {row.line}, key: `{row.key}` stands on line {before.row.line} already;"
                " write each key once."
            )
            continue
        revision = 1 if before is None else before.revision + 1
        if before is None:
            done.added += 1
        elif _says_the_same(before.row, row):
            continue
        elif wish.correct or _completes(before.row, row):
            done.corrected += 1
        else:
            problems.add(_contradicts(before, row))
            continue
        fresh.append((revision, row))
        known[row.key] = KnownRow(revision, row, import_id)
    book.add(import_id, kind, fresh, definition=wish.definition)


def _says_the_same(before: ImportedRow, row: ImportedRow) -> bool:
    return replace(before, line=row.line) == row


def _completes(before: ImportedRow, row: ImportedRow) -> bool:
    """Return whether *row* only fills cells that were empty: a ticket that is resolved now."""
    same = (before.at, before.key) == (row.at, row.key)
    kept = all(row.data.get(name) == value for name, value in before.data.items())
    return same and kept and before.customer_id in {"", row.customer_id}


def _contradicts(before: KnownRow, row: ImportedRow) -> str:
    was = {**before.row.data, "customer": before.row.customer_id, "time": before.row.at}
    says = {**row.data, "customer": row.customer_id, "time": row.at}
    differing = sorted(name for name in was if was[name] != says.get(name))
    name = differing[0]
    return (
        f"line {row.line}, key: `{row.key}` was imported with {name} `{was[name]}` before and is"
        f" `{says.get(name, '')}` now; write another key, or add --correct to correct it."
    )


def _fact(wish: ImportWish, done: Imported, import_id: int, now: datetime) -> Fact:
    data = {
        "kind": wish.kind.name,
        "import": import_id,
        "file": wish.file_name,
        "added": done.added,
        "corrected": done.corrected,
        "by": wish.by,
        "reason": wish.reason,
    }
    return Fact("figures.imported", f"import {import_id}", now, "imported", data)
