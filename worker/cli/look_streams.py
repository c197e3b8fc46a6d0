"""`dunning events` and `dunning log`: the two streams."""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from worker.cli.current_version import read_directory_alone
from worker.cli.data_dir import (
    JOB_LOG,
    View,
    folder_to_read,
    reading_environment,
)
from worker.cli.look_since import parse_since
from worker.cli.tables import print_json_lines
from worker.clock import wall_now
from worker.domain.facts import FACT_TYPES, cloud_event
from worker.errors import ConfigError, UsageError
from worker.joblog.reading import RANKS, json_lines, read_log
from worker.store.reading import snapshot
from worker.store.reading_facts import StoredFact, read_facts

PRODUCTION_LOG = (
    "The log is what the processes write to their standard output: look where your process manager"
    " keeps it, or pass --data DIR for a demo's."
)
NO_LOG = "No data yet: {folder} has no job.log. Run `make demo`, or name a folder with --data DIR."


def show_events(view: View, *, since: str, types: list[str]) -> None:
    """Print facts as CloudEvents, one a line, by when they happened.

    Raises: UsageError: no such type or time.
    """
    from_at = parse_since(since, now=view.now, zone=view.office.zone)
    families = [_family(kind) for kind in types]
    with snapshot(view.ledger) as connection, while_somebody_reads():
        facts = read_facts(connection, view.ledger.account_id, since=from_at, types=families)
        print_json_lines(_event(fact) for fact in facts)


def _family(asked: str) -> str:
    """Return a type or a family of types. Raises: UsageError."""
    kind = asked.removesuffix("*").removesuffix(".")
    families = {known.partition(".")[0] for known in FACT_TYPES}
    if kind not in FACT_TYPES | families:
        alike = [known for known in FACT_TYPES if known.startswith(f"{kind.partition('.')[0]}.")]
        known = ", ".join(sorted(alike or families))
        raise UsageError(f"`{asked}` is no type of an event; write one of {known}.")
    return kind


@contextmanager
def while_somebody_reads() -> Iterator[None]:
    """Print until the reader has had enough, as in `dunning log | head`: that is no failure."""
    try:
        yield
        sys.stdout.flush()
    except BrokenPipeError:
        # What is still buffered goes nowhere, else Python complains about it at the exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _event(fact: StoredFact) -> dict[str, object]:
    return cloud_event(
        fact_id=fact.id,
        fact_type=fact.type,
        subject=fact.subject,
        time=fact.time,
        data=fact.data,
        position=fact.position,
    )


def show_log(data: Path | None, *, since: str, level: str, as_json: bool) -> None:
    """Print the job log of a data directory, as text for a person or as its JSON lines.

    Raises: UsageError: no such level or time; ConfigError: there is no log to read.
    """
    asked, level = level, level.lower()
    if level not in RANKS:
        raise UsageError(f"`{asked}` is no level; write one of {', '.join(RANKS)}.")
    environment = reading_environment()
    folder = folder_to_read(data, environment)
    if folder is None:
        print(PRODUCTION_LOG, file=sys.stderr)
        return
    path = folder / JOB_LOG
    if not path.is_file():
        raise ConfigError(NO_LOG.format(folder=folder))
    found = read_directory_alone(environment)
    if found.trouble:
        print(found.trouble, file=sys.stderr)
    office = found.office
    from_at = parse_since(since, now=wall_now(), zone=office.zone)
    with path.open(encoding="utf-8", errors="replace") as lines, while_somebody_reads():
        if as_json:
            shown = json_lines(lines, since=from_at, level=level)
        else:
            shown = read_log(lines, since=from_at, level=level, zone=office.zone)
        for line in shown:
            print(line)
