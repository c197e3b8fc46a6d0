"""What customers may use while they owe, and after: told once, given back, never by mistake."""

import json
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta

import pytest

from tests.scenarios.servers import MakeWorld
from tests.scenarios.stripe_side import Customer
from tests.scenarios.test_policies import with_policies
from tests.scenarios.test_retry_by_hand import story_of, view_of
from tests.scenarios.world import World, shipped_configuration
from worker.cli.act_hold import WishedHold, hold
from worker.cli.look_access import show_access
from worker.domain.case import Outcome
from worker.domain.policy import (
    CancelWhen,
    Configuration,
    EndingAct,
    InvoiceEnd,
    Mode,
    Policy,
    Step,
)
from worker.services.operate import go, stop

EXPIRED = "expired_card"


def policy() -> Policy:
    """Return the shipped policy, whose third letter restricts, after a slower day 5."""
    shipped = shipped_configuration().dunning.policies[0]
    steps = [
        replace(step, access="read_only") if step.name == "third letter" else step
        for step in shipped.steps
    ]
    steps.append(Step("slow", timedelta(days=5), access="slow"))
    return replace(shipped, steps=tuple(sorted(steps, key=lambda step: step.after)))


def restricting(by: Policy | None = None, mode: Mode = Mode.LIVE) -> Configuration:
    """Return the shipped configuration with that policy."""
    found = with_policies(by or policy())
    return replace(found, dunning=replace(found.dunning, mode=mode))


def told(world: World, customer: Customer) -> list[tuple[str, str]]:
    """Return each change of access as facts tell it."""
    return [(f["from"], f["to"]) for f in world.facts("access.changed", customer)]


def answer(world: World, customer: Customer, capsys: pytest.CaptureFixture[str]) -> dict[str, str]:
    """Return what `dunning access --json` says of the customer's subscription."""
    capsys.readouterr()
    show_access(view_of(world), customer.id, as_json=True)
    said = json.loads(capsys.readouterr().out)
    (subscription,) = said["subscriptions"]
    assert said["access"] == subscription["access"]
    return dict(subscription)


def test_the_whole_way_to_the_end(
    make_world: MakeWorld, capsys: pytest.CaptureFixture[str]
) -> None:
    world = make_world(configuration=restricting())
    anna = world.customer("anna", [EXPIRED])
    assert answer_of_a_stranger(world, capsys) == "full"
    world.advance(days=1)
    said = answer(world, anna, capsys)
    assert (said["access"], said["then"], said["step"]) == ("full", "slow", "slow")
    before = len(world.stripe.requests())
    world.advance(days=7)
    assert told(world, anna) == [("full", "slow"), ("slow", "read_only")]
    asked = [r for r in world.stripe.requests()[before:] if r["method"] != "GET"]
    assert [r for r in asked if "test_clocks" not in r["path"]] == []
    said = answer(world, anna, capsys)
    assert (said["access"], said["then"], said["step"]) == ("read_only", "none", "ending")
    (_, last) = world.facts("access.changed", anna)
    case = world.case_of(anna)
    assert last["because"] == f"third letter of C-{case.id}"
    assert last["until"] == (case.failed_at + timedelta(days=14)).isoformat()
    show_access(view_of(world), anna.email, as_json=False)
    assert (
        f"read_only until {view_of(world).words.moment(case.failed_at + timedelta(days=14))}"
        in (capsys.readouterr().out)
    )
    world.advance(days=14)
    assert world.case_of(anna).outcome is Outcome.ENDED
    assert told(world, anna)[2:] == [("read_only", "none")]
    assert answer(world, anna, capsys)["access"] == "none"
    said_in_story = [what for what, _ in story_of(world, anna)]
    assert [w for w in said_in_story if w.startswith("access")] == [
        "access: slow",
        "access: read_only",
        "access: none",
    ]


def answer_of_a_stranger(world: World, capsys: pytest.CaptureFixture[str]) -> str:
    """Return what is said of a customer whom the ledger does not know."""
    capsys.readouterr()
    show_access(view_of(world), "cus_nobody", as_json=True)
    said = json.loads(capsys.readouterr().out)
    assert (said["known"], said["subscriptions"]) == (False, [])
    return str(said["access"])


def test_who_pays_gets_all_back_and_who_paid_in_time_loses_nothing(make_world: MakeWorld) -> None:
    world = make_world(configuration=restricting())
    bela, cleo = world.customer("bela", [EXPIRED]), world.customer("cleo", [EXPIRED])
    world.advance(days=4)
    # Paid at Stripe a minute before the step; no event was read since.
    world.pass_time_to(world.case_of(cleo).failed_at + timedelta(days=5, minutes=-1))
    world.stripe.pay_by_hand(world.stripe.invoice(cleo)["id"], world.stripe.card("approve"))
    world.pass_time_to(world.now + timedelta(minutes=2))
    world.ring()
    assert told(world, cleo) == []
    world.advance(days=3)
    assert told(world, bela)[-1] == ("slow", "read_only")
    world.stripe.pay_by_hand(world.stripe.invoice(bela)["id"], world.stripe.card("approve"))
    world.advance(hours=1)
    assert world.case_of(bela).outcome is Outcome.RECOVERED
    assert told(world, bela)[-1] == ("read_only", "full")
    world.advance(days=20)
    assert told(world, bela)[-1] == ("read_only", "full")


def test_away_for_a_week_it_makes_only_the_last_change(make_world: MakeWorld) -> None:
    world = make_world(configuration=restricting())
    dora = world.customer("dora", [EXPIRED])
    world.advance(days=3)
    world.away(days=6)
    world.advance(hours=1)
    assert told(world, dora) == [("full", "read_only")]
    assert "takes its place" in world.steps_of(world.case_of(dora))["slow"]


def test_a_second_worker_and_a_repeat_tell_it_once(make_world: MakeWorld) -> None:
    world = make_world(configuration=restricting())
    emil = world.customer("emil", [EXPIRED])
    world.advance(days=6)
    with world.app.ledger.begin() as tx:
        tx.cases.wake(now=world.now, case_ids=[world.case_of(emil).id])
    world.start_worker(restricting())
    world.run()
    assert told(world, emil) == [("full", "slow")]


@pytest.mark.parametrize("how", ["switch", "hold", "watch"])
def test_nobody_loses_access_while_stopped_held_or_watched(make_world: MakeWorld, how: str) -> None:
    world = make_world(configuration=restricting(mode=Mode.WATCH if how == "watch" else Mode.LIVE))
    fritz = world.customer("fritz", [EXPIRED])
    world.advance(days=4)
    if how == "switch":
        stop(ledger=world.app.ledger, clock=world.clock, now=world.now, by="jo", reason="we look")
    elif how == "hold":
        hold(view_of(world), fritz.id, WishedHold("vip"), by="jo", reason="we look")
    world.advance(days=6)
    assert told(world, fritz) == []
    if how == "switch":
        go(ledger=world.app.ledger, clock=world.clock, now=world.now, by="jo", reason="we look")
        world.advance(days=2)
        assert told(world, fritz) == [("full", "slow")]  # later by the stop, not lost


def at_period_end(by: Policy) -> Policy:
    """Return a policy that cancels with the period."""
    return replace(by, ending=replace(by.ending, when=CancelWhen.PERIOD_END))


def left(by: Policy) -> Policy:
    """Return a policy that leaves the subscription as it is."""
    ending = replace(by.ending, do=EndingAct.LEAVE, invoice=InvoiceEnd.LEAVE)
    return replace(by, ending=replace(ending, final_letter_step=None))


@pytest.mark.parametrize(("end", "words"), [(left, "read_only"), (at_period_end, "read_only")])
def test_what_lives_on_keeps_the_last_word_and_a_late_payment_gives_it_back(
    make_world: MakeWorld, end: Callable[[Policy], Policy], words: str
) -> None:
    world = make_world(configuration=restricting(end(policy())))
    gerd = world.customer("gerd", [EXPIRED])
    world.advance(days=19)
    assert world.case_of(gerd).outcome is Outcome.ENDED
    assert told(world, gerd)[-1] == ("slow", words)
    if end is left:
        world.stripe.pay_by_hand(world.stripe.invoice(gerd)["id"], world.stripe.card("approve"))
        world.advance(hours=1)
        assert told(world, gerd)[-1] == ("read_only", "full")
    else:
        world.advance(days=20)
        assert told(world, gerd)[-1] == ("read_only", "none")
