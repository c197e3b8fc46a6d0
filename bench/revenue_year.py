"""A year of 2,000 subscribers: MRR, movements and metrics, from facts and the sandbox's objects.

    .venv/bin/python -m bench.revenue_year [MEMBERS] [MONTHS]

Exits 1 at the first month in which the two differ by a minor unit. The suite has a short form.
"""

import sys
import tempfile
from pathlib import Path

from tests.scenarios.world import shipped_configuration
from worker import clock
from worker.domain.metrics_rules import MetricsRules
from worker.joblog import build_joblog
from worker.rehearsal.embedded.claim import Claim
from worker.rehearsal.embedded.postgres import start_postgres
from worker.rehearsal.revenue_replay import Replay
from worker.rehearsal.revenue_year import START, Year, month_starts
from worker.store.ledger import PostgresLedger, connect
from worker.store.migrate import upgrade


class WallClock:
    """The host's clock."""

    wall_now = staticmethod(clock.wall_now)
    monotonic_seconds = staticmethod(clock.monotonic_seconds)


def main(members: int = 2000, months: int = 12) -> int:
    """Run, print a line a month, and return the exit code."""
    with tempfile.TemporaryDirectory() as folder, Claim(Path(folder)) as claim:
        running = start_postgres(claim, durable=False, keep_data=False)
        try:
            url = running.database_url("postgres")
            upgrade(url)
            return _ties_out(PostgresLedger(connect(url), "acct_1"), members, months)
        finally:
            running.server.stop()


def _ties_out(ledger: PostgresLedger, members: int, months: int) -> int:
    began = clock.monotonic_seconds()
    year = Replay(
        Year("1", members),
        ledger,
        rules=MetricsRules(),
        configuration=shipped_configuration(),
        clock=WallClock(),
        log=build_joblog(
            sys.stdout,
            log_format="text",
            level="warn",
            process="cli",
            wall_now=clock.wall_now,
            strict=True,
        ),
    )
    compared = figures = 0
    for first, after in month_starts(START, months):
        seen = year.month(after)
        told = year.told_movements(first, after)
        if (told, year.told_mrr(after)) != (seen.movements, seen.mrr):
            print(f"{first:%Y-%m}: facts {told} {year.told_mrr(after)}; objects {seen}")
            return 1
        if year.told_counts(first, after) != seen.counts:
            print(f"{first:%Y-%m}: facts count {year.told_counts(first, after)}; objects {seen}")
            return 1
        differing = year.differing_figures(seen, first, after)
        if differing:
            print(f"{first:%Y-%m}: (facts, objects) of {differing}")
            return 1
        figures += len(seen.figures)
        compared += sum(seen.counts.values())
        mrr = " ".join(f"{name} {amount}" for name, amount in sorted(seen.mrr.items()))
        print(f"{first:%Y-%m} {sum(seen.counts.values())} movements, MRR {mrr}", flush=True)
    if year.differing():
        return 1
    took = clock.monotonic_seconds() - began
    print(f"{members} members, {months} months, equal in {took:.0f} s:")
    print(f"{compared} movements and {figures} figures")
    return 0


if __name__ == "__main__":
    sys.exit(main(*(int(each) for each in sys.argv[1:])))
