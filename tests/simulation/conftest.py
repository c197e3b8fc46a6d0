"""One database for this process's simulations, wiped before each run."""

import uuid
from collections.abc import Iterator

import psycopg
import pytest

from tests.simulation.ground import Ground
from worker.rehearsal.embedded.postgres import Postgres


@pytest.fixture(scope="session")
def ground(postgres: Postgres, _migrated_template: str) -> Iterator[Ground]:
    """Give the ground of this process's runs."""
    name = f"simulations_{uuid.uuid4().hex}"
    with psycopg.connect(postgres.url, autocommit=True) as admin:
        admin.execute(f"CREATE DATABASE {name} TEMPLATE {_migrated_template}".encode())
    made = Ground(postgres.database_url(name))
    yield made
    made.close()
