"""The figures of many runs."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field

from tests.simulation.many import this_ground
from tests.simulation.runs import Result, run


@dataclass
class Totals:
    """What many runs came to."""

    runs: int = 0
    points: int = 0
    deaths: int = 0
    freezes: int = 0
    charges: int = 0
    days: float = 0.0
    broken: list[str] = field(default_factory=list)
    outcomes: Counter[str] = field(default_factory=Counter)

    def count(self, result: Result) -> None:
        """Count one run in."""
        self.runs += 1
        self.points += result.points
        self.deaths += result.deaths
        self.freezes += result.freezes
        self.charges += result.charges
        self.days += result.days
        self.outcomes.update(result.outcomes)
        if result.violations:
            self.broken.append(result.seed)

    @property
    def figures(self) -> str:
        """The figures, for a person."""
        return (
            f"{self.runs:,} runs, {self.points:,} I/O points, {self.deaths:,} kills, "
            f"{self.freezes:,} freezes, {self.charges:,} charge requests, "
            f"{self.days / 365:.1f} simulated years"
        )


def run_seed(seed: int) -> Result:
    """Return what the run of *seed* came to, on this process's ground."""
    return run(this_ground(), str(seed))


def told(results: Iterable[Result], total: Totals) -> Iterable[list[str]]:
    """Count each result in and yield the lines about those that broke something."""
    for result in results:
        total.count(result)
        again = f"again: python -m tests.simulation --seed {result.seed}"
        yield [*result.violations, again] if result.violations else []
