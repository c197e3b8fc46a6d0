"""A whole rehearsal: embedded parts, sandbox, population, the real processes, and their driver."""

import os
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from worker import clock
from worker.errors import ServiceUnavailable
from worker.rehearsal.customers import Customers
from worker.rehearsal.driver import Driver, connect_doorbell
from worker.rehearsal.driver_config import REHEARSED_CONFIG, write_rehearsal_config
from worker.rehearsal.driver_ledger import LedgerView
from worker.rehearsal.driver_sandbox import SandboxClient
from worker.rehearsal.embedded.claim import in_use
from worker.rehearsal.embedded.stack import Stack, find_running, running_stack
from worker.rehearsal.population import START, Population, plan_population
from worker.rehearsal.supervisor import DUNNING, Supervisor, supervising

API_KEY = "sk_test_rehearsal"
SANDBOX_SECONDS_MAX = 30.0
WORKER_THREADS = 1
"""One, so that charges and letters of one hour happen in the same order in every run."""
LEFT_BEHIND = ("summary.json", "events.jsonl", "job.log", "report.html", "mail/*.eml")
"""What a rehearsal leaves; nothing else is ever removed from the folder."""


@dataclass(slots=True)
class Rehearsal:
    """Everything that runs, and what is known of the people."""

    driver: Driver
    population: Population
    people: Mapping[str, Mapping[str, Any]]
    customers: Customers
    client: SandboxClient
    test_clock: str
    database_url: str
    supervisor: Supervisor
    start_at: datetime


@contextmanager
def rehearsing(
    out: Path,
    *,
    subscribers: int,
    seed: str,
    tell: Callable[[str], None],
    config_dir: Path = Path("config"),
    templates_dir: Path = Path("templates"),
    threads: int = WORKER_THREADS,
) -> Iterator[Rehearsal]:
    """Start everything on *out*, which is emptied of an earlier rehearsal, and end it again.

    *tell* is given a sentence as each part is ready. Raises: ConfigError, ServiceUnavailable.
    """
    if find_running(out):
        raise in_use(out)
    began = clock.monotonic_seconds()
    _emptied(out)
    with ExitStack() as parts:
        stack = parts.enter_context(running_stack(out, durable=False))
        supervisor = parts.enter_context(supervising({}, out / "job.log"))
        config = write_rehearsal_config(config_dir, out / REHEARSED_CONFIG)
        _fresh_ledger(stack)
        base_url = _start_sandbox(supervisor, out, seed)
        tell(f"PostgreSQL, Valkey, inbox, sandbox   done {_seconds(began)}")
        began = clock.monotonic_seconds()
        client = parts.enter_context(closing(SandboxClient(base_url)))
        told = client.control("/_sandbox/population", {"seed": seed, "subscribers": subscribers})
        supervisor.environ = _environment(
            stack, base_url, told["test_clock"], config, templates_dir
        )
        supervisor.start("scheduler", *DUNNING, "schedule")
        supervisor.start("worker", *DUNNING, "work", "--processes", "1", "--threads", str(threads))
        tell(f"{subscribers} customers   done {_seconds(began)}")
        population = plan_population(seed, subscribers)
        customers = Customers(
            population, told["customers"], client=client, mails=lambda: stack.inbox.mails
        )
        driver = Driver(
            client=client,
            test_clock=told["test_clock"],
            customers=customers,
            view=parts.enter_context(LedgerView(stack.urls.database_url)),
            doorbell=connect_doorbell(stack.urls.redis_url or ""),
            supervisor=supervisor,
            now=START,
        )
        yield Rehearsal(
            driver,
            population,
            told["customers"],
            customers,
            client,
            told["test_clock"],
            stack.urls.database_url,
            supervisor,
            START,
        )


def end_of(rehearsal: Rehearsal, days: int) -> datetime:
    """Return the last instant of a rehearsal of *days* days."""
    return rehearsal.start_at + timedelta(days=days)


def _emptied(out: Path) -> Path:
    """Take away what an earlier rehearsal left; the embedded servers' own files are theirs."""
    out.mkdir(parents=True, exist_ok=True)
    for pattern in LEFT_BEHIND:
        for path in out.glob(pattern):
            path.unlink()
    return out


def _fresh_ledger(stack: Stack) -> None:
    """Give the rehearsal an empty, migrated database and an empty queue."""
    import psycopg

    from worker.queue.connection import connect_redis
    from worker.store.migrate import upgrade

    with psycopg.connect(stack.urls.database_url, autocommit=True) as connection:
        connection.execute("DROP SCHEMA IF EXISTS metrics CASCADE")
        connection.execute("DROP SCHEMA public CASCADE")
        connection.execute("CREATE SCHEMA public")
    upgrade("postgresql+psycopg://" + stack.urls.database_url.split("://", 1)[1])
    connect_redis(stack.urls.redis_url or "").flushall()


def _start_sandbox(supervisor: Supervisor, out: Path, seed: str) -> str:
    port_file = out / "embedded" / "sandbox.port"
    port_file.unlink(missing_ok=True)
    supervisor.environ = dict(os.environ)
    supervisor.start(
        "sandbox",
        sys.executable,
        "-m",
        "worker.rehearsal.driver_sandbox_server",
        str(port_file),
        seed,
        keeps_state=True,
    )
    deadline = clock.monotonic_seconds() + SANDBOX_SECONDS_MAX
    while not port_file.exists():
        supervisor.watch()
        if clock.monotonic_seconds() > deadline:
            raise ServiceUnavailable("The sandbox did not start; the end of job.log says why.")
        clock.sleep(0.01)
    return f"http://127.0.0.1:{port_file.read_text()}"


def _environment(
    stack: Stack, base_url: str, test_clock: str, config: Path, templates_dir: Path
) -> dict[str, str]:
    """Return what the processes see: this process's environment with ours in its place."""
    return {
        **os.environ,
        "DATABASE_URL": stack.urls.database_url,
        "DATABASE_PREPARE": "on",
        "REDIS_URL": stack.urls.redis_url or "",
        "SMTP_URL": stack.urls.smtp_url or "",
        "STRIPE_API_KEY": API_KEY,
        "STRIPE_API_BASE": base_url,
        "STRIPE_TEST_CLOCK": test_clock,
        "CUSTOMER_PORTAL_URL": f"{base_url}/_sandbox/portal/{{customer}}",
        "CONFIG_DIR": str(config),
        "TEMPLATES_DIR": str(templates_dir),
        "LOG_FORMAT": "json",
        "LOG_LEVEL": "info",
    }


def _seconds(began: float) -> str:
    return f"{clock.monotonic_seconds() - began:.0f} s"
