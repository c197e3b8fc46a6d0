"""Each guarantee of the design is missed once it is gone; `make prove` prints the whole table."""

import pytest

from tests.simulation.ground import Ground
from tests.simulation.mutants import MUTANTS, RIGHT, SIMULATION, Mutant

SLOW = frozenset(("silent Stripe", "long gap", "asked again", "stopped", "person decides"))
"""Stories that take many looks: `make prove` tells them."""
RARE = frozenset(
    (
        "no cap on charges",
        "no look at the switch",
        "nobody asks a person",
        "an old secret believed for ever",
        "webhooks acknowledged and not kept",
    )
)
"""Mutants that take long to be noticed, or are noticed like others are: as well."""

QUICK = [one for one in MUTANTS if one.suite not in SLOW and one.name not in RARE]


@pytest.mark.parametrize("mutant", QUICK, ids=lambda one: one.name.replace(" ", "-"))
def test_a_missing_guarantee_is_noticed(mutant: Mutant, ground: Ground) -> None:
    caught = mutant.hunt(ground)
    assert caught.sentence != "", f"nothing notices: {mutant.name}"
    assert caught.runs <= 5


@pytest.mark.parametrize("story", sorted(RIGHT.keys() - SLOW))
def test_the_right_parts_pass(story: str, ground: Ground) -> None:
    """What kills a mutant says nothing about the design as it is."""
    assert RIGHT[story](ground) == []


def test_all_guarantees_have_their_mutant() -> None:
    """Twelve of reliability.md S3, and thirteen more; each is killed by a suite that exists."""
    assert len({one.name for one in MUTANTS}) == 25
    assert {one.suite for one in MUTANTS} == {*RIGHT, SIMULATION}
