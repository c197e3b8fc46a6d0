"""A ledger in which facts are told."""

from collections.abc import Iterator

import pytest
from sqlalchemy import Engine

from tests.integration.metrics.telling import Telling
from tests.integration.store.shared import shared_database, wiped
from worker.rehearsal.embedded.postgres import Postgres
from worker.store.ledger import PostgresLedger


@pytest.fixture(scope="session")
def _metrics_database(postgres: Postgres, _migrated_template: str) -> Iterator[str]:
    with shared_database(postgres, _migrated_template, "metrics_tests") as url:
        yield url


@pytest.fixture
def engine(_metrics_database: str) -> Iterator[Engine]:
    """Give an engine as the service makes it."""
    with wiped(_metrics_database) as made:
        yield made


@pytest.fixture
def url(_metrics_database: str, engine: Engine) -> str:
    """Give the URL of the engine's database, in which nothing is left of other tests."""
    return _metrics_database


@pytest.fixture
def telling(engine: Engine) -> Telling:
    """Give what tells facts to a ledger."""
    return Telling(PostgresLedger(engine, "acct_metrics"))
