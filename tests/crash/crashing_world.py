"""A world whose worker dies at chosen boundaries and is started again ten minutes later."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import time, timedelta
from types import MappingProxyType
from typing import Any

from tests.crash.interruptions import Killed, Plan, interrupt
from tests.scenarios.stripe_side import Customer
from tests.scenarios.world import DirectBell, World, shipped_configuration
from worker.domain.case import LetterState
from worker.domain.policy import Configuration, DayWindow, Limits, Step

HOURS, DAYS = timedelta(hours=1), timedelta(days=1)

RECOVERING = (
    Step("first letter", 4 * HOURS, letter="payment_failed_1"),
    Step("try 1", 1 * DAYS, charge=True),
    Step("try 2", 2 * DAYS, charge=True),
    Step("final letter", 3 * DAYS, letter="payment_failed_final"),
)
"""A letter and two tries; nobody gets as far as the end."""

ENDING = (Step("final letter", 4 * HOURS, letter="payment_failed_final"),)
"""Nothing but the letter that an end needs."""

REPAIR_MINUTES = 10
"""Above every lease: whoever held one is known to be gone."""


def short_configuration(
    steps: tuple[Step, ...], ends_after: timedelta, **ending_changes: Any
) -> Configuration:
    """Return the shipped configuration with a timeline of its own and no limits in the way."""
    shipped = shipped_configuration()
    (policy,) = shipped.dunning.policies
    ending = replace(policy.ending, after=ends_after, final_letter_step="final letter")
    ending = replace(ending, **ending_changes)
    limits = Limits(10_000, 10_000, DayWindow(time(0), time(23, 59)), False)
    dunning = replace(
        shipped.dunning,
        policies=(replace(policy, steps=steps, ending=ending),),
        limits=limits,
    )
    quiet = replace(shipped.notices.quiet, weekdays_only=False)
    return replace(shipped, dunning=dunning, notices=replace(shipped.notices, quiet=quiet))


class CrashingBell(DirectBell):
    """Rings like the real thing; what dies on the way is left for the next process."""

    world: "CrashingWorld"

    def advance_case(self, case_id: int) -> None:
        """Look at a case in a process that may die."""
        with self.world.dying(self.world.customer_of("cases", case_id)):
            super().advance_case(case_id)

    def deliver_letter(self, letter_id: int) -> None:
        """Deliver a letter in a process that may die."""
        with self.world.dying(self.world.customer_of("letters", letter_id)):
            super().deliver_letter(letter_id)


class CrashingWorld(World):
    """A world with a plan of deaths; the subjects are customers' ids and jobs' names."""

    def __init__(
        self,
        *args: Any,
        steps: tuple[Step, ...] = RECOVERING,
        ends_after: timedelta = 5 * DAYS,
        ending_changes: Mapping[str, Any] = MappingProxyType({}),
        **more: Any,
    ) -> None:
        """Start with nobody to be killed."""
        self.plan = Plan()
        self.died = False
        self.kills_jobs = False
        configuration = short_configuration(steps, ends_after, **ending_changes)
        super().__init__(*args, configuration=configuration, **more)

    def start_worker(self, *args: Any, **more: Any) -> None:
        """Start a worker around whose ports processes die."""
        super().start_worker(*args, wrap=lambda app: interrupt(app, self.plan), **more)

    def make_bell(self) -> DirectBell:
        """Return a bell whose looks may die."""
        return CrashingBell(self)

    def dying(self, subject: str) -> "Dying":
        """Return the context in which *subject*'s process may die."""
        return Dying(self, subject)

    def job(self, name: str) -> None:
        """Run a job; where jobs are killed, run it again after each death."""
        if not self.kills_jobs:
            super().job(name)
        elif self.job_that_may_die(name):
            self.died = False
            self.pass_wall(minutes=REPAIR_MINUTES)
            super().job(name)

    def job_that_may_die(self, name: str) -> bool:
        """Run a job that dies at the plan's next boundary, if it has that many; tell whether."""
        subject = f"{name} run {len(self.plan.passed)}"
        self.plan.kill_at[subject] = self.plan.next_kill
        with self.dying(subject):
            super().job(name)
        return subject in self.plan.killed

    def run(self) -> None:
        """Do everything due; after a death again, once the leases of the dead have ended."""
        super().run()
        while self.died:
            self.died = False
            self.pass_wall(minutes=REPAIR_MINUTES)
            super().run()

    def customer_of(self, table: str, row_id: int) -> str:
        """Return whose case or letter it is."""
        (row,) = self.rows(f"SELECT customer_id FROM {table} WHERE id = :id", id=row_id)
        return str(row["customer_id"])


@dataclass
class Dying:
    """One process at work on one subject; its death is noted and goes no further."""

    world: CrashingWorld
    subject: str

    def __enter__(self) -> None:
        self._about = self.world.plan.about(self.subject)
        self._about.__enter__()

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> bool:
        self._about.__exit__(None, None, None)
        if kind is None or not issubclass(kind, Killed):
            return False
        self.world.died = True
        return True


@dataclass(frozen=True)
class Ending:
    """What one customer's story came to, times and ids aside."""

    case: tuple[Any, ...]
    attempts: tuple[Any, ...]
    steps: tuple[Any, ...]
    letters: tuple[Any, ...]
    charges: tuple[Any, ...]
    received: tuple[str, ...]
    facts: tuple[str, ...]
    unknown: int = 0


NOTICE_ENDS = {"notice.sent", "notice.unknown"}


def endings_of(world: World, customers: Sequence[Customer]) -> list[Ending]:
    """Return what each customer's story came to."""
    won: dict[str, list[tuple[int, str]]] = {}
    for one in world.stripe.charges():
        if one["status"] == "succeeded":
            won.setdefault(one["customer"], []).append((one["amount"], one["currency"]))
    return [_ending(world, one, tuple(won.get(one.id, ()))) for one in customers]


def _ending(world: World, customer: Customer, charges: tuple[tuple[int, str], ...]) -> Ending:
    case = world.case_of(customer)
    (row,) = world.rows("SELECT recovered_by FROM cases WHERE id = :id", id=case.id)
    facts = world.rows(
        "SELECT type, data->>'outcome' AS outcome FROM events WHERE data->>'customer_id' = :c",
        c=customer.id,
    )
    told = [(r["type"], r["outcome"]) for r in facts if r["type"] not in NOTICE_ENDS]
    letters = sorted((one.step, one.notice, one.state.value) for one in case.letters)
    return Ending(
        case=(case.state, case.outcome, case.owner, case.reason, row["recovered_by"]),
        attempts=tuple((a.no, a.kind, a.step, a.state) for a in case.attempts),
        steps=tuple(sorted((r.step.split(" pm_")[0], r.done) for r in case.steps)),
        letters=tuple(letters),
        charges=charges,
        received=tuple(sorted(world.notices_to(customer))),
        facts=tuple(sorted(f"{kind} {outcome or ''}".strip() for kind, outcome in told)),
        unknown=sum(one.state is LetterState.UNKNOWN for one in case.letters),
    )
