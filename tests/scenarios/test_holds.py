"""A person holds a case in the middle of its dunning, and lets it go on."""

from datetime import timedelta

import pytest

from tests.scenarios.test_retry_by_hand import story_of, view_of
from tests.scenarios.world import World
from worker.cli.act_hold import WishedHold, hold, release
from worker.domain.case import CaseState, Outcome


def test_held_for_ten_days_it_goes_on_without_a_burst(
    world: World, capsys: pytest.CaptureFixture[str]
) -> None:
    """Day 3: Anna promises to pay in ten days. She does not, so on day 13 it goes on."""
    anna = world.customer("anna", ["insufficient_funds"])
    world.advance(days=3)
    before = (len(world.stripe.charges(anna)), len(world.letters_to(anna)))
    wish = WishedHold(
        "promise_to_pay", until=f"{world.now + timedelta(days=10):%Y-%m-%dT%H:%M:%SZ}"
    )
    hold(view_of(world), anna.id, wish, by="jo", reason="pays when her salary comes")
    assert "nothing is charged, written or ended" in capsys.readouterr().out
    world.run()
    assert world.case_of(anna).state is CaseState.HELD
    world.advance(days=9, hours=23)
    assert (len(world.stripe.charges(anna)), len(world.letters_to(anna))) == before
    world.advance(hours=2)
    case = world.case_of(anna)
    assert (case.state, round(case.shift / timedelta(days=1))) == (CaseState.OPEN, 10)
    world.advance(days=1)
    assert len(world.stripe.charges(anna)) - before[0] <= 1
    assert len(world.letters_to(anna)) - before[1] <= 1
    world.advance(days=14)
    assert world.case_of(anna).outcome is Outcome.ENDED
    steps = world.steps_of(world.case_of(anna))
    assert "skipped" not in steps.values()
    (told,) = [said for what, said in story_of(world, anna) if what == "held"]
    assert told.startswith("by jo (promise to pay): pays when her salary comes, until ")
    assert ("goes on", "the hold of jo has expired") in story_of(world, anna)


def test_a_fraud_warning_holds_until_a_person_lets_it_go_on(world: World) -> None:
    """Week 1 paid and warned about, week 2 failed: nothing happens until Kim has looked."""
    bela = world.customer("bela", ["approve", "insufficient_funds"], interval="week")
    world.advance(days=3)
    (paid,) = [c["charge"] for c in world.stripe.charges(bela) if c["status"] == "succeeded"]
    world.stripe.act("early_fraud_warning", charge=paid)
    world.advance(days=7)
    assert world.case_of(bela).state is CaseState.HELD
    assert world.stripe.charges(bela, by="api") == []
    assert world.letters_to(bela) == []
    release(view_of(world), bela.id, by="kim", reason="she says that it was her")
    world.advance(days=2)
    assert world.case_of(bela).state is CaseState.OPEN
    assert world.stripe.charges(bela, by="api") != []
    assert ("goes on", "released by kim: she says that it was her") in story_of(world, bela)
