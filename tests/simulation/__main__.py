"""Run simulations without pytest: `python -m tests.simulation --seed 7` tells one run's story."""

import argparse
import sys

from tests.simulation.ground import Ground
from tests.simulation.many import make_database, on_many_grounds, private_postgres
from tests.simulation.runs import run
from tests.simulation.totals import Totals, run_seed, told
from worker.clock import monotonic_seconds
from worker.rehearsal.embedded.postgres import Postgres


def main() -> int:
    """Run what the command line names and return 1 where an invariant was broken."""
    parser = argparse.ArgumentParser(prog="python -m tests.simulation", description=__doc__)
    parser.add_argument("--seed", default="", help="tell the story of this one run")
    parser.add_argument("--runs", type=int, default=100)
    parser.add_argument("--first", type=int, default=1, help="the first of consecutive seeds")
    parser.add_argument("--processes", type=int, default=2)
    asked = parser.parse_args()
    with private_postgres() as postgres:
        if asked.seed:
            return _tell(postgres, asked.seed)
        return _many(postgres, range(asked.first, asked.first + asked.runs), asked.processes)


def _tell(postgres: Postgres, seed: str) -> int:
    ground = Ground(make_database(postgres, "story"))
    result = run(ground, seed, traced=True, log_level="info")
    ground.close()
    for line in (*(result.trace or ()), *result.log.splitlines(), *result.violations):
        print(line)  # noqa: T201 - this is a command
    print(f"seed {seed}: {result.points} points, digest {result.digest}, {result.outcomes}")  # noqa: T201
    return 1 if result.violations else 0


def _many(postgres: Postgres, seeds: range, processes: int) -> int:
    began, total = monotonic_seconds(), Totals()
    results = on_many_grounds(postgres, run_seed, seeds, processes=processes)
    for lines in told(results, total):
        seconds = monotonic_seconds() - began
        for line in lines:
            print(f"\n{line}", end="")  # noqa: T201
        print(f"\r{total.runs} of {len(seeds)} runs, {total.runs / seconds:.2f}/s ", end="")  # noqa: T201
        sys.stdout.flush()
    print(f"\nseeds {seeds[0]}-{seeds[-1]}: {total.figures}")  # noqa: T201
    print(f"cases: {dict(sorted(total.outcomes.items()))}")  # noqa: T201
    print(f"runs with violations: {len(total.broken)} {total.broken[:20]}")  # noqa: T201
    return 1 if total.broken else 0


if __name__ == "__main__":
    sys.exit(main())
