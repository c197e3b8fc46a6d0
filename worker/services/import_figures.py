"""Take a file of figures into the ledger: every row, or none and each bad one is named."""

from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass, field, replace
from datetime import datetime
from itertools import islice
from zoneinfo import ZoneInfo

from worker.domain.facts import Fact
from worker.domain.imports import ImportedRow, ImportKind, read_row
from worker.domain.metrics_rules import HealthDefinition
from worker.domain.staff_words import StaffWords
from worker.errors import ConfigError
from worker.ports import Clock, Ledger
from worker.ports.imports import ImportBook, KnownRow
from worker.services.operate import require_who_and_why

BATCH = 1000

HEALTH = "health"
"""The kind of file whose rows are weighed."""

TOLD_MAX = 1000
"""More bad rows than this are counted, not named: the file as a whole is another one."""

CsvRow = tuple[int, dict[str, str] | str]


@dataclass(frozen=True, slots=True)
class BadRow:
    """A row that was told to be bad: of it only the key counts, which no other row may have."""

    line: int
    key: str


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
    health: HealthDefinition | None = None
    """What figures of customers' health are weighed by; kept with them."""

    @property
    def definition(self) -> dict[str, object]:
        """What is kept with the figures: version and weights, or nothing."""
        if self.kind.name != HEALTH or self.health is None:
            return {}
        return {"version": self.health.version, "weights": dict(self.health.weights)}


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
        self._told: list[tuple[int, str]] = []
        self._more = 0
        self.keys: dict[str, int] = {}
        """Keys of bad rows -> their line; no more than are told."""

    def add(self, line: int, sentence: str) -> None:
        """Keep a sentence about what stands on *line*."""
        if len(self._told) < TOLD_MAX:
            self._told.append((line, f"{self._file} line {line}{sentence}"))
        else:
            self._more += 1

    def remember(self, key: str, line: int) -> None:
        """Keep the key of a bad row, which the ledger will not know."""
        if key and len(self.keys) < TOLD_MAX:
            self.keys.setdefault(key, line)

    def refuse(self) -> None:
        """Raise where there are any, in the order of the file. Raises: ConfigError."""
        if not self._told:
            return
        told = [sentence for _, sentence in sorted(self._told, key=lambda each: each[0])]
        more = [f"{self._file}: and {self._more} more like these."] if self._more else []
        raise ConfigError(*told, *more, "Nothing was imported.")


def import_figures(
    wish: ImportWish, rows: Iterable[CsvRow], *, ledger: Ledger, clock: Clock, now: datetime
) -> Imported:
    """Import the rows in one transaction and return how many were new, corrected or known.

    Raises: ConfigError: bad rows, each named with line, column and what to write; nothing is kept.
    """
    require_who_and_why(wish.by, wish.reason)
    if wish.kind.name == HEALTH and wish.health is None:
        raise ConfigError(
            "dunning.yaml has no `metrics: health`; write its version and weights there first."
        )
    problems, done = _Problems(wish.file_name), Imported()
    with ledger.begin() as tx:
        name = wish.kind.name
        _refuse_another_definition(wish, tx.imports)
        import_id = tx.imports.begin(
            name,
            file_name=wish.file_name,
            by=wish.by,
            reason=wish.reason,
            definition=wish.definition,
            now=now,
        )
        readable = _readable(wish, rows, problems, done, now)
        while batch := list(islice(readable, BATCH)):
            _take(wish, batch, import_id, tx.imports, problems, done)
        problems.refuse()
        if not done.rows:
            raise ConfigError(
                f"{wish.file_name} line 2: there is no row; write each of {name} in a line below"
                " the heading.",
                "Nothing was imported.",
            )
        tx.imports.end(import_id, added=done.added, corrected=done.corrected)
        if done.added or done.corrected:
            tx.facts.append([_fact(wish, done, import_id, now)], wall_now=clock.wall_now())
    return done


def _readable(
    wish: ImportWish,
    rows: Iterable[CsvRow],
    problems: _Problems,
    done: Imported,
    now: datetime,
) -> Iterator[ImportedRow | BadRow]:
    for line, cells in rows:
        done.rows += 1
        if isinstance(cells, str):
            problems.add(line, f": {cells}")
            continue
        row = read_row(wish.kind, line, cells, wish.zone, now=now)
        if isinstance(row, list):
            for sentence in row:
                problems.add(line, f", {sentence}")
            yield BadRow(line, cells.get("key", ""))
        elif wish.health is not None and row.data.get("input", "") not in _inputs(wish):
            problems.add(
                line,
                f", input: `{row.data['input']}` is not weighed by `metrics: health` in"
                f" dunning.yaml; write one of {', '.join(wish.health.weights)}.",
            )
            yield BadRow(line, row.key)
        else:
            yield row


def _inputs(wish: ImportWish) -> Collection[object]:
    """Return what `input` may be; rows of other kinds have none."""
    return wish.health.weights if wish.kind.name == HEALTH and wish.health is not None else {""}


def _refuse_another_definition(wish: ImportWish, book: ImportBook) -> None:
    """Raise where a version's name stands for other weights already. Raises: ConfigError."""
    if not wish.definition:
        return
    version = str(wish.definition["version"])
    kept = book.definition(wish.kind.name, version)
    if kept is not None and kept != wish.definition:
        raise ConfigError(
            f"dunning.yaml, metrics → health: version {version} is kept with other weights; give"
            " the new weights another version."
        )


def _take(
    wish: ImportWish,
    batch: list[ImportedRow | BadRow],
    import_id: int,
    book: ImportBook,
    problems: _Problems,
    done: Imported,
) -> None:
    kind = wish.kind.name
    gone = book.forgotten({row.customer_id for row in batch if isinstance(row, ImportedRow)})
    batch = [
        replace(row, words="") if isinstance(row, ImportedRow) and row.customer_id in gone else row
        for row in batch
    ]
    known = dict(book.newest(kind, [row.key for row in batch]))
    fresh: list[tuple[int, ImportedRow]] = []
    for row in batch:
        before = known.get(row.key)
        mine = before is not None and before.import_id == import_id
        first_line = before.row.line if before is not None and mine else problems.keys.get(row.key)
        if first_line is not None:
            problems.add(
                row.line,
                f", key: `{row.key}` stands on line {first_line} already; write each key once.",
            )
            continue
        if isinstance(row, BadRow):
            problems.remember(row.key, row.line)
            continue
        revision = 1 if before is None else before.revision + 1
        if before is None:
            done.added += 1
        elif _says_the_same(before.row, row):
            continue
        elif wish.correct or _completes(before.row, row):
            done.corrected += 1
        else:
            problems.add(row.line, _contradicts(before, row))
            problems.remember(row.key, row.line)
            continue
        fresh.append((revision, row))
        known[row.key] = KnownRow(revision, row, import_id)
    book.add(import_id, kind, fresh)


def _says_the_same(before: ImportedRow, row: ImportedRow) -> bool:
    return replace(before, line=row.line) == row


def _completes(before: ImportedRow, row: ImportedRow) -> bool:
    """Return whether *row* only fills cells that were empty: a ticket that is resolved now."""
    same = (before.at, before.key) == (row.at, row.key)
    kept = all(row.data.get(name) == value for name, value in before.data.items())
    told = before.customer_id in {"", row.customer_id} and before.words in {"", row.words}
    return same and kept and told


def _contradicts(before: KnownRow, row: ImportedRow) -> str:
    was = {**before.row.data, **_apart(before.row)}
    says = {**row.data, **_apart(row)}
    differing = sorted(name for name in was if was[name] != says.get(name))
    name = differing[0]
    return (
        f", key: `{row.key}` was imported with {name} `{was[name]}` before and is"
        f" `{says.get(name, '')}` now; write another key, or add --correct to correct it."
    )


def _apart(row: ImportedRow) -> dict[str, object]:
    return {"customer": row.customer_id, "time": row.at.isoformat(), "comment": row.words}


def _fact(wish: ImportWish, done: Imported, import_id: int, now: datetime) -> Fact:
    data = {
        "kind": wish.kind.name,
        "import": import_id,
        "file": wish.file_name,
        "added": done.added,
        "corrected": done.corrected,
        "by": wish.by,
        "reason": StaffWords(wish.reason),
    }
    return Fact("figures.imported", f"import {import_id}", now, "imported", data)
