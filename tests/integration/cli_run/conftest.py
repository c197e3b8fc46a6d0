"""A service on real PostgreSQL, Valkey, SMTP and the Stripe sandbox, with quick intervals."""

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
import requests
import stripe

from tests.integration.cli_run.service import FROZEN_AT, Service
from tests.integration.store.shared import shared_database, wiped
from worker.rehearsal.embedded.inbox import Inbox
from worker.rehearsal.embedded.postgres import Postgres
from worker.rehearsal.sandbox.main import Running, start_thread

PROJECT = Path(__file__).parents[3]
QUICK = """
read_stripe: every 1 second
due_cases: every 1 second
deliver_letters: every 1 second
sweep: every 2 seconds
"""


@pytest.fixture(scope="session")
def box() -> Iterator[Running]:
    """Give one sandbox; each test has a clock of its own in it."""
    with start_thread(seed="processes") as running:
        yield running


@pytest.fixture(scope="session")
def quick_config(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give the shipped configuration with intervals that a test can wait for."""
    folder = tmp_path_factory.mktemp("config")
    for name in ("dunning.yaml", "notices.yaml"):
        shutil.copy(PROJECT / "config" / name, folder)
    shipped = (PROJECT / "config" / "schedule.yaml").read_text().splitlines()
    changed = [line.partition(":")[0] for line in QUICK.split("\n") if line]
    kept = [line for line in shipped if line.partition(":")[0] not in changed]
    (folder / "schedule.yaml").write_text("\n".join(kept) + QUICK)
    return folder


@pytest.fixture(scope="session")
def _process_database(postgres: Postgres, _migrated_template: str) -> Iterator[str]:
    with shared_database(postgres, _migrated_template, "process_tests") as url:
        yield url


@pytest.fixture
def service(
    _process_database: str,
    redis_url: str,
    smtp_inbox: Inbox,
    box: Running,
    quick_config: Path,
    tmp_path: Path,
) -> Iterator[Service]:
    """Give an installation on which nothing runs yet; everything started on it ends with it."""
    with wiped(_process_database):
        pass
    reset = requests.post(f"{box.base_url}/_sandbox/reset", json={}, timeout=10)
    reset.raise_for_status()
    client = stripe.StripeClient("sk_test_x", base_addresses={"api": box.base_url})
    test_clock = client.v1.test_helpers.test_clocks.create({"frozen_time": FROZEN_AT})
    environ = {
        "PATH": os.environ["PATH"],
        "DATABASE_URL": _process_database,
        "REDIS_URL": redis_url,
        "SMTP_URL": smtp_inbox.url,
        "STRIPE_API_KEY": "sk_test_x",
        "STRIPE_API_BASE": box.base_url,
        "STRIPE_TEST_CLOCK": test_clock.id,
        "CONFIG_DIR": str(quick_config),
        "TEMPLATES_DIR": str(PROJECT / "templates"),
        "LOG_FORMAT": "json",
        "LOG_LEVEL": "debug",
    }
    made = Service(environ, tmp_path, client, test_clock.id)
    yield made
    for program in made.programs:
        if program.process.poll() is None:
            program.kill()
