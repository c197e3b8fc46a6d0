"""One worker's parts in this process, on real PostgreSQL, Valkey, SMTP and the sandbox."""

import io
import json
import os
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import stripe

from tests.integration.store.shared import shared_database, wiped
from worker.bootstrap import WORKER_NEEDS, App, notices_in
from worker.clock import wall_now
from worker.joblog import build_joblog
from worker.rehearsal.embedded.inbox import Inbox
from worker.rehearsal.embedded.postgres import Postgres
from worker.rehearsal.sandbox.main import Running, start_thread
from worker.settings.environment import read_environment
from worker.settings.load import load_configuration

PROJECT = Path(__file__).parents[3]


@dataclass
class Bench:
    """A worker's App, its log, and Stripe's side."""

    app: App
    stream: io.StringIO
    stripe: stripe.StripeClient
    environ: dict[str, str]
    others: list[App] = field(default_factory=list)

    @property
    def lines(self) -> list[dict[str, Any]]:
        """Return the job log so far."""
        return [json.loads(line) for line in self.stream.getvalue().splitlines()]

    def said(self, event: str) -> list[dict[str, Any]]:
        """Return the lines of one kind of event."""
        return [line for line in self.lines if line["event"] == event]

    def with_environ(self, **changed: str) -> App:
        """Return another App on the same parts, with some variables changed; empty is unset."""
        environ = {name: value for name, value in (self.environ | changed).items() if value}
        self.others.append(make_app(environ, self.stream))
        return self.others[-1]


def make_app(environ: dict[str, str], stream: io.StringIO) -> App:
    """Return an App whose log refuses what the dictionary lacks."""
    environment = read_environment(environ, WORKER_NEEDS)
    configuration = load_configuration(
        environment.config_dir, notices_in(environment.templates_dir)
    )
    log = build_joblog(
        stream, log_format="json", level="debug", process="worker", wall_now=wall_now, strict=True
    )
    return App(environment, configuration, log, "worker")


@pytest.fixture(scope="session")
def box() -> Iterator[Running]:
    """Give one sandbox."""
    with start_thread(seed="jobs") as running:
        yield running


@pytest.fixture(scope="session")
def _jobs_database(postgres: Postgres, _migrated_template: str) -> Iterator[str]:
    with shared_database(postgres, _migrated_template, "jobs_tests") as url:
        yield url


@pytest.fixture
def bench(_jobs_database: str, redis_url: str, smtp_inbox: Inbox, box: Running) -> Iterator[Bench]:
    """Give a worker's App on an empty ledger that follows a test clock of its own."""
    with wiped(_jobs_database):
        pass
    client = stripe.StripeClient("sk_test_x", base_addresses={"api": box.base_url})
    test_clock = client.v1.test_helpers.test_clocks.create({"frozen_time": 1_796_112_000})
    environ = {
        "PATH": os.environ["PATH"],
        "DATABASE_URL": _jobs_database,
        "REDIS_URL": redis_url,
        "SMTP_URL": smtp_inbox.url,
        "STRIPE_API_KEY": "sk_test_x",
        "STRIPE_API_BASE": box.base_url,
        "STRIPE_TEST_CLOCK": test_clock.id,
        "CONFIG_DIR": str(PROJECT / "config"),
        "TEMPLATES_DIR": str(PROJECT / "templates"),
    }
    stream = io.StringIO()
    made = Bench(make_app(environ, stream), stream, client, environ)
    yield made
    for app in (made.app, *made.others):
        for thread, _ in app.sink_threads.values():  # one still at work would open connections anew
            thread.join(30)
        app.close()
