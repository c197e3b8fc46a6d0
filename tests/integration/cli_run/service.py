"""The real processes, started as commands, and what can be seen of them from outside."""

import contextlib
import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psycopg
import stripe
from redis import Redis

from worker import clock

WAIT_SECONDS_MAX = 60.0
END_SECONDS_MAX = 30.0
"""How long a process may take to end after SIGTERM (interface.md, Processes)."""
DUNNING = (sys.executable, "-m", "worker.cli.main")
FROZEN_AT = 1_796_112_000
"""Tue 1 Dec 2026, 08:00 UTC: the clock's first time."""
HOUR = 3600
DAY = 24 * HOUR


def wait_until(ready: Callable[[], object], what: str) -> None:
    """Wait until *ready* gives something true. Raises: AssertionError: it never did."""
    deadline = clock.monotonic_seconds() + WAIT_SECONDS_MAX
    while not ready():
        assert clock.monotonic_seconds() < deadline, f"waited a minute: {what}"
        clock.sleep(0.05)


@dataclass
class Program:
    """One running command; its output is in two files."""

    process: subprocess.Popen[bytes]
    out: Path
    err: Path

    @property
    def lines(self) -> list[dict[str, Any]]:
        """Return the finished lines of standard output, each of which must be JSON."""
        whole = self.out.read_text().rpartition("\n")[0]
        return [json.loads(line) for line in whole.splitlines()]

    def said(self, event: str) -> list[dict[str, Any]]:
        """Return the lines of one kind of event."""
        return [line for line in self.lines if line["event"] == event]

    def until_said(self, event: str) -> None:
        """Wait for a line; fails at once where the program ends instead."""

        def ready() -> bool:
            ended = self.process.poll() is not None
            assert self.said(event) or not ended, f"ended without {event}: {self.err.read_text()}"
            return bool(self.said(event))

        wait_until(ready, f"{self.out.name} says {event}")

    def terminate(self) -> int:
        """Send SIGTERM and return the exit code; it must come in time."""
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(END_SECONDS_MAX)

    def kill(self) -> None:
        """Kill it with everything it started."""
        with contextlib.suppress(ProcessLookupError):  # its session is its group
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()

    def children(self) -> list[int]:
        """Return the process numbers of its own processes."""
        pid = self.process.pid
        return [int(n) for n in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


@dataclass
class Service:
    """One installation: variables, a test clock at Stripe, and the commands started on it."""

    environ: dict[str, str]
    folder: Path
    client: stripe.StripeClient
    clock_id: str
    programs: list[Program] = field(default_factory=list)
    now: int = FROZEN_AT

    def start(
        self,
        *words: str,
        environ: Mapping[str, str] | None = None,
        command: Sequence[str] = DUNNING,
    ) -> Program:
        """Start `dunning` with *words* in a session of its own."""
        name = f"{len(self.programs)}-{words[0]}" if command is DUNNING else "program"
        out, err = self.folder / f"{name}.out", self.folder / f"{name}.err"
        with out.open("ab") as out_file, err.open("ab") as err_file:
            process = subprocess.Popen(
                [*command, *words],
                stdin=subprocess.DEVNULL,
                stdout=out_file,
                stderr=err_file,
                env=dict(self.environ if environ is None else environ),
                start_new_session=True,
            )
        self.programs.append(Program(process, out, err))
        return self.programs[-1]

    def run(self, *words: str, **changed: str) -> tuple[int, str, str]:
        """Run a command to its end and return (exit code, standard output, standard error)."""
        program = self.start(*words, environ=self.environ | changed)
        code = program.process.wait(WAIT_SECONDS_MAX)
        return code, program.out.read_text(), program.err.read_text()

    def run_python(self, text: str, **changed: str) -> Program:
        """Run a Python program to its end."""
        command = [sys.executable, "-c"]
        program = self.start(text, environ=self.environ | changed, command=command)
        program.process.wait(WAIT_SECONDS_MAX)
        return program

    def work(self) -> Program:
        """Start a worker with one process of four threads, and wait until it has begun."""
        program = self.start("work", "--processes", "1", "--threads", "4")
        program.until_said("boot")
        return program

    def schedule(self) -> Program:
        """Start a scheduler and wait until it has begun."""
        program = self.start("schedule")
        program.until_said("boot")
        return program

    def rows(self, query: str) -> list[tuple[Any, ...]]:
        """Return what a query of the ledger gives."""
        with psycopg.connect(self.environ["DATABASE_URL"]) as connection:
            return connection.execute(query.encode()).fetchall()

    def execute(self, statement: str) -> None:
        """Change the ledger by hand."""
        with psycopg.connect(self.environ["DATABASE_URL"]) as connection:
            connection.execute(statement.encode())

    def let_leases_end(self) -> None:
        """Let what a dead process or a lost message holds be taken up now, not in 30 or 150 s."""
        for table in ("cases", "letters"):
            self.execute(f"UPDATE {table} SET lease_until = now(), dispatched_until = now()")
        self.execute("UPDATE jobs SET running_until = now()")

    def value(self, query: str) -> Any:
        """Return the first value of the first row, or None."""
        found = self.rows(query)
        return found[0][0] if found else None

    def until(self, query: str, wanted: object = True) -> None:
        """Wait until the query's first value is the wanted one."""
        wait_until(lambda: self.value(query) == wanted, f"{query} = {wanted}")

    def redis(self) -> Redis:
        """Return a client of the queue."""
        return Redis.from_url(self.environ["REDIS_URL"])

    def subscribe(self, name: str, *, amount_minor: int = 4900) -> str:
        """Make a customer with a monthly subscription and return the payment method's id.

        All pay with one card, as Stripe's test card is: networks count its tries by amount.
        """
        v1 = self.client.v1
        customer = v1.customers.create(
            {
                "name": name,
                "email": f"{name}@blue-studio.example",
                "test_clock": self.clock_id,
                "payment_method": "pm_card_visa",
                "address": {"country": "DE"},
            }
        )
        method = v1.payment_methods.list({"customer": customer.id}).data[0].id
        v1.customers.update(customer.id, {"invoice_settings": {"default_payment_method": method}})
        price = v1.prices.create(
            {
                "currency": "eur",
                "unit_amount": amount_minor,
                "recurring": {"interval": "month"},
                "product_data": {"name": "Team"},
            }
        )
        v1.subscriptions.create({"customer": customer.id, "items": [{"price": price.id}]})
        return method

    def until_settled(self) -> None:
        """Wait until every job has run once: the mirrors are filled, the first day is compared."""
        self.until("SELECT bool_and(last_outcome = 'ok') AND count(*) > 8 FROM jobs")

    def advance(self, seconds: int, *, followed: bool = True) -> None:
        """Move Stripe's clock and, with *followed*, wait until the ledger stands there too."""
        clocks = self.client.v1.test_helpers.test_clocks
        self.now += seconds
        clocks.advance(self.clock_id, {"frozen_time": self.now})
        wait_until(lambda: clocks.retrieve(self.clock_id).status == "ready", "the clock is ready")
        if followed:
            self.until(f"SELECT business_at = to_timestamp({self.now}) FROM control")
