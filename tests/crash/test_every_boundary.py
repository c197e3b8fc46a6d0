"""A process dies at every boundary of a case's life; what comes of the case is the same (I11).

First one customer lives in calm, and the ports count the boundaries. Then each boundary is tried on
a customer of its own, all in one world: while one process is dead, the others go on, as they would.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

import pytest

from tests.crash.comparing import as_if_answered, differences, final_is_unknown
from tests.crash.crashing_world import ENDING, RECOVERING, CrashingWorld, endings_of
from tests.scenarios.servers import MakeWorld
from tests.scenarios.stripe_side import DAY, HOUR, Outcome
from worker.domain.case import CaseState
from worker.domain.policy import EndingAct, InvoiceEnd, Step


@dataclass(frozen=True)
class Story:
    """A card's answers, the policy's steps and ending, and how long it all lasts."""

    cards: Sequence[Outcome]
    steps: tuple[Step, ...]
    ends_after: timedelta
    lasts: timedelta
    ending: Mapping[str, Any] = field(default_factory=dict)
    """What the policy's ending does beside what is shipped."""
    billing: str = "flexible"
    begins_as_told: bool = False
    """Its first letter and what comes before are the other story's as well: no need to die there
    again."""


PAUSE = {
    "do": EndingAct.PAUSE,
    "if_refused": EndingAct.HOLD_INVOICES,
    "invoice": InvoiceEnd.LEAVE,
}

STORIES = {
    "recovered by a retry": Story(
        ["insufficient_funds", "insufficient_funds", "approve"], RECOVERING, 5 * DAY, 3 * DAY
    ),
    "not to be paused, so held": Story(
        ["lost_card"],
        ENDING,
        54 * HOUR,
        4 * DAY,
        ending=PAUSE,
        billing="classic",
        begins_as_told=True,
    ),
    "ended": Story(["lost_card"], ENDING, 54 * HOUR, 4 * DAY, begins_as_told=True),
}

OUTWARD = ("pay_invoice", "cancel_subscription", "hold_invoices")


@pytest.mark.timeout(900)
@pytest.mark.parametrize("story", STORIES)
def test_death_at_every_boundary_changes_no_outcome(story: str, make_world: MakeWorld) -> None:
    told = STORIES[story]
    world = make_world(
        CrashingWorld, steps=told.steps, ends_after=told.ends_after, ending_changes=told.ending
    )
    assert isinstance(world, CrashingWorld)
    world.run()  # what was there before the first reading would tell less of itself
    calm_one = world.customer("calm", told.cards, billing=told.billing)
    world.advance_to(world.now + told.lasts, every=HOUR)
    boundaries = world.plan.passed[calm_one.id]
    assert len(boundaries) > 40
    assert {f"before {each}" for each in OUTWARD} & set(boundaries)

    first = boundaries.index("after send") + 3 if told.begins_as_told else 1
    numbers = range(first, len(boundaries) + 1)
    people = [world.customer(f"p{number}", told.cards, billing=told.billing) for number in numbers]
    world.plan.kill_at = {one.id: number for number, one in zip(numbers, people, strict=True)}
    world.advance_to(world.now + told.lasts, every=HOUR)
    assert len(world.plan.killed) == len(people)
    assert world.stripe.paid_twice() == []

    calm, *others = endings_of(world, [calm_one, *people])
    assert (calm.case[0], calm.unknown) == (CaseState.CLOSED, 0)
    unknown, differing = 0, []
    for number, one, found in zip(numbers, people, others, strict=True):
        unknown += found.unknown
        assert len(found.received) == len(set(found.received))
        if final_is_unknown(found):
            assert found.case[0] is CaseState.IN_REVIEW
            continue
        expected = as_if_answered(calm) if found.unknown else calm
        if (as_if_answered(found) if found.unknown else found) != expected:
            differing.append((number, world.plan.killed.get(one.id), differences(found, calm)))
    assert differing == []
    assert 0 < unknown <= 4 * len(calm.letters)
