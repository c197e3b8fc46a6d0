"""`make prove`: the full forms of what `make test` samples, and one table of their figures.

    python -m tests.prove --runs 10000 --every 1 --examples 2000 --chaos 10

Every run is a function of its seed, so `--first` goes on where an earlier proof ended, and
`python -m tests.simulation --seed N` tells the story of any run.
"""

import argparse
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cache

from hypothesis import settings
from hypothesis.stateful import run_state_machine_as_test

from tests.simulation.compared import WAYS, compared
from tests.simulation.crash_points import STORIES, Lived, differs, live
from tests.simulation.many import on_many_grounds, private_postgres, this_ground
from tests.simulation.mutants import MUTANTS, RIGHT, Caught
from tests.simulation.totals import Totals, run_seed, told
from tests.unit.domain.case_machine import CaseMachine, Figures
from worker.clock import monotonic_seconds
from worker.rehearsal.embedded.postgres import Postgres

STEPS = 60
"""Of each example of the properties."""


@dataclass(frozen=True)
class Row:
    """One line of the table."""

    what: str
    figures: str
    result: str
    broken: int
    seconds: float


@dataclass
class Proof:
    """What was proved so far."""

    rows: list[Row] = field(default_factory=list)

    def part(self, what: str, do: Callable[[], tuple[str, str, int]]) -> None:
        """Do one part and keep its figures, result and count of what is broken."""
        say(f"{what} ...")
        began = monotonic_seconds()
        figures, result, broken = do()
        self.rows.append(Row(what, figures, result, broken, monotonic_seconds() - began))

    def table(self) -> str:
        """Return the table in Markdown."""
        lines = [
            f"| {row.what} | {row.figures} | {row.result} | {row.seconds:,.0f} s |"
            for row in self.rows
        ]
        return "\n".join(["| suite | run | result | took |", "|---|---|---|---|", *lines])


def say(text: str, end: str = "\n") -> None:
    """Print at once: a proof takes long."""
    print(text, end=end, flush=True)  # noqa: T201 - this is a command


def main() -> int:
    """Prove what the command line asks for and return 1 where anything is broken."""
    asked = _arguments()
    proof = Proof()
    with private_postgres() as postgres:
        if asked.runs:
            seeds = range(asked.first, asked.first + asked.runs)
            proof.part("simulation", lambda: simulations(postgres, seeds, asked.processes))
        if asked.every:
            stories = asked.story or [*STORIES]
            proof.part("deaths", lambda: deaths(postgres, stories, asked.every, asked.processes))
        if asked.compared:
            proof.part("same ends", lambda: same_ends(postgres, asked.processes))
        if asked.mutants:
            proof.part("mutants", lambda: mutants(postgres, asked.processes))
    if asked.examples:
        proof.part("properties", lambda: properties(asked.examples))
    if asked.chaos:
        proof.part("chaos", lambda: chaos(asked.chaos))
    say(f"\n{proof.table()}")
    if asked.runs:
        say(f"\nGo on with: make prove FIRST={asked.first + asked.runs}")
    return 1 if any(row.broken for row in proof.rows) else 0


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.prove", description=__doc__)
    parser.add_argument("--runs", type=int, default=10_000, help="simulated runs; 0: none")
    parser.add_argument("--first", type=int, default=1, help="the first of consecutive seeds")
    parser.add_argument("--every", type=int, default=1, help="die at each n-th boundary; 0: none")
    parser.add_argument(
        "--story", action="append", choices=[*STORIES], help="die only here; may be given again"
    )
    parser.add_argument("--compared", type=int, default=1, help="0: none")
    parser.add_argument("--mutants", type=int, default=1, help="0: none")
    parser.add_argument("--examples", type=int, default=2_000, help="lives of properties; 0: none")
    parser.add_argument("--chaos", type=int, default=10, help="runs of real processes; 0: none")
    parser.add_argument("--processes", type=int, default=2)
    return parser.parse_args()


def simulations(postgres: Postgres, seeds: range, processes: int) -> tuple[str, str, int]:
    """Return what the runs of *seeds* came to."""
    began, total = monotonic_seconds(), Totals()
    for lines in told(on_many_grounds(postgres, run_seed, seeds, processes=processes), total):
        for line in lines:
            say(f"\n{line}", end="")
        rate = total.runs / (monotonic_seconds() - began)
        say(f"\r{total.runs:,} of {len(seeds):,} runs, {rate:.2f}/s ", end="")
    say("")
    broken = len(total.broken)
    figures = f"seeds {seeds[0]} to {seeds[-1]}: {total.figures}"
    return figures, f"{broken} runs broke an invariant {total.broken[:9] or ''}".strip(), broken


def deaths(
    postgres: Postgres, stories: list[str], every: int, processes: int
) -> tuple[str, str, int]:
    """Return what came of dying at each *every*-th boundary of each of *stories*."""
    counted = on_many_grounds(postgres, _boundaries, stories, processes=processes)
    counts = dict(zip(stories, counted, strict=True))
    for story, most in counts.items():
        say(f"{story}: {most} boundaries")
    places = [(story, n) for story, most in counts.items() for n in range(1, most + 1, every)]
    died = differing = 0
    for found in on_many_grounds(postgres, _die, places, processes=processes):
        died += 1
        differing += bool(found)
        for line in found:
            say(f"\n{line}", end="")
        say(f"\r{died:,} of {len(places):,} deaths ", end="")
    say("")
    of = f"{sum(counts.values()):,} boundaries of {len(counts)} stories"
    return f"{died:,} deaths at {of}", f"{differing} differ from the calm life", differing


@cache
def _calm(story: str) -> Lived:
    return live(this_ground(), story)


def _boundaries(story: str) -> int:
    return len(_calm(story).boundaries)


def _die(place: tuple[str, int]) -> list[str]:
    story, number = place
    return differs(story, number, live(this_ground(), story, kill_at=number), _calm(story))


def same_ends(postgres: Postgres, processes: int) -> tuple[str, str, int]:
    """Return whether every story comes to the same rows in every way it is lived."""
    places = [(story, way) for story in STORIES for way in WAYS]
    differing = 0
    for found in on_many_grounds(postgres, _live_otherwise, places, processes=processes):
        differing += bool(found)
        for line in found:
            say(line)
    lives = f"{len(STORIES)} stories in {len(WAYS)} other ways"
    return lives, f"{differing} of {len(places)} differ from the calm life", differing


def _live_otherwise(place: tuple[str, str]) -> list[str]:
    story, way = place
    return compared(this_ground(), story, way, _calm(story))


def mutants(postgres: Postgres, processes: int) -> tuple[str, str, int]:
    """Return how many of the mutants were noticed, having told by what."""
    names = [one.name for one in MUTANTS]
    alive = 0
    for one, caught in zip(
        MUTANTS, on_many_grounds(postgres, _hunt, names, processes=processes), strict=True
    ):
        alive += not caught.sentence
        noticed = f"{caught.runs} runs, {caught.sentence[:80]}" if caught.sentence else "ALIVE"
        say(f"{one.name:34} {one.suite:18} {noticed}")
    wrong = [one for one in on_many_grounds(postgres, _right, [*RIGHT], processes=processes) if one]
    for found in wrong:
        say(f"the right parts are accused: {found}")
    result = f"{len(names) - alive} noticed, {len(wrong)} false alarms of {len(RIGHT)} stories"
    return f"{len(names)} mutants of the design", result, alive + len(wrong)


def _hunt(name: str) -> Caught:
    return next(one for one in MUTANTS if one.name == name).hunt(this_ground())


def _right(story: str) -> list[str]:
    return RIGHT[story](this_ground())


def properties(examples: int) -> tuple[str, str, int]:
    """Return how many steps of drawn case lives were judged; a broken sentence ends the proof."""
    Figures.reset()
    run_state_machine_as_test(
        CaseMachine,
        settings=settings(
            max_examples=examples,
            stateful_step_count=STEPS,
            deadline=None,
            derandomize=True,
            database=None,
        ),
    )
    figures = f"{Figures.lives:,} lives, {Figures.steps:,} steps, {Figures.looks:,} looks"
    return figures, "0 broken", 0


def chaos(runs: int) -> tuple[str, str, int]:
    """Return what the runs with real processes came to, in their own words.

    After them one in which a dump is restored, and one beside a second worker.
    """
    said, broken = [], 0
    for flags in (["--runs", str(runs)], ["--restore"], ["--second-worker"]):
        words = [sys.executable, "-m", "tests.chaos", *flags]
        done = subprocess.run(words, capture_output=True, text=True, check=False)
        say(done.stdout)
        last = (done.stdout.strip().splitlines() or ["nothing was said"])[-1]
        said.append(f"{flags[0]} {last}".replace("|", "/"))
        broken += done.returncode
    return f"{runs} + 2 runs of real processes", "; ".join(said), broken


if __name__ == "__main__":
    sys.exit(main())
