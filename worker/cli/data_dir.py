"""Which ledger a reading command reads: `--data`, else DATABASE_URL, else the data directory.

The one way in beside demo, up and sandbox that reaches the embedded parts. Reading needs neither
Redis nor Stripe, so only the variables that it uses are looked at.
"""

import json
import os
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

from worker.clock import SystemClock, wall_now
from worker.domain.policy import Limits, Mode, Quiet
from worker.errors import ConfigError, ServiceUnavailable
from worker.office.ways import Office, office_of
from worker.office.words import OfficeWords
from worker.services.business_time import business_now
from worker.settings.environment import Environment, read_environment
from worker.settings.load import load_configuration
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

    @property
    def words(self) -> OfficeWords:
        """Writes times for the office."""
        return OfficeWords(self.office.zone, self.now)


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
    office = read_office(environment)
    folder = folder_to_read(data, environment)
    if folder is None:
        with _ledger_at(environment) as ledger:
            yield _view(ledger, office, None, runs=True)
        return
    from worker.rehearsal.embedded.ledger import open_ledger

    with open_ledger(folder) as found:
        print(_first_line(folder, office, joined=found.joined), file=sys.stderr, flush=True)
        reached = read_environment({"DATABASE_URL": found.urls.database_url}, frozenset())
        with _ledger_at(reached) as ledger:
            yield _view(ledger, office, folder, runs=found.urls.redis_url is not None)


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


def _view(ledger: PostgresLedger, office: Office, folder: Path | None, *, runs: bool) -> View:
    clock = SystemClock()
    now = business_now(ledger=ledger, clock=clock)
    return View(ledger, office, now, clock.wall_now(), folder, runs)


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


def read_office(environment: Environment) -> Office:
    """Return the office's ways; where config/ is broken, UTC and defaults, said on stderr."""
    try:
        letters = frozenset(path.stem for path in environment.templates_dir.glob("*/*.md"))
        configuration = load_configuration(environment.config_dir, letters)
    except ConfigError:
        print(
            "The configuration cannot be read, so times are in UTC: run dunning check.",
            file=sys.stderr,
        )
        return Office(ZoneInfo("UTC"), Mode.LIVE, Limits(), Quiet(), digest="")
    return office_of(configuration)
