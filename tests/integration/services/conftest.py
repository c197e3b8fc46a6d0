"""The fixtures of the services' tests."""

from collections.abc import Iterator

import pytest

from tests.integration.services.bench import Bench
from tests.integration.store.shared import shared_database, wiped
from worker.rehearsal.embedded.postgres import Postgres
from worker.store.ledger import PostgresLedger


@pytest.fixture(scope="session")
def _services_database(postgres: Postgres, _migrated_template: str) -> Iterator[str]:
    with shared_database(postgres, _migrated_template, "services_tests") as url:
        yield url


@pytest.fixture
def bench(_services_database: str) -> Iterator[Bench]:
    """Give a worker's services on an empty ledger."""
    with wiped(_services_database) as engine:
        yield Bench(PostgresLedger(engine, "acct_1"))
