"""Real servers for the tests, one set per test process, and no network for the unit tests.

A test that asks for `database_url`, `migrated_database_url`, `redis_url` or `smtp_inbox` gets a
fresh one of its own; the servers behind them start with the first test that needs them.
"""

import os
import socket
import sys
import uuid
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psycopg
import pytest

from worker.rehearsal.embedded.claim import Claim
from worker.rehearsal.embedded.inbox import Inbox
from worker.rehearsal.embedded.postgres import Postgres, start_postgres
from worker.rehearsal.embedded.valkey import Valkey, start_valkey

UNIT_TESTS = Path(__file__).parent / "unit"
NETWORK_EVENTS = frozenset({"socket.connect", "socket.bind", "socket.getaddrinfo"})
TEMPLATE = "template_migrated"


class _Network:
    """Whether sockets may be used now; an audit hook cannot be removed, so it asks this."""

    forbidden = False


def _refuse_network(event: str, _arguments: tuple[Any, ...]) -> None:
    if event in NETWORK_EVENTS and _Network.forbidden:
        raise RuntimeError(
            f"{event} in a unit test: give the code a fake, or move the test to tests/integration"
        )


sys.addaudithook(_refuse_network)


@pytest.fixture(autouse=True)
def _no_network_in_unit_tests(request: pytest.FixtureRequest) -> Iterator[None]:
    _Network.forbidden = request.path.is_relative_to(UNIT_TESTS)
    yield
    _Network.forbidden = False


@pytest.fixture(scope="session")
def _claim(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Claim]:
    with Claim(tmp_path_factory.mktemp("servers")) as claim:
        yield claim


@pytest.fixture(scope="session")
def postgres(_claim: Claim) -> Iterator[Postgres]:
    """Give this process's PostgreSQL 18, without fsync; use a URL fixture rather than this."""
    running = start_postgres(_claim, durable=False, keep_data=False)
    yield running
    running.server.stop()


@pytest.fixture(scope="session")
def valkey(_claim: Claim) -> Iterator[Valkey]:
    """Give this process's Valkey 9, without a file; use `redis_url` rather than this."""
    running = start_valkey(_claim, durable=False)
    yield running
    running.server.stop()


@pytest.fixture(scope="session")
def _session_inbox() -> Iterator[Inbox]:
    with Inbox() as inbox:
        yield inbox


@pytest.fixture
def database_url(postgres: Postgres) -> Iterator[str]:
    """Give the URL of an empty database of this test's own."""
    with _database(postgres, template="template0") as url:
        yield url


@pytest.fixture(scope="session")
def _migrated_template(postgres: Postgres) -> str:
    from worker.store.migrate import upgrade

    with psycopg.connect(postgres.url, autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {TEMPLATE} TEMPLATE template0 STRATEGY file_copy")
    upgrade(postgres.database_url(TEMPLATE))
    return TEMPLATE


@pytest.fixture
def migrated_database_url(postgres: Postgres, _migrated_template: str) -> Iterator[str]:
    """Give the URL of a database of this test's own that has every table."""
    with _database(postgres, template=_migrated_template) as url:
        yield url


@pytest.fixture
def redis_url(valkey: Valkey) -> str:
    """Give the URL of a Valkey that was just emptied."""
    with socket.socket(socket.AF_UNIX) as connection:
        connection.connect(str(valkey.socket_path))
        connection.sendall(b"FLUSHALL\r\n")
        assert connection.recv(64) == b"+OK\r\n"
    return valkey.url


@pytest.fixture
def smtp_inbox(_session_inbox: Inbox) -> Inbox:
    """Give an SMTP server that has no mail yet and plays no failure."""
    _session_inbox.clear()
    return _session_inbox


@contextmanager
def _database(postgres: Postgres, template: str) -> Iterator[str]:
    name = f"test_{uuid.uuid4().hex}"
    with psycopg.connect(postgres.url, autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name} TEMPLATE {template} STRATEGY file_copy")
        yield postgres.database_url(name)
        connection.execute(f"DROP DATABASE {name} WITH (FORCE)")


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Add to a failed test's report how to run it again with the same random numbers."""
    report = yield
    seed = getattr(item.config.option, "randomly_seed", None)
    if report.failed and seed is not None:
        again = f"pytest --randomly-seed={seed} '{item.nodeid}'"
        report.sections.append(("To repeat exactly this", again))
    return report


def pytest_configure(config: pytest.Config) -> None:
    """Let hypothesis print how to repeat a failure, and leave time limits to pytest-timeout."""
    from hypothesis import settings

    settings.register_profile("suite", print_blob=True, deadline=None)
    settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "suite"))
