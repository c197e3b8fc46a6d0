"""A sample of deaths at boundaries; `make prove` goes through all of them."""

import pytest

from tests.simulation.crash_points import STORIES, differs, live
from tests.simulation.ground import Ground
from tests.simulation.trouble import Row

SAMPLED = (
    "recovered by a retry",
    "ended and written off",
    "a new card that is no better",
    "held and released",
)
DEATHS = 4


@pytest.mark.parametrize("story", SAMPLED)
def test_a_death_changes_no_outcome(story: str, ground: Ground) -> None:
    """Case, attempts, steps, letters, charges and facts are what they are without the death."""
    calm = live(ground, story)
    assert calm.violations == ()
    assert len(calm.boundaries) > 200
    draws = Row("sample of deaths", story)
    for _ in range(DEATHS):
        number = 1 + draws.below(len(calm.boundaries))
        assert differs(story, number, live(ground, story, kill_at=number), calm) == []


def test_there_are_twenty_stories() -> None:
    assert len(STORIES) == 20
