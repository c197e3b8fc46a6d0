"""`dunning import KIND FILE.csv`: opens the file and tells what came of it."""

from dataclasses import dataclass
from pathlib import Path

from worker.cli.data_dir import View
from worker.cli.tables import print_json
from worker.clock import SystemClock
from worker.domain.imports import KINDS
from worker.errors import ConfigError, UsageError
from worker.office.words import count_words
from worker.services.csv_rows import csv_rows
from worker.services.import_figures import Imported, ImportWish, import_figures


@dataclass(frozen=True, slots=True)
class ImportOrder:
    """What a person asked for."""

    kind: str
    file: Path
    by: str
    reason: str
    correct: bool = False


def take_file(view: View, order: ImportOrder, *, as_json: bool) -> None:
    """Import the file and print how many rows were new, corrected and known.

    Raises: UsageError: no such kind; ConfigError: the file cannot be read, or rows are bad.
    """
    kind = KINDS.get(order.kind)
    if kind is None:
        raise UsageError(f"`{order.kind}` cannot be imported; write one of {', '.join(KINDS)}.")
    wish = ImportWish(
        kind,
        order.file.name,
        order.by,
        order.reason,
        correct=order.correct,
        zone=view.office.metrics_zone,
        health=view.office.metrics.health,
    )
    try:
        with order.file.open("rb") as content:
            rows = csv_rows(
                content,
                file=order.file.name,
                known=[column.name for column in kind.columns],
                required=[column.name for column in kind.columns if column.required],
            )
            done = import_figures(wish, rows, ledger=view.ledger, clock=SystemClock(), now=view.now)
    except OSError as error:
        raise ConfigError(f"{order.file} cannot be read: {error.strerror}.") from None
    _say(done, order, as_json=as_json)


def _say(done: Imported, order: ImportOrder, *, as_json: bool) -> None:
    if as_json:
        told = {"rows": done.rows, "added": done.added, "corrected": done.corrected}
        print_json({"kind": order.kind, **told, "known": done.known})
        return
    parts = [f"{done.added} new"]
    parts += [f"{done.corrected} corrected or completed"] if done.corrected else []
    parts += [f"{done.known} known already"] if done.known else []
    print(
        f"{order.file.name}: {count_words(done.rows, 'row')} of {order.kind}: {', '.join(parts)}."
    )
