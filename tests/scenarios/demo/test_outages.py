"""Processes that are killed, and a worker that is away for days, in the middle of a rehearsal."""

import os
import signal
import threading
from collections import Counter
from datetime import datetime, timedelta
from pathlib import Path

import psycopg
import pytest

from tests.scenarios.demo.runs import Seen, rehearsal, see
from worker.queue.connection import connect_redis
from worker.rehearsal.checks import check_evidence, collect_evidence
from worker.rehearsal.customer_letters import ABOUT_UNPAID
from worker.rehearsal.rehearsal import Rehearsal, end_of

pytestmark = pytest.mark.timeout(600)
"""Weeks of real processes take minutes, more on a busy machine."""

PEOPLE = 20
DAYS = 8
KILL_AT_STOPS = {12: "worker", 20: "scheduler", 28: "worker", 33: "worker"}
LEASES_RUN_OUT = """
UPDATE cases SET lease_until = NULL, lease_token = NULL, dispatched_until = NULL;
UPDATE letters SET lease_until = clock_timestamp(), dispatched_until = NULL;
UPDATE jobs SET running_until = NULL;
"""


def play(out: Path, *, kills: dict[int, str]) -> tuple[Seen, tuple[str, ...], int]:
    """Return what was seen, what the checks found, and how often a process was started again."""
    with rehearsal(out, subscribers=PEOPLE) as running:

        def at_stop(_now: datetime) -> None:
            name = kills.get(running.driver.stops)
            if name is not None:
                _kill_soon(running, name)

        running.driver.drive(end_of(running, DAYS), at_stop)
        seen = see(running)
        evidence = collect_evidence(running.client, running.test_clock, running.customers.letters)
        restarts = sum(process.restarts for process in running.supervisor.processes.values())
    return seen, check_evidence(evidence, invariants_broken=0).found, restarts


def _kill_soon(running: Rehearsal, name: str) -> None:
    """Kill a process and all it started while the next hour is worked on.

    What it held would be taken up again once its leases ran out; here that time passes at once.
    """
    process = running.supervisor.processes[name].running
    assert process is not None
    pid, database_url = process.pid, running.database_url
    redis_url = running.supervisor.environ["REDIS_URL"]

    def strike() -> None:
        os.killpg(pid, signal.SIGKILL)
        if name == "worker":
            connect_redis(redis_url).flushall()
            with psycopg.connect(database_url, autocommit=True) as connection:
                connection.execute(LEASES_RUN_OUT)

    threading.Timer(0.15, strike).start()


def test_killed_processes_change_no_outcome(tmp_path: Path) -> None:
    calm, found_calm, restarts_calm = play(tmp_path / "calm", kills={})
    killed, found, restarts = play(tmp_path / "killed", kills=KILL_AT_STOPS)
    assert (found_calm, restarts_calm) == ((), 0)
    assert found == ()
    assert restarts >= 3
    assert killed.cases == calm.cases
    missing = Counter(n for one in calm.letters.values() for n in one)
    missing.subtract(n for one in killed.letters.values() for n in one)
    assert sum(missing.values()) <= killed.unknown_letters


def test_five_days_without_a_worker_end_in_no_burst(tmp_path: Path) -> None:
    with rehearsal(tmp_path, subscribers=PEOPLE) as running:
        driver = running.driver
        driver.drive(running.start_at + timedelta(days=4, hours=9), lambda _now: None)
        running.supervisor.hold("worker")
        tries_before, letters_before = _ours(running), len(running.customers.letters)
        driver.sleep_until(driver.now + timedelta(days=5))
        assert (_ours(running), len(running.customers.letters)) == (tries_before, letters_before)
        running.supervisor.release("worker")
        back_at = driver.now
        driver.drive(back_at + timedelta(hours=12), lambda _now: None)
        running.customers.next_act_at()
        letters = running.customers.letters[letters_before:]
        tries = [
            (one["invoice"], one["at"])
            for one in running.customers.tries
            if one["by"] == "api" and one["at"] >= back_at.timestamp()
        ]
        evidence = collect_evidence(running.client, running.test_clock, running.customers.letters)
    dunning = Counter(
        (one.recipient, one.invoices[:1]) for one in letters if one.notice in ABOUT_UNPAID
    )
    assert dunning
    assert max(dunning.values()) == 1
    assert max(Counter(invoice for invoice, _at in tries).values(), default=0) <= 1
    assert check_evidence(evidence, invariants_broken=0).found == ()


def _ours(running: Rehearsal) -> int:
    running.customers.next_act_at()
    return sum(one["by"] == "api" for one in running.customers.tries)
