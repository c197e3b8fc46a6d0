"""The fixtures of the web process's tests."""

from collections.abc import Iterator

import pytest

from tests.integration.store.shared import shared_database, wiped
from tests.integration.web.posting import Web, begin, web_process
from worker.rehearsal.embedded.postgres import Postgres
from worker.store.ledger import PostgresLedger


@pytest.fixture(scope="session")
def web_database(postgres: Postgres, _migrated_template: str) -> Iterator[str]:
    with shared_database(postgres, _migrated_template, "web_tests") as url:
        yield url


@pytest.fixture
def begun_url(web_database: str) -> Iterator[str]:
    """Give the URL of a ledger that a worker has just begun."""
    with wiped(web_database) as engine:
        begin(PostgresLedger(engine, "acct_1"))
        yield web_database.replace("postgresql+psycopg://", "postgresql://")


@pytest.fixture
def web(begun_url: str, redis_url: str) -> Iterator[Web]:
    """Give a web process that knows an old and a new secret."""
    with web_process(begun_url, redis_url) as running:
        yield running
