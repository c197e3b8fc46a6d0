"""Twenty stories, each lived in calm and then once for every boundary with a death there (I11).

A boundary is a commit that wrote (before and after it), a writing request to Stripe (before it,
and after its answer), a letter handed over (before and after), a message rung. The world counts
them, so that a new call in the services is covered by itself.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from types import MappingProxyType
from typing import Any

from tests.crash.comparing import as_if_answered, differences, final_is_unknown
from tests.crash.crashing_world import Ending, endings_of
from tests.scenarios.stripe_side import Customer
from tests.simulation.checks import violations_of
from tests.simulation.ground import Ground
from tests.simulation.people import People
from tests.simulation.runs import CALM, HOUR, LENGTHS, configuration
from tests.simulation.simulation import START, Simulation
from tests.simulation.trouble import Row, Trouble
from worker.domain.case import Case, Outcome
from worker.domain.policy import CancelWhen, Configuration, EndingAct, InvoiceEnd

POOR = "insufficient_funds"
FIRST_CHARGE = 3 * HOUR
LASTS = timedelta(hours=40)
FIRST_READINGS = 15
_UNDER_WAY = (
    "SELECT id FROM cases WHERE state = 'open' "
    "UNION ALL SELECT id FROM letters WHERE state IN ('queued', 'sending')"
)
OURS = frozenset((Outcome.ENDED, Outcome.WRITTEN_OFF))
"""Outcomes of endings that need their final letter."""
NO_CHANGES: Mapping[str, Any] = MappingProxyType({})


@dataclass(frozen=True)
class Story:
    """What the cards answer, what the ending does, and who does what at which hour."""

    cards: tuple[tuple[str, ...], ...]
    ending: Mapping[str, Any] = field(default_factory=lambda: NO_CHANGES)
    acts: tuple[tuple[float, str], ...] = ()
    """Hours after the start -> an act of the first customer or of an operator."""


PAUSE = {"do": EndingAct.PAUSE, "if_refused": EndingAct.CANCEL, "invoice": InvoiceEnd.LEAVE}
KEEP = {"do": EndingAct.HOLD_INVOICES, "invoice": InvoiceEnd.LEAVE}
LATER = {"when": CancelWhen.PERIOD_END}

BEGINS = "recovered by a retry"
"""The story in which processes also die before there is anybody; the others begin alike."""

STORIES: dict[str, Story] = {
    "recovered by a retry": Story(((POOR, "approve"),)),
    "two customers, one pays": Story(((POOR, "approve"), ("lost_card",))),
    "ended and written off": Story((("lost_card",),)),
    "ended and voided": Story((("lost_card",),), ending={"invoice": InvoiceEnd.VOID}),
    "ended, the invoice left": Story((("lost_card",),), ending={"invoice": InvoiceEnd.LEAVE}),
    "ends with its period": Story((("expired_card",),), ending=LATER),
    "paused": Story((("lost_card",),), ending=PAUSE),
    "new invoices held": Story((("lost_card",),), ending=KEEP),
    "tried in vain, then ended": Story(((POOR,),)),
    "a technical failure": Story((("processing_error", "approve"),)),
    "the bank asks the customer": Story((("authentication_required", "approve"),)),
    "pays by hand": Story((("lost_card",),), acts=((10, "pay"),)),
    "pays in another way": Story(((POOR,),), acts=((10, "pay_elsewhere"),)),
    "pays once the last letter was read": Story((("lost_card",),), acts=((28, "pay"),)),
    "a new card": Story((("lost_card",),), acts=((10, "new_card"),)),
    "a new card that is no better": Story((("lost_card",),), acts=((10, "new_bad_card"),)),
    "cancels": Story(((POOR,),), acts=((10, "cancel_now"),)),
    "voided by the staff": Story(((POOR,),), acts=((10, "void"),)),
    "held and released": Story(((POOR, "approve"),), acts=((8, "hold"), (20, "release"))),
    "closed by hand": Story(((POOR,),), acts=((12, "close"),)),
}


class _Eyes:
    """What `endings_of` asks of a world."""

    def __init__(self, sim: Simulation) -> None:
        self._sim = sim
        self.stripe = self

    def charges(self) -> list[dict[str, Any]]:
        """Return every charge try."""
        return self._sim.sandbox.world.tries

    def rows(self, query: str, **values: Any) -> list[dict[str, Any]]:
        """Return rows of the ledger."""
        return self._sim.ground.rows(query, **values)

    def case_of(self, customer: Customer) -> Case:
        """Return the customer's only case."""
        app = next(iter(self._sim.apps.values()))
        (first,) = self.rows("SELECT id FROM cases WHERE customer_id = :c", c=customer.id)
        with app.ledger.begin() as tx:
            found = tx.cases.load(first["id"])
        assert found is not None
        return found

    def notices_to(self, customer: Customer) -> list[str]:
        """Return the kinds of letters that reached a customer."""
        return [mail.notice for mail in self._sim.seen.mails if mail.to == customer.email]


@dataclass(frozen=True)
class Lived:
    """What one life of a story came to."""

    endings: tuple[Ending, ...]
    boundaries: tuple[str, ...]
    violations: tuple[str, ...]


def live(
    ground: Ground,
    name: str,
    *,
    kill_at: int = 0,
    message_share: float = 0.0,
    prepare: Callable[[Simulation], object] = lambda _sim: None,
) -> Lived:
    """Live a story until all its facts are told; the process that comes to boundary *kill_at* dies.

    Args: message_share: of messages that are lost, doubled or late; prepare: changes its world.
    """
    story = STORIES[name]
    trouble = Trouble(f"crash {name}", message_share=message_share)
    sim = Simulation(ground, trouble, _configuration(story))
    sim.kill_at = kill_at if name == BEGINS else 0
    sim.whole_ticks = 0.0  # a death in a job that finds nothing again and again proves nothing new
    try:
        prepare(sim)
        _let_stripe_be_read(sim)
        sim.run_until(START + HOUR)
        if name != BEGINS:
            sim.boundaries.clear()
            sim.kill_at = kill_at
        people = People(sim, list(_customers(sim, story)), Row(name, "people"))
        for hours, act in story.acts:
            sim.agenda.at(START + hours * HOUR, lambda a=act: _act(people, a))  # type: ignore[misc]
        sim.run_until(START + LASTS)
        _come_to_rest(sim, START + LASTS + CALM)
        _let_facts_follow(sim)
        endings = endings_of(_Eyes(sim), people.customers)  # type: ignore[arg-type]
        return Lived(tuple(endings), tuple(sim.boundaries), tuple(violations_of(sim)))
    finally:
        sim.close()


def _let_stripe_be_read(sim: Simulation) -> None:
    """Let the first reading be done: who is there before it is found by it, and has not begun.

    Schedulers ask for it every few seconds, whoever dies in it and whatever message is lost.
    """
    for _ in range(FIRST_READINGS):
        sim.run_until(sim.agenda.now + HOUR / 20)
        if sim.ground.work(sim.agenda.now).read_at is not None:
            return
        sim.read_stripe()


def _configuration(story: Story) -> Configuration:
    made = configuration(LENGTHS[False])
    (policy,) = made.dunning.policies
    changed = replace(policy, ending=replace(policy.ending, **story.ending))
    return replace(made, dunning=replace(made.dunning, policies=(changed,)))


def _customers(sim: Simulation, story: Story) -> Iterator[Customer]:
    first_at = sim.agenda.now.replace(microsecond=0) + FIRST_CHARGE
    for number, cards in enumerate(story.cards):
        one = sim.people.customer(f"p{number}", cards=cards)
        sim.people.subscribe(one, first_charge_at=first_at)
        yield one


def _act(people: People, act: str) -> None:
    if act in {"hold", "release", "close"}:
        people.operate(act)
    else:
        people.act(people.customers[0], act)


def _come_to_rest(sim: Simulation, until: datetime) -> None:
    while sim.agenda.now < until:
        if not sim.ground.rows(_UNDER_WAY) and not sim.waits():
            return
        sim.run_until(sim.agenda.now + 3 * HOUR)


def _let_facts_follow(sim: Simulation) -> None:
    """Live on until all facts are folded, which follow Stripe's events ten minutes behind."""
    for _ in range(3 if sim.deaths else 2):  # a death may be in one of these readings
        sim.run_until(sim.agenda.now + 0.5 * HOUR)
        sim.read_stripe()
        sim.run_until(sim.agenda.now + HOUR / 60)


def differs(name: str, number: int, found: Lived, calm: Lived) -> list[str]:
    """Return how a life with a death at boundary *number* came out otherwise than the calm one.

    A letter whose sender died may have arrived: it is unknown, and an ending that needs it waits
    for a person.
    """
    where = f"{name}, boundary {number} ({calm.boundaries[number - 1]})"
    return differs_from(where, found, calm)


def differs_from(where: str, found: Lived, calm: Lived) -> list[str]:
    """Return how a life came out otherwise than the calm one, and what it broke."""
    told = [f"{where}: {one}" for one in found.violations]
    for mine, theirs in zip(found.endings, calm.endings, strict=True):
        if final_is_unknown(mine) and theirs.case[1] in OURS:  # who pays all the same has paid
            if str(mine.case[0]) != "in_review":
                told.append(f"{where}: its final letter is unknown, and it is {mine.case[:2]}")
            continue
        expected = as_if_answered(theirs) if mine.unknown else theirs
        compared = as_if_answered(mine) if mine.unknown else mine
        if compared != expected:
            told.append(f"{where}: {differences(compared, expected)}")
    return told
