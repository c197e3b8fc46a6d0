"""Which ledger a reading command reads: `--data`, else DATABASE_URL, else the data directory.

The one way in beside demo, up and sandbox that reaches the embedded parts. Reading needs neither
Redis nor Stripe, so only the variables that it uses are looked at.
"""

import json
import os
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from worker.cli.current_version import read_current
from worker.clock import SystemClock, wall_now
from worker.errors import ServiceUnavailable
from worker.office.ways import Office
from worker.office.words import OfficeWords
from worker.ports import ConfigVersion
from worker.services.business_time import business_now
from worker.settings.environment import Environment, read_environment
from worker.settings.load import read_files
from worker.store.ledger import PostgresLedger, account_known, connect

READ_BY = ("DATABASE_URL", "DUNNING_DATA_DIR", "CONFIG_DIR", "TEMPLATES_DIR")
SUMMARY = "summary.json"
JOB_LOG = "job.log"
EMPTY = "The ledger is empty: no worker has run on it yet."


@dataclass(frozen=True, slots=True)
class View:
    """One reading: the ledger, the office's ways and the two times."""

    ledger: PostgresLedger
    office: Office
    now: datetime
    """Business time."""
    wall_now: datetime
    data_dir: Path | None
    """None where DATABASE_URL is read."""
    runs: bool
    """False where the data is a finished demo's and its servers run for this command alone."""
    version: ConfigVersion | None = None
    """The current configuration; None where the ledger keeps none yet."""
    differing: Path | None = None
    """CONFIG_DIR where it differs from that."""

    @property
    def words(self) -> OfficeWords:
        """Writes times for the office."""
        return OfficeWords(self.office.zone, self.now)

    def files_of(self, config_dir: Path) -> Mapping[str, str]:
        """Return the files of a folder as they would run on this ledger. Raises: ConfigError."""
        return as_run_in(self.data_dir)(read_files(config_dir))


def reading_environment() -> Environment:
    """Return the variables that reading uses. Raises: ConfigError."""
    return read_environment(
        {name: os.environ[name] for name in READ_BY if name in os.environ}, frozenset()
    )


def folder_to_read(data: Path | None, environment: Environment) -> Path | None:
    """Return the data directory that is read, or None where it is DATABASE_URL."""
    if data is not None:
        return data
    return None if environment.database_url else environment.data_dir


@contextmanager
def open_view(data: Path | None) -> Iterator[View]:
    """Open the ledger for reading, saying on stderr which one it is.

    Raises: ConfigError: there is no data yet; ServiceUnavailable: the database is away or empty.
    """
    environment = reading_environment()
    folder = folder_to_read(data, environment)
    if folder is None:
        with _ledger_at(environment) as ledger:
            yield _view(ledger, environment, None, runs=True)
        return
    from worker.rehearsal.embedded.ledger import open_ledger

    with open_ledger(folder) as found:
        reached = read_environment({"DATABASE_URL": found.urls.database_url}, frozenset())
        with _ledger_at(reached) as ledger:
            yield _view(
                ledger,
                environment,
                folder,
                runs=found.urls.redis_url is not None,
                joined=found.joined,
            )


@contextmanager
def embedded_urls(folder: Path) -> Iterator[dict[str, str]]:
    """Give the variables that reach the embedded parts of *folder*: the database, and what runs.

    Raises: ConfigError: there is no data yet.
    """
    from worker.rehearsal.embedded.ledger import open_ledger

    with open_ledger(folder) as found:
        urls = {
            "DATABASE_URL": found.urls.database_url,
            "REDIS_URL": found.urls.redis_url,
            "SMTP_URL": found.urls.smtp_url,
        }
        yield {name: url for name, url in urls.items() if url is not None}


@contextmanager
def _ledger_at(environment: Environment) -> Iterator[PostgresLedger]:
    engine = connect(environment.sqlalchemy_url or "", pool_size=1)
    try:
        account_id = account_known(engine)
        if not account_id:
            raise ServiceUnavailable(EMPTY)
        yield PostgresLedger(engine, account_id)
    finally:
        engine.dispose()


def as_run_in(folder: Path | None) -> Callable[[Mapping[str, str]], Mapping[str, str]]:
    """Return how files are changed before they run: on embedded parts a driver rings the jobs."""
    if folder is None:
        return lambda files: files
    from worker.rehearsal.driver_config import rehearsed

    return rehearsed


def _view(
    ledger: PostgresLedger,
    environment: Environment,
    folder: Path | None,
    *,
    runs: bool,
    joined: bool = False,
) -> View:
    clock = SystemClock()
    now = business_now(ledger=ledger, clock=clock)
    found = read_current(ledger, environment, as_run_in(folder))
    if folder is not None:
        print(_first_line(folder, found.office, joined=joined), file=sys.stderr, flush=True)
    if found.trouble:
        print(found.trouble, file=sys.stderr)
    return View(
        ledger,
        found.office,
        now,
        clock.wall_now(),
        folder,
        runs,
        version=found.version,
        differing=found.differing,
    )


def _first_line(folder: Path, office: Office, *, joined: bool) -> str:
    summary = folder / SUMMARY
    try:
        told = json.loads(summary.read_text(encoding="utf-8"))
        ended_at = datetime.fromtimestamp(summary.stat().st_mtime, UTC)
    except (OSError, ValueError):
        return f"Reading what runs in {folder}." if joined else f"Reading the data in {folder}."
    words = OfficeWords(office.zone, wall_now())
    local = ended_at.astimezone(office.zone)
    when = f"{local.day} {local:%b} {words.clock(ended_at)}"
    days = told.get("simulated_days") if isinstance(told, Mapping) else None
    return f"Reading the demo of {when}" + (f" (simulated day {days})." if days else ".")
