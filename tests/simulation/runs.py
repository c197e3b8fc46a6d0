"""One run from its seed: who there is, what goes wrong for some days, then days of calm."""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import timedelta
from functools import cache

from tests.crash.crashing_world import short_configuration
from tests.scenarios.stripe_side import Customer
from tests.simulation.checks import violations_of
from tests.simulation.conditions import PLAIN, Conditions, conditions_of
from tests.simulation.ground import Ground
from tests.simulation.obedience import disobeyed
from tests.simulation.people import CARDS, CARDS_TRIED_SOON, People
from tests.simulation.postman import Postman
from tests.simulation.simulation import START, Simulation
from tests.simulation.trouble import Trouble, weather
from worker.bootstrap import App
from worker.domain.job_times import JobTiming
from worker.domain.policy import Configuration, Step
from worker.domain.policy_text import digest_of
from worker.rehearsal.draws import Draws
from worker.settings.environment import LogLevel

HOUR, DAY = timedelta(hours=1), timedelta(days=1)

SHORT = (
    Step("first letter", 3 * HOUR, letter="payment_failed_1"),
    Step("try 1", 21 * HOUR, charge=True),
    Step("final letter", 22 * HOUR, letter="payment_failed_final"),
)
LONG = (*SHORT, Step("try 2", 44 * HOUR, charge=True))
BRIEF = (
    Step("try 1", 3 * HOUR, charge=True),
    Step("final letter", 4 * HOUR, letter="payment_failed_final"),
    Step("try 2", 5 * HOUR, charge=True),
)


@dataclass(frozen=True)
class Length:
    """How long a run's timeline is."""

    steps: tuple[Step, ...]
    ends_after: timedelta
    trouble: timedelta
    first_charges: timedelta
    """Renewals are charged within so long, from two hours after the start on."""
    cards: tuple[tuple[str, ...], ...] = CARDS
    retry_gap: timedelta | None = None
    """None: the shipped one."""
    final_letter_gap: timedelta = 6 * HOUR
    brief: bool = False


BRIEF_RUN = Length(
    BRIEF,
    7 * HOUR,
    12 * HOUR,
    HOUR,
    cards=CARDS_TRIED_SOON,
    retry_gap=1.5 * HOUR,
    final_letter_gap=2 * HOUR,
    brief=True,
)
"""Most cards of such runs fail for technical reasons: other declines wait for a day, and a case
that comes to its end before it may be charged proves nothing about charges."""
LENGTHS = {
    False: Length(SHORT, 30 * HOUR, 54 * HOUR, 12 * HOUR),
    True: Length(LONG, 50 * HOUR, 80 * HOUR, 12 * HOUR),
}
BRIEF_SHARE = 0.92
"""Ten thousand runs must be affordable, and faults meet in more ways in many brief runs than in few
long ones; what takes days to go wrong needs the others."""
FEW_WHOLE_TICKS = 0.04
"""Share of a brief run's ticks that start every job; the first after peace does anyway."""
LONG_AFTER = timedelta(days=7)

CROWD = 3

LIVENESS = timedelta(minutes=16)
CALM = timedelta(hours=27)
"""A saved 500 is replayed for 24 hours, and letters wait for their hours."""

SCHEDULE = {
    "read_stripe": JobTiming(every=timedelta(seconds=10)),
    "due_cases": JobTiming(every=timedelta(seconds=2)),
    "deliver_letters": JobTiming(every=timedelta(seconds=5)),
    "sweep": JobTiming(every=timedelta(minutes=1)),
    "invariants": JobTiming(every=timedelta(hours=60)),
    "reconcile": JobTiming(every=timedelta(hours=40)),
    "renewals_cards_trials": JobTiming(every=timedelta(hours=40)),
}
SEALING = {
    "seal": JobTiming(every=timedelta(hours=3)),
    "audit": JobTiming(every=timedelta(hours=40)),
}


@dataclass
class Result:
    """What one run came to."""

    seed: str
    digest: str
    violations: list[str]
    points: int
    deaths: int
    freezes: int
    days: float
    charges: int
    outcomes: dict[str, int] = field(default_factory=dict)
    trace: list[str] | None = None
    log: str = ""


@cache
def configuration(length: Length, under: Conditions = PLAIN) -> Configuration:
    """Return the shipped configuration with a short timeline and few limits."""
    made = short_configuration(
        length.steps, length.ends_after, final_letter_gap=length.final_letter_gap
    )
    schedule = SCHEDULE | SEALING if under.sealed else SCHEDULE
    (policy,) = made.dunning.policies
    gap = length.retry_gap or policy.retry_gap
    policy = replace(policy, person_decides=under.person_decides, retry_gap=gap)
    policy = replace(policy, digest=digest_of(policy))
    dunning = replace(made.dunning, limits=under.limits, policies=(policy,))
    return replace(made, dunning=dunning, schedule=schedule)


def run(
    ground: Ground,
    seed: str,
    *,
    trouble: Trouble | None = None,
    change: Callable[[App], None] = lambda _app: None,
    prepare: Callable[[Simulation], None] = lambda _sim: None,
    under: Conditions | None = None,
    brief: bool = True,
    log_level: LogLevel = "warn",
    traced: bool = False,
) -> Result:
    """Return what the run of *seed* came to.

    Args: change, prepare: put a mutant's wrong parts in. under: special conditions, else the
    seed's own. brief: whether most runs are brief.
    """
    draws, under = Draws(seed, "story"), under or conditions_of(seed)
    length = LENGTHS[draws.happens(0.25)]
    if brief and Draws(seed, "length").happens(BRIEF_SHARE):
        length = BRIEF_RUN
    sim = Simulation(
        ground,
        trouble or weather(seed),
        configuration(length, under),
        workers=2 + draws.below(2),
        log_level=log_level,
        change=change,
    )
    sim.trace = [] if traced else None
    try:
        prepare(sim)
        if under.webhooks:
            Postman(sim)
        people = _live(sim, draws, seed, under, length)
        found = [*violations_of(sim), *disobeyed(sim, people.operators)]
    finally:
        sim.close()
    cases = ground.rows("SELECT coalesce(outcome, state) AS o FROM cases ORDER BY id")
    outcomes: dict[str, int] = {}
    for row in cases:
        outcomes[row["o"]] = outcomes.get(row["o"], 0) + 1
    return Result(
        seed,
        sim.digest,
        found,
        sim.points,
        sim.deaths,
        sim.freezes,
        (sim.agenda.now - START) / DAY,
        sum(send.is_charge for send in sim.seen.sends),
        outcomes,
        sim.trace,
        sim.lines.getvalue() if found or traced else "",
    )


def _live(sim: Simulation, draws: Draws, seed: str, under: Conditions, length: Length) -> People:
    peace_at = START + length.trouble
    if length.brief:
        sim.ground.make_due("reconcile", START + LONG_AFTER)  # once peace is made
        if not under.sealed:
            sim.whole_ticks = FEW_WHOLE_TICKS
    else:
        sim.run_until(START + timedelta(minutes=10))
    people = People(sim, customers(sim, draws, under, length), Draws(seed, "people"))
    sim.at_point = people.interfere
    people.plan(peace_at)
    sim.run_until(peace_at)
    sim.trouble.calm = True
    for process in sim.processes.values():
        process.thaw()
    sim.fine_ticks = True
    people.make_peace()
    sim.note("calm")
    sim.run_until(peace_at + LIVENESS)
    sim.late = sim.ground.late(sim.agenda.now - timedelta(minutes=15))
    sim.fine_ticks = False
    while sim.agenda.now < peace_at + CALM:
        if not people.operators.cases() and not sim.waits():
            break
        sim.run_until(sim.agenda.now + 3 * HOUR)
        people.operators.approve_all()
    return people


def customers(sim: Simulation, draws: Draws, under: Conditions, length: Length) -> list[Customer]:
    """Return one or two customers, or a crowd, whose renewals are charged within the first day."""
    found = []
    count = CROWD if under.crowd else 1 + draws.happens(0.1 if length.brief else 0.3)
    at_once = (
        sim.agenda.now + 2 * HOUR + draws.fraction() * length.first_charges if under.crowd else None
    )
    for number in range(count):
        one = sim.people.customer(f"p{number}", cards=draws.one_of(length.cards))
        for _ in range(1 + draws.happens(0.05 if length.brief else 0.15)):
            first_at = (
                at_once or sim.agenda.now + 2 * HOUR + draws.fraction() * length.first_charges
            )
            first_at = first_at.replace(microsecond=0)
            sim.people.subscribe(
                one, first_charge_at=first_at, amount_minor=1000 + 900 * draws.below(9)
            )
        found.append(one)
    return found
