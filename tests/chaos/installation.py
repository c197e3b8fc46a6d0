"""Everything a chaos run stands on: servers that lose nothing they acknowledged, the sandbox, an
inbox, and the real processes: workers, two schedulers, the web process."""

import os
import socket
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psycopg
from redis import Redis

from tests.chaos.fast_clock import FastClock
from tests.chaos.mailbox import Mailbox
from tests.chaos.plan import Size
from tests.scenarios.stripe_side import START, WORKER_KEY
from tests.scenarios.world import REPOSITORY, Servers
from worker import clock
from worker.rehearsal.driver_sandbox import SandboxClient
from worker.rehearsal.embedded.claim import Claim
from worker.rehearsal.embedded.postgres import Postgres, start_postgres
from worker.rehearsal.embedded.valkey import Valkey, start_valkey
from worker.rehearsal.sandbox.app import Sandbox
from worker.rehearsal.sandbox.main import Running, start_thread
from worker.rehearsal.supervisor import Process, Supervisor

CONFIG = REPOSITORY / "tests" / "chaos" / "config"
SECRETS = ("whsec_chaosOld", "whsec_chaosNew")
WORKER_THREADS = 3
LATENCY_MS = 60
"""Of every answer of Stripe's: so there is nearly always a request under way."""
WEBHOOK_FAULTS = {"duplicate": 0.2, "reorder": 0.15, "late": 0.15, "lost": 0.15}
STRANGERS = {"forged": 0.1, "replayed": 0.1}


@dataclass
class Installation:
    """What runs; `start_processes` gives it workers."""

    folder: Path
    claim: Claim
    postgres: Postgres
    valkey: Valkey
    inbox: Mailbox
    stripe_box: Running
    clock: FastClock
    supervisor: Supervisor
    workers: list[str] = field(default_factory=list)
    web_port: int = 0

    @property
    def log(self) -> Path:
        """Where all processes write."""
        return self.folder / "job.log"

    def servers(self, name: str) -> Servers:
        """Return the addresses, with the database called *name*."""
        return Servers(self.postgres.database_url(name), self.valkey.url, self.stripe_box.base_url)

    def copy_database(self, name: str) -> None:
        """Make a migrated database called *name*."""
        with psycopg.connect(self.postgres.url, autocommit=True) as admin:
            admin.execute(f"CREATE DATABASE {name} TEMPLATE migrated".encode())

    def replace_database(self, name: str, *, by: str) -> None:
        """Make *name* a copy of the database *by*, whoever was using either of them."""
        with psycopg.connect(self.postgres.url, autocommit=True) as admin:
            admin.execute(f"ALTER DATABASE {by} ALLOW_CONNECTIONS false".encode())
            query = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s"
            admin.execute(query, (by,))
            admin.execute(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)".encode())
            admin.execute(f"CREATE DATABASE {name} TEMPLATE {by}".encode())
            admin.execute(f"ALTER DATABASE {by} ALLOW_CONNECTIONS true".encode())

    def redis(self) -> Redis:
        """Return a client of the queue."""
        return Redis.from_url(self.valkey.url)

    def start_processes(self, servers: Servers, size: Size, test_clock: str) -> None:
        """Start workers, two schedulers and the web process on *servers*."""
        self.supervisor.environ = {
            "PATH": os.environ["PATH"],
            "PYTHONPATH": str(REPOSITORY),
            "DATABASE_URL": servers.database_url,
            "REDIS_URL": servers.redis_url,
            "SMTP_URL": self.inbox.url,
            "STRIPE_API_KEY": WORKER_KEY,
            "STRIPE_API_BASE": servers.stripe_base,
            "STRIPE_TEST_CLOCK": test_clock,
            "STRIPE_WEBHOOK_SECRET": ",".join(SECRETS),
            "METRICS_BIND": "127.0.0.1:0",
            "CUSTOMER_PORTAL_URL": f"{servers.stripe_base}/_sandbox/portal/{{customer}}",
            "CONFIG_DIR": str(CONFIG),
            "TEMPLATES_DIR": str(REPOSITORY / "templates"),
            "LOG_FORMAT": "json",
            "LOG_LEVEL": "info",
        }
        count = ["--processes", str(size.processes), "--threads", str(WORKER_THREADS)]
        self.workers = [f"worker {number}" for number in range(1, size.workers + 1)]
        for name in self.workers:
            self._start(name, "work", *count)
        for name in ("scheduler 1", "scheduler 2"):
            self._start(name, "schedule")
        self.web_port = _free_port()
        self._start("web", "web", "--port", str(self.web_port))

    def _start(self, name: str, *words: str) -> None:
        self.supervisor.start(name, *self.program(), *words)

    def program(self, skew_seconds: float = 0.0) -> list[str]:
        """Return the words before a command's own; its clock is ahead by *skew_seconds*."""
        fast = FastClock(self.clock.start, self.clock.began, skew_seconds)
        return [sys.executable, "-m", "tests.chaos.fast_clock", fast.text]

    def process(self, name: str) -> Process:
        """Return one of the processes."""
        return self.supervisor.processes[name]

    def skew(self, name: str, seconds: float) -> None:
        """Let the clock of *name* be wrong by *seconds* from its next start on."""
        process = self.process(name)
        words = list(process.command)[len(self.program()) :]
        process.command = [*self.program(seconds), *words]

    def send_webhooks(self, control: SandboxClient, *secrets: str) -> None:
        """Let Stripe deliver its events, signed with *secrets*, not all of them as it should."""
        url = f"http://127.0.0.1:{self.web_port}/webhooks/stripe"
        faults: dict[str, Any] = {**WEBHOOK_FAULTS, **STRANGERS, "late_seconds": 0.7}
        endpoint = {"url": url, "secrets": list(secrets)}
        control.control("/_sandbox/webhooks", {"endpoints": [endpoint], "faults": faults})

    def restart_database(self) -> None:
        """Start PostgreSQL again, with the data it had, at the same address."""
        self.postgres = start_postgres(self.claim)

    def restart_queue(self) -> None:
        """Start Valkey again, with the data it had, at the same address."""
        self.valkey = start_valkey(self.claim)


@contextmanager
def installed(folder: Path, *, seed: str) -> Iterator[Installation]:
    """Start the servers on *folder*, whose path must be short, and end everything with the context.

    PostgreSQL and Valkey write to disk before they acknowledge, since facts are counted.
    """
    fast = FastClock(START, clock.monotonic_seconds())
    with (
        Claim(folder) as claim,
        Mailbox() as inbox,
        start_thread(sandbox=Sandbox(seed=seed, wall=fast.wall_now)) as box,
    ):
        made = Installation(
            folder,
            claim,
            start_postgres(claim),
            start_valkey(claim),
            inbox,
            box,
            fast,
            Supervisor({}, folder / "job.log"),
        )
        try:
            _migrate(made)
            yield made
        finally:
            made.supervisor.stop()
            made.valkey.server.stop()
            made.postgres.server.stop()


def _migrate(made: Installation) -> None:
    from worker.store.migrate import upgrade

    with psycopg.connect(made.postgres.url, autocommit=True) as admin:
        admin.execute("CREATE DATABASE migrated")
    upgrade(made.postgres.database_url("migrated"))


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
