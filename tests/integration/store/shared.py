"""One migrated database for many tests: wiping its few rows is much cheaper than copying it."""

from collections.abc import Iterator
from contextlib import contextmanager

import psycopg
from sqlalchemy import Engine, text

from worker.rehearsal.embedded.postgres import Postgres
from worker.store.columns import metadata
from worker.store.ledger import connect
from worker.store.tables import CASE_NUMBERS

_WIPE = "; ".join(
    [f"DELETE FROM {table.name}" for table in reversed(metadata.sorted_tables)]
    + [f"ALTER SEQUENCE {CASE_NUMBERS.name} RESTART"]
)


@contextmanager
def shared_database(postgres: Postgres, template: str, name: str) -> Iterator[str]:
    """Give the URL of a copy of *template* that lives until the end of the test run."""
    with psycopg.connect(postgres.url, autocommit=True) as admin:
        admin.execute(f"CREATE DATABASE {name} TEMPLATE {template} STRATEGY file_copy".encode())
        yield postgres.database_url(name)
        admin.execute(f"DROP DATABASE {name} WITH (FORCE)".encode())


@contextmanager
def wiped(url: str) -> Iterator[Engine]:
    """Give an engine on a shared database in which nothing is left of other tests."""
    engine = connect(url)
    with engine.begin() as connection:
        connection.execute(text(_WIPE))
    yield engine
    engine.dispose()
