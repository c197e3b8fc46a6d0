"""The design with one guarantee left out each time: a suite that notices nothing tests nothing.

Each mutant is a part of the test process only; the worker has no switch for any of them.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

from dramatiq.middleware import Retries

from tests.simulation import mutant_parts as parts
from tests.simulation import mutant_stories as stories
from tests.simulation.conditions import FREE, PLAIN, Conditions
from tests.simulation.ground import Ground
from tests.simulation.postman import NEW, OLD, STRANGE
from tests.simulation.runs import run
from tests.simulation.simulation import Simulation
from worker.bootstrap import App
from worker.domain.policy import PersonDecides

RUNS_MAX = 60
"""Runs within which the simulation must notice (reliability.md S3 allows 2,000)."""

IN_FLIGHT = "uq_attempts_one_in_flight_per_invoice"
PER_CUSTOMER = "uq_attempts_one_charge_in_flight_per_customer"


@dataclass(frozen=True)
class Caught:
    """How a mutant was noticed; an empty sentence: not at all."""

    sentence: str
    runs: int = 1


@dataclass(frozen=True)
class Mutant:
    """One guarantee that is missing, and what notices it."""

    name: str
    suite: str
    hunt: Callable[[Ground], Caught]


def _unchanged(_app: App) -> None:
    pass


def _nothing(_sim: Simulation) -> None:
    pass


def _simulated(
    change: Callable[[App], None] = _unchanged,
    prepare: Callable[[Simulation], None] = _nothing,
    under: Conditions = PLAIN,
) -> Callable[[Ground], Caught]:
    def hunt(ground: Ground) -> Caught:
        for seed in range(1, RUNS_MAX + 1):
            name = f"mutant {seed}"
            result = run(ground, name, change=change, prepare=prepare, under=under, brief=False)
            found = result.violations
            if found:
                return Caught(found[0], seed)
        return Caught("", RUNS_MAX)

    return hunt


def _told(
    story: Callable[[Ground, Callable[[App], None]], list[str]],
    change: Callable[[App], None] = _unchanged,
) -> Callable[[Ground], Caught]:
    def hunt(ground: Ground) -> Caught:
        found = story(ground, change)
        return Caught(found[0] if found else "")

    return hunt


def _never(job: str) -> Callable[[App], None]:
    def change(app: App) -> None:
        ledger: Any = app.ledger
        ledger.simulation.queue.refused.add(job)

    return change


def _by_messages(sim: Simulation) -> None:
    for app in sim.apps.values():
        parts.DelayedMessages(sim)(app)


def _no_collapse(ground: Ground) -> Caught:
    with parts.wrong_engine(parts.decide_without_collapse):
        found = stories.long_gap(ground, _unchanged)
    return Caught(found[0] if found else "")


def _nobody_asks(ground: Ground) -> Caught:
    with parts.wrong_engine(parts.decide_alone):
        found = stories.ordered(ground, _unchanged, "flush", ASKED)
    return Caught(found[0] if found else "")


def _no_fence(ground: Ground) -> Caught:
    """Without it a look may also have read too long ago: that would be noticed in its place."""
    with parts.reads_of_any_age():
        found = stories.stale_look(ground, parts.with_books(cases=parts.NoFence))
        fenced = stories.stale_look(ground, _unchanged)
    return Caught(found[0] if found and not fenced else "")


def _any_age(ground: Ground) -> Caught:
    with parts.reads_of_any_age():
        found = stories.slow_look(ground, _unchanged)
    return Caught(found[0] if found else "")


def _no_index(ground: Ground) -> Caught:
    with _dropped(ground, IN_FLIGHT, PER_CUSTOMER):
        found = stories.two_in_flight(ground, _unchanged)
    return Caught(found[0] if found else "")


@contextmanager
def _dropped(ground: Ground, *names: str) -> Iterator[None]:
    made = ground.rows("SELECT indexname, indexdef FROM pg_indexes WHERE schemaname = 'public'")
    again = [row["indexdef"] for row in made if row["indexname"] in names]
    with ground.engine.begin() as connection:
        for name in names:
            connection.exec_driver_sql(f"DROP INDEX {name}")
    try:
        yield
    finally:
        ground.wipe()
        with ground.engine.begin() as connection:
            for definition in again:
                connection.exec_driver_sql(definition)


def _retries(_ground: Ground) -> Caught:
    found = stories.queue_retries(Retries(max_retries=20))
    return Caught(found[0] if found else "")


SIMULATION = "simulation"
CAPPED = Conditions(replace(FREE, charges_per_hour=1, letters_per_hour=1), crowd=True)
SEALED = Conditions(sealed=True)
ASKED = Conditions(person_decides=tuple(PersonDecides))

MUTANTS: tuple[Mutant, ...] = (
    Mutant("a fresh key for each send", SIMULATION, _simulated(parts.with_stripe(parts.FreshKey))),
    Mutant(
        "no intent before a charge",
        SIMULATION,
        _simulated(parts.with_books(attempts=parts.NoIntent)),
    ),
    Mutant("no read before money", SIMULATION, _simulated(parts.with_stripe(parts.NoReread))),
    Mutant("no fence", "stale look", _no_fence),
    Mutant("reads of any age", "slow look", _any_age),
    Mutant("no sweep", "sender dies", _told(stories.sender_dies, _never("sweep"))),
    Mutant(
        "no daily comparison",
        "unlisted failure",
        _told(stories.unlisted_failure, _never("reconcile")),
    ),
    Mutant(
        "a key sent after a day",
        "silent Stripe",
        _told(stories.silent_stripe, parts.with_books(cases=parts.AlwaysYoung)),
    ),
    Mutant(
        "parameters that drift",
        "asked again",
        _told(stories.asked_again, parts.with_stripe(parts.DriftingParams)),
    ),
    Mutant(
        "letters marked afterwards",
        SIMULATION,
        _simulated(parts.with_books(letters=parts.MarkedAfterwards)),
    ),
    Mutant("no index on what is in flight", "two in flight", _no_index),
    Mutant("retries by the queue", "queue", _retries),
    Mutant("delayed messages for next looks", SIMULATION, _simulated(prepare=_by_messages)),
    Mutant(
        "no wake_seq",
        "woken look",
        _told(stories.woken_look, parts.with_books(cases=parts.NoWakeSeq)),
    ),
    Mutant(
        "no look at who retries",
        "Stripe retries",
        _told(stories.stripe_retries, parts.with_stripe(parts.NoOwner)),
    ),
    Mutant("no collapse after a gap", "long gap", _no_collapse),
    Mutant(
        "no cap on charges",
        SIMULATION,
        _simulated(parts.with_books(attempts=parts.UncountedCharges), under=CAPPED),
    ),
    Mutant(
        "no cap on letters",
        SIMULATION,
        _simulated(parts.with_books(letters=parts.UncountedLetters), under=CAPPED),
    ),
    Mutant(
        "facts sealed in another order",
        SIMULATION,
        _simulated(parts.with_books(chain=parts.BackToFront), under=SEALED),
    ),
    Mutant(
        "no look at the switch",
        "stopped",
        _told(partial(stories.ordered, order="stop"), parts.with_books(control=parts.NoSwitch)),
    ),
    Mutant(
        "no look at holds",
        "held in a look",
        _told(stories.held_in_look, parts.with_books(holds=parts.NoHolds)),
    ),
    Mutant("nobody asks a person", "person decides", _nobody_asks),
    Mutant(
        "a stranger's secret believed",
        "webhooks",
        _told(partial(stories.webhooks, believed={False: (NEW, OLD, STRANGE), True: (NEW,)})),
    ),
    Mutant(
        "an old secret believed for ever",
        "webhooks",
        _told(partial(stories.webhooks, believed=dict.fromkeys((False, True), (NEW, OLD)))),
    ),
    Mutant(
        "webhooks acknowledged and not kept",
        "webhooks",
        _told(stories.webhooks, parts.with_books(inbox=parts.ForgetfulInbox)),
    ),
)

RIGHT: dict[str, Callable[[Ground], list[str]]] = {
    "stale look": lambda ground: stories.stale_look(ground, _unchanged),
    "slow look": lambda ground: stories.slow_look(ground, _unchanged),
    "woken look": lambda ground: stories.woken_look(ground, _unchanged),
    "Stripe retries": lambda ground: stories.stripe_retries(ground, _unchanged),
    "sender dies": lambda ground: stories.sender_dies(ground, _unchanged),
    "silent Stripe": lambda ground: stories.silent_stripe(ground, _unchanged),
    "asked again": lambda ground: stories.asked_again(ground, _unchanged),
    "unlisted failure": lambda ground: stories.unlisted_failure(ground, _unchanged),
    "long gap": lambda ground: stories.long_gap(ground, _unchanged),
    "two in flight": lambda ground: stories.two_in_flight(ground, _unchanged),
    "stopped": lambda ground: stories.ordered(ground, _unchanged, "stop"),
    "held in a look": lambda ground: stories.held_in_look(ground, _unchanged),
    "person decides": lambda ground: stories.ordered(ground, _unchanged, "flush", ASKED),
    "webhooks": lambda ground: stories.webhooks(ground, _unchanged),
    "queue": lambda _ground: stories.queue_retries(None),
}
"""The same stories with the right parts: they find nothing."""
