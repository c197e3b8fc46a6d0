"""A ledger on real PostgreSQL, empty for each test."""

from collections.abc import Iterator

import pytest
from sqlalchemy import Engine

from tests.integration.store.shared import shared_database, wiped
from worker.rehearsal.embedded.postgres import Postgres
from worker.store.ledger import PostgresLedger

ACCOUNT = "acct_1"


@pytest.fixture(scope="session")
def _store_database(postgres: Postgres, _migrated_template: str) -> Iterator[str]:
    with shared_database(postgres, _migrated_template, "store_tests") as url:
        yield url


@pytest.fixture
def engine(_store_database: str) -> Iterator[Engine]:
    """Give an engine as the service makes it."""
    with wiped(_store_database) as made:
        yield made


@pytest.fixture
def ledger(engine: Engine) -> PostgresLedger:
    """Give the ledger of one account."""
    return PostgresLedger(engine, ACCOUNT)
