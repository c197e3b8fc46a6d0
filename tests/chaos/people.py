"""The customers of a run, what they do and when: told alike to the calm run and to the wild one."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

from tests.scenarios.stripe_side import DAY, HOUR, Customer, Outcome
from tests.scenarios.world import World

POOR = "insufficient_funds"
CHARGED_IN = 2 * HOUR
"""When the renewals are charged, from the start on."""
ACT_AT = CHARGED_IN + 23 * HOUR
"""An hour before the first try."""
LASTS = CHARGED_IN + 5 * DAY + 6 * HOUR
"""Until everybody's case is over."""

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
    """A customer and the story that is theirs."""

    customer: Customer
    story: Story


def invite(world: World, count: int) -> list[Person]:
    """Subscribe *count* customers, whose stories take turns."""
    people = []
    for number in range(count):
        story = STORIES[number % len(STORIES)]
        name = f"{story.name}{number}"
        made = world.customer(name, story.cards, charged_in=CHARGED_IN)
        people.append(Person(made, story))
    return people


@dataclass
class Diary:
    """When the people act next."""

    world: World
    people: list[Person]
    start_at: datetime
    acted: bool = False

    @property
    def next_at(self) -> datetime | None:
        """The instant of the next act, None where there is none."""
        return None if self.acted else self.start_at + ACT_AT

    def act(self, now: datetime) -> None:
        """Let everybody act whose time has come."""
        if self.next_at is None or now < self.next_at:
            return
        self.acted = True
        for person in self.people:
            if person.story.act is not None:
                person.story.act(self.world, person.customer)


def live_calmly(world: World, count: int) -> list[Person]:
    """Play all stories in *world* without any trouble, and return the people."""
    start_at = world.now
    world.run()
    people = invite(world, count)
    diary = Diary(world, people, start_at)
    world.advance_to(start_at + ACT_AT, every=timedelta(hours=1))
    diary.act(world.now)
    world.advance_to(start_at + LASTS, every=timedelta(hours=1))
    return people
