"""A process dies at every boundary of a case's life; what comes of the case is the same (I11).

Each boundary is tried on a customer of its own, and all of them live in one world: while one
process is dead, the others go on, as they would.
"""

from collections.abc import Sequence
from dataclasses import astuple, dataclass, replace
from datetime import timedelta

import pytest

from tests.crash.crashing_world import (
    ENDING,
    RECOVERING,
    CrashingWorld,
    Ending,
    endings_of,
)
from tests.scenarios.servers import MakeWorld
from tests.scenarios.stripe_side import DAY, HOUR, Outcome
from worker.domain.case import CaseState
from worker.domain.policy import Step


@dataclass(frozen=True)
class Story:
    """A card's answers, how long the story lasts, and a count that no case's boundaries exceed."""

    cards: Sequence[Outcome]
    days: int
    steps: tuple[Step, ...]
    ends_after: timedelta
    boundaries_max: int


STORIES = {
    "recovered by a retry": Story(
        ["insufficient_funds", "insufficient_funds", "approve"], 3, RECOVERING, 5 * DAY, 85
    ),
    "ended": Story(["lost_card"], 4, ENDING, 54 * HOUR, 85),
}


def as_if_answered(found: Ending) -> Ending:
    """Return an ending as if its unknown letters had been answered."""
    letters = [
        (step, notice, state.replace("unknown", "sent")) for step, notice, state in found.letters
    ]
    return replace(found, letters=tuple(letters), unknown=0, received=())


def differences(found: Ending, calm: Ending) -> list[tuple[object, object]]:
    """Return the parts that differ, as found and as they are without any death."""
    pairs = zip(astuple(found), astuple(calm), strict=True)
    return [(one, other) for one, other in pairs if one != other]


def final_is_unknown(found: Ending) -> bool:
    """Return whether the letter that an ending needs may not have arrived."""
    return any(step == "final letter" and state == "unknown" for step, _, state in found.letters)


@pytest.mark.parametrize("story", STORIES)
def test_death_at_every_boundary_changes_no_outcome(story: str, make_world: MakeWorld) -> None:
    told = STORIES[story]
    world = make_world(CrashingWorld, steps=told.steps, ends_after=told.ends_after)
    assert isinstance(world, CrashingWorld)
    calm_one = world.customer("calm", told.cards)
    people = [world.customer(f"p{number}", told.cards) for number in range(told.boundaries_max)]
    world.plan.kill_at = {one.id: number + 1 for number, one in enumerate(people)}
    world.advance(days=told.days, every=HOUR)

    boundaries = world.plan.passed[calm_one.id]
    calm, *others = endings_of(world, [calm_one, *people])
    assert calm.case[0] is CaseState.CLOSED
    assert calm.unknown == 0
    assert 40 < len(boundaries) <= told.boundaries_max
    assert len(world.plan.killed) >= len(boundaries)
    assert world.stripe.paid_twice() == []

    unknown, differing = 0, []
    for number, (one, found) in enumerate(zip(people, others, strict=True)):
        unknown += found.unknown
        assert len(found.received) == len(set(found.received))
        if final_is_unknown(found):
            assert found.case[0] is CaseState.IN_REVIEW
            continue
        expected = as_if_answered(calm) if found.unknown else calm
        if (as_if_answered(found) if found.unknown else found) != expected:
            differing.append((number + 1, world.plan.killed.get(one.id), differences(found, calm)))
    assert differing == []
    assert 0 < unknown <= 4 * len(calm.letters)
