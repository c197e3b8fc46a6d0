"""Migrations: run under a lock, only ever expanding, so rollback is the old release (6)."""

from pathlib import Path

from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from psycopg.errors import InsufficientPrivilege
from sqlalchemy import Connection, Engine, text
from sqlalchemy.exc import ProgrammingError

from worker.errors import ConfigError
from worker.store import (
    chain_tables,
    config_tables,
    day_tables,
    discount_tables,
    erasable_tables,
    import_tables,
    job_tables,
    kept_tables,
    mirror_tables,
    office_tables,
    price_tables,
    revenue_tables,
    sink_tables,
    tables,
    tax_tables,
    watched_tables,
)
from worker.store.columns import metadata
from worker.store.ledger import CONNECTION_ERRORS, connect, unavailable

_LOCK = 7_224_951_104_310_633
"""Number of the advisory lock that two migrating processes wait on."""

TABLE_MODULES = (
    tables,
    chain_tables,
    revenue_tables,
    sink_tables,
    config_tables,
    day_tables,
    erasable_tables,
    job_tables,
    kept_tables,
    discount_tables,
    import_tables,
    mirror_tables,
    office_tables,
    price_tables,
    tax_tables,
    watched_tables,
)
"""Imported so that `metadata` is complete."""


def _config(connection: Connection | None = None) -> Config:
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations"))
    config.attributes["connection"] = connection
    return config


def upgrade(database_url: str) -> str:
    """Bring the database to the newest revision and return that revision's name.

    Args: database_url: `postgresql+psycopg://…`. Two callers at once are safe: the second waits
    and finds nothing to do. Raises: DatabaseUnavailable: the database is away; ConfigError: its
    user may not make tables (operator).
    """
    engine = connect(database_url, pool_size=1)
    try:
        with engine.begin() as connection:
            connection.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": _LOCK})
            command.upgrade(_config(connection), "head")
            return newest()
    except CONNECTION_ERRORS as error:
        raise unavailable(error) from error
    except ProgrammingError as error:
        if not isinstance(error.orig, InsufficientPrivilege):
            raise
        raise ConfigError(
            "The user in DATABASE_URL may not make tables; run dunning migrate as the owner."
        ) from error
    finally:
        engine.dispose()


def newest() -> str:
    """Return the newest revision that this release knows."""
    return ScriptDirectory.from_config(_config()).get_current_head() or ""


def current(engine: Engine) -> str:
    """Return the revision the database is at, or the empty string on a fresh one."""
    with engine.connect() as connection:
        return MigrationContext.configure(connection).get_current_revision() or ""


def is_behind(engine: Engine) -> bool:
    """Return whether this release needs tables that the database does not have yet.

    A revision that this release does not know is a later one: the old release works on it.
    """
    found = current(engine)
    known = {script.revision for script in ScriptDirectory.from_config(_config()).walk_revisions()}
    return found == "" or (found in known and found != newest())


def differences(engine: Engine) -> list[object]:
    """Return how the migrated database differs from the tables in code; a test wants none."""
    with engine.connect() as connection:
        return list(compare_metadata(MigrationContext.configure(connection), metadata))
