"""A sample of stories, each lived in ways that may change no final row; `make prove` has all."""

from dataclasses import replace

import pytest

from tests.simulation.compared import WAYS, compared
from tests.simulation.crash_points import STORIES, differs_from, live
from tests.simulation.ground import Ground

SAMPLED = {
    "recovered by a retry": ("webhooks", "an emptied queue"),
    "a new card": ("webhooks before a list that lags", "troubled messages"),
}


@pytest.mark.parametrize("story", SAMPLED)
def test_it_changes_no_final_row(story: str, ground: Ground) -> None:
    calm = live(ground, story)
    assert calm.violations == ()
    for way in SAMPLED[story]:
        assert compared(ground, story, way, calm) == []


def test_another_end_is_told(ground: Ground) -> None:
    """The comparison itself: a letter less, a fact more, a broken promise are each told."""
    calm = live(ground, "voided by the staff")
    (ending,) = calm.endings
    assert differs_from("same", calm, calm) == []
    for wrong in (
        replace(ending, received=ending.received[1:]),
        replace(ending, facts=(*ending.facts, "payment.failed")),
        replace(ending, charges=((1200, "eur"),)),
    ):
        assert len(differs_from("other", replace(calm, endings=(wrong,)), calm)) == 1
    assert differs_from("broken", replace(calm, violations=("I1 ...",)), calm) == ["broken: I1 ..."]


def test_every_sampled_way_and_story_exists() -> None:
    assert set(SAMPLED) <= set(STORIES)
    assert {way for ways in SAMPLED.values() for way in ways} == set(WAYS)
