"""What is said about a decline: nothing to the customer that is masked, new codes once to us."""

import re

import pytest

from tests.scenarios.world import World
from worker.domain.case import CaseState

MASKED = ("fraudulent", "lost_card", "stolen_card", "merchant_blacklist")
"""Reasons that Stripe asks never to tell (docs.stripe.com/declines/codes)."""
TELLING = re.compile(r"\blost\b|stolen|fraud|black.?list", re.IGNORECASE)


@pytest.mark.parametrize("code", MASKED)
def test_a_masked_reason_reaches_no_letter(world: World, code: str) -> None:
    """Two weeks without an answer: every letter of the timeline and the last one."""
    anna = world.customer("anna", [code])
    world.advance(days=18)
    assert world.case_of(anna).state is CaseState.CLOSED
    letters = world.letters_to(anna)
    assert len(letters) >= 4
    for letter in letters:
        assert TELLING.search(letter.text + letter.subject) is None
    assert world.stripe.charges(anna, by="api") == []


def test_an_unknown_code_is_tried_with_care_and_told_once(world: World) -> None:
    """Two customers, several tries: at most three each, a day apart, and one line of the log."""
    people = [world.customer(name, ["brand_new_code"]) for name in ("bela", "cleo")]
    world.advance(days=14)
    assert [line["code"] for line in world.log("decline.unknown")] == ["brand_new_code"]
    for one in people:
        tries = world.stripe.charges(one, by="api")
        assert 1 <= len(tries) <= 3
