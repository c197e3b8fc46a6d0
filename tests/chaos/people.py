"""The customers of a run, what they do and when: told alike to the calm run and to the wild one."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

from tests.chaos.plan import Size
from tests.scenarios.stripe_side import DAY, HOUR, Customer, Outcome
from tests.scenarios.world import World

POOR = "insufficient_funds"
CHARGED_IN = 2 * HOUR
"""When the renewals are charged, from the start on."""
ACT_AFTER = 23 * HOUR
"""When people act, from their renewal on: an hour before the first try."""
LASTS = 5 * DAY + 6 * HOUR
"""Until a case is over, from its renewal on."""
COHORTS_APART = 12 * HOUR

Act = Callable[[World, Customer], None]


def _new_card(world: World, customer: Customer) -> None:
    world.stripe.save_card(customer, world.stripe.card("approve"))


def _pay(world: World, customer: Customer) -> None:
    card = world.stripe.card("approve")
    world.stripe.pay_by_hand(world.stripe.invoice(customer)["id"], card)


def _cancel(world: World, customer: Customer) -> None:
    world.stripe.cancel(customer, when="now")


@dataclass(frozen=True)
class Story:
    """What a card answers, and what its owner does at ACT_AT."""

    name: str
    cards: tuple[Outcome, ...]
    act: Act | None = None


STORIES = (
    Story("first", (POOR, "approve")),
    Story("second", (POOR, POOR, "approve")),
    Story("lost", ("lost_card",)),
    Story("poor", (POOR,)),
    Story("newcard", ("expired_card",), _new_card),
    Story("payer", (POOR,), _pay),
    Story("leaver", (POOR,), _cancel),
)


@dataclass(frozen=True)
class Person:
    """A customer, the story that is theirs and when they act in it, if they do."""

    customer: Customer
    story: Story
    act_at: datetime


def invite(world: World, size: Size) -> list[Person]:
    """Subscribe the customers of a run, whose stories take turns."""
    people = []
    for number in range(size.customers):
        story = STORIES[number % len(STORIES)]
        name = f"{story.name}{number}"
        charged_in = CHARGED_IN + COHORTS_APART * (number // len(STORIES) % size.cohorts)
        made = world.customer(name, story.cards, charged_in=charged_in)
        people.append(Person(made, story, world.now + charged_in + ACT_AFTER))
    return people


def lasts(size: Size) -> timedelta:
    """Return how long it takes until everybody's case is over."""
    return CHARGED_IN + COHORTS_APART * (size.cohorts - 1) + LASTS


@dataclass
class Diary:
    """When the people act next."""

    world: World
    people: list[Person]

    @property
    def next_at(self) -> datetime | None:
        """The instant of the next act, None where there is none."""
        return min((person.act_at for person in self.people), default=None)

    def act(self, now: datetime) -> None:
        """Let everybody act whose time has come."""
        for person in self.people:
            if person.act_at <= now and person.story.act is not None:
                person.story.act(self.world, person.customer)
        self.people = [person for person in self.people if person.act_at > now]


def live_calmly(world: World, size: Size) -> list[Person]:
    """Play all stories in *world* without any trouble, and return the people."""
    end_at = world.now + lasts(size)
    world.run()
    people = invite(world, size)
    diary = Diary(world, people)
    while diary.next_at is not None:
        world.advance_to(diary.next_at, every=HOUR)
        diary.act(world.now)
    world.advance_to(end_at, every=HOUR)
    return people
