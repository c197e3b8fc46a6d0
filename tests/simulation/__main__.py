"""Run simulations without pytest: `python -m tests.simulation --seed 7` tells one run's story."""

import argparse
import sys
import tempfile
from collections.abc import Sequence
from multiprocessing import get_context
from pathlib import Path
from typing import Any

from tests.simulation.ground import Ground
from tests.simulation.runs import Result, run
from worker.clock import monotonic_seconds
from worker.rehearsal.embedded.claim import Claim
from worker.rehearsal.embedded.postgres import Postgres, start_postgres
from worker.store.migrate import upgrade

CHUNK = 20
"""Runs after which a process tells how far it is."""


def main() -> int:
    """Run what the command line names and return 1 where an invariant was broken."""
    asked = _arguments()
    with tempfile.TemporaryDirectory() as folder, Claim(Path(folder)) as claim:
        postgres = start_postgres(claim, durable=False, keep_data=False)
        try:
            if asked.seed:
                return _tell(postgres, asked.seed)
            return _many(postgres, asked.first, asked.runs, asked.processes)
        finally:
            postgres.server.stop()


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.simulation", description=__doc__)
    parser.add_argument("--seed", default="", help="tell the story of this one run")
    parser.add_argument("--runs", type=int, default=100)
    parser.add_argument("--first", type=int, default=1, help="the first of consecutive seeds")
    parser.add_argument("--processes", type=int, default=2)
    return parser.parse_args()


def _database(postgres: Postgres, name: str) -> Ground:
    import psycopg

    with psycopg.connect(postgres.url, autocommit=True) as admin:
        admin.execute(f"CREATE DATABASE {name}".encode())
    url = postgres.database_url(name)
    upgrade(url)
    return Ground(url)


def _tell(postgres: Postgres, seed: str) -> int:
    result = run(_database(postgres, "story"), seed, traced=True, log_level="info")
    for line in (*(result.trace or ()), *result.log.splitlines(), *result.violations):
        print(line)  # noqa: T201 - this is a command
    print(f"seed {seed}: {result.points} points, digest {result.digest}, {result.outcomes}")  # noqa: T201
    return 1 if result.violations else 0


def _many(postgres: Postgres, first: int, runs: int, processes: int) -> int:
    began = monotonic_seconds()
    shares = [
        (postgres, f"runs_{n}", list(range(first + n, first + runs, processes)))
        for n in range(processes)
    ]
    queue: Any = get_context("spawn").SimpleQueue()
    workers = [get_context("spawn").Process(target=_share, args=(*one, queue)) for one in shares]
    for one in workers:
        one.start()
    total = Totals()
    waiting = len(workers)
    while waiting:
        found = queue.get()
        waiting -= found is None
        if found is not None:
            total.add(found)
            seconds = monotonic_seconds() - began
            print(f"\r{total.runs} of {runs} runs, {total.runs / seconds:.1f}/s", end="")  # noqa: T201
            sys.stdout.flush()
    for one in workers:
        one.join()
    print(f"\n{total.line(first, monotonic_seconds() - began)}")  # noqa: T201
    return 1 if total.broken or total.runs < runs else 0


def _share(postgres: Postgres, name: str, seeds: Sequence[int], queue: Any) -> None:
    ground, found = _database(postgres, name), Totals()
    try:
        for number, seed in enumerate(seeds, 1):
            found.count(run(ground, str(seed)))
            if number % CHUNK == 0 or number == len(seeds):
                queue.put(found)
                found = Totals()
    finally:
        ground.close()
        queue.put(None)


class Totals:
    """What many runs came to."""

    def __init__(self) -> None:
        """Begin with none."""
        self.runs = self.points = self.deaths = self.freezes = self.charges = 0
        self.days = 0.0
        self.broken: list[str] = []
        self.outcomes: dict[str, int] = {}

    def count(self, result: Result) -> None:
        """Count one run in and print what it broke."""
        one = Totals()
        one.runs, one.points, one.deaths = 1, result.points, result.deaths
        one.freezes, one.charges, one.days = result.freezes, result.charges, result.days
        one.outcomes = result.outcomes
        if result.violations:
            one.broken = [result.seed]
            again = f"python -m tests.simulation --seed {result.seed}"
            print("\n".join(["", *result.violations, f"again: {again}"]))  # noqa: T201
        self.add(one)

    def add(self, other: "Totals") -> None:
        """Add what other runs came to."""
        for name in ("runs", "points", "deaths", "freezes", "charges", "days"):
            setattr(self, name, getattr(self, name) + getattr(other, name))
        self.broken += other.broken
        for outcome, count in other.outcomes.items():
            self.outcomes[outcome] = self.outcomes.get(outcome, 0) + count

    def line(self, first: int, seconds: float) -> str:
        """Return the figures for a person."""
        outcomes = ", ".join(f"{count} {name}" for name, count in sorted(self.outcomes.items()))
        return (
            f"simulation  seeds {first}-{first + self.runs - 1} · {self.runs:,} runs · "
            f"{self.points:,} I/O points · {self.deaths:,} kills · {self.freezes:,} freezes · "
            f"{self.charges:,} charges · {self.days / 365:.0f} simulated years · "
            f"{seconds:.0f} s · {len(self.broken)} runs with violations {self.broken[:9]}\n"
            f"            cases: {outcomes}"
        )


if __name__ == "__main__":
    sys.exit(main())
