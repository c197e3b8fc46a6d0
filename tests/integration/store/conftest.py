"""A ledger on a migrated PostgreSQL of each test's own."""

from collections.abc import Iterator

import pytest
from sqlalchemy import Engine

from worker.store.ledger import PostgresLedger, connect

ACCOUNT = "acct_1"


@pytest.fixture
def engine(migrated_database_url: str) -> Iterator[Engine]:
    """Give an engine as the service makes it."""
    made = connect(migrated_database_url)
    yield made
    made.dispose()


@pytest.fixture
def ledger(engine: Engine) -> PostgresLedger:
    """Give the ledger of one account."""
    return PostgresLedger(engine, ACCOUNT)
