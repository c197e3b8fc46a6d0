"""Whole case lives: whatever answers, letters, people and outages come, these sentences hold."""

from dataclasses import replace
from datetime import timedelta
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.unit.domain.building import T0, policy
from tests.unit.domain.case_days import EVENTS, happen, live
from tests.unit.domain.case_judging import check_life
from tests.unit.domain.case_life import (
    PAID,
    UNKNOWN_LOST,
    UNKNOWN_PAID,
    Script,
    begin,
)
from tests.unit.domain.case_scripts import ENDED_BY, firsts, policies, scripts
from worker.domain.case import (
    AttemptState,
    CaseState,
    LetterState,
    Outcome,
)
from worker.domain.decisions import Charge, Close, End, SettleAttempt, Wait, Write
from worker.domain.policy import (
    Policy,
)
from worker.domain.transitions import MOVES


@settings(max_examples=40, derandomize=True)
@given(scripts, st.integers(1, 60))
def test_nothing_is_done_to_a_closed_case(script: Script, days: int) -> None:
    """However late and often it is looked at, with every step and the ending due."""
    world = begin(script, policy())
    live(world)
    if world.case.state is not CaseState.CLOSED:
        happen(world, "pays by hand")
        assert isinstance(world.look().act, Close | SettleAttempt | Wait)
        return
    before = world.case
    for day in range(1, days, 7):
        world.now += timedelta(days=day)
        assert isinstance(world.look().act, Wait)
    assert world.case == before


ONLY_FUNDS = Script(("funds",), (timedelta(hours=1),), ((timedelta(hours=2), LetterState.SENT),))


def test_the_longest_ordinary_life() -> None:
    """Six steps charge, four write, then it ends."""
    world = begin(ONLY_FUNDS, policy())
    live(world)
    check_life(world)
    acts = [type(done.decision.act).__name__ for done in world.done]
    assert acts.count("Charge") == 6
    assert acts.count("Write") == 4
    assert acts[-3:] == ["End", "End", "Close"] or acts[-4:] == [
        *("End", "End", "SettleAttempt", "Close")
    ]
    assert world.case.outcome is Outcome.ENDED
    assert world.now - T0 < timedelta(days=15)
    assert world.looks < 40


@pytest.mark.parametrize("down_days", [1, 3, 7, 13, 20, 30])
def test_no_burst_after_an_outage(down_days: int) -> None:
    """On the first day back: one charge and one letter at most, and no cancel."""
    start = timedelta(days=2, hours=3)
    down = replace(ONLY_FUNDS, outages=((start, timedelta(days=down_days)),))
    world = begin(down, policy())
    live(world)
    check_life(world)
    back_at = T0 + start + timedelta(days=down_days)
    at_once = [d.decision.act for d in world.done if back_at <= d.at < back_at + timedelta(hours=9)]
    assert sum(isinstance(act, Charge) for act in at_once) <= 1
    assert sum(isinstance(act, Write) for act in at_once) <= 1
    assert not any(isinstance(act, End) for act in at_once)
    assert world.case.outcome is Outcome.ENDED
    planned = {step.name for step in policy().steps}
    assert planned == {record.step for record in world.case.steps}, "each step has its record"
    assert all(record.done or record.reason for record in world.case.steps)


@pytest.mark.parametrize("answer", [UNKNOWN_LOST, UNKNOWN_PAID])
@pytest.mark.parametrize("every", [timedelta(minutes=2), timedelta(hours=30)])
def test_an_unknown_charge_comes_out_once(answer: str, every: timedelta) -> None:
    """Also where nobody could ask for more than 25 hours."""
    world = begin(Script((answer, PAID), (every,), ONLY_FUNDS.letters), policy())
    live(world)
    check_life(world)
    assert world.executed_paid == 1
    assert world.case.outcome is Outcome.RECOVERED
    won = [a for a in world.case.attempts if a.state is AttemptState.SUCCEEDED]
    assert len(won) == 1


def test_every_life() -> None:
    """And they do not all go the same way: else the sentences would be cheap."""
    moves: set[tuple[CaseState, CaseState]] = set()
    outcomes: set[Outcome | None] = set()

    @settings(max_examples=250, derandomize=True, database=None)
    @given(scripts, policies, firsts)
    def check_one(script: Script, by: Policy, first: str) -> None:
        world = begin(script, by, first)
        live(world)
        check_life(world)
        outcomes.add(world.case.outcome)
        states = [done.case.state for done in world.done] + [world.case.state]
        moves.update(move for move in pairwise(states) if move[0] is not move[1])

    check_one()
    assert moves <= MOVES
    assert (CaseState.OPEN, CaseState.IN_REVIEW) in moves
    assert outcomes >= {Outcome.RECOVERED, Outcome.ENDED, Outcome.CUSTOMER_CANCELLED}


ON_DAY_5 = [
    ("pays by hand", Outcome.RECOVERED, 3),
    ("pays elsewhere", Outcome.RECOVERED, 3),
    ("voided", Outcome.VOIDED, 3),
    ("cancels", Outcome.CUSTOMER_CANCELLED, 3),
    ("cancels at period end", Outcome.CUSTOMER_CANCELLED, 3),
    ("new card", Outcome.ENDED, 7),
    ("updated card", Outcome.ENDED, 7),
    ("removed card", Outcome.ENDED, 3),
    ("stripe plans a try", Outcome.ENDED, 3),
    ("disputes", Outcome.ENDED, 6),
    ("pauses", Outcome.ENDED, 6),
    ("dispute over", Outcome.ENDED, 6),
    ("resumes", Outcome.ENDED, 6),
]
"""What somebody does, how the case ends, and how many charges it saw."""


@pytest.mark.parametrize(("event", "outcome", "charges"), ON_DAY_5)
def test_what_others_do_on_the_fifth_day(event: str, outcome: Outcome, charges: int) -> None:
    """After three tries. What stands still until day 25 goes on as if no day had passed."""
    others = ((timedelta(days=5), event), (ENDED_BY, "dispute over"), (ENDED_BY, "resumes"))
    world = begin(replace(ONLY_FUNDS, events=others), policy())
    live(world)
    check_life(world)
    assert world.case.outcome is outcome
    assert len(world.case.charges) == charges
    if event in {"disputes", "pauses"}:
        late = [d for d in world.done if d.at >= T0 + ENDED_BY]
        letters = [d.at for d in late if isinstance(d.decision.act, Write)]
        assert len(letters) == 2
        assert letters[1] - letters[0] == timedelta(days=4)


def test_every_event_is_told_above() -> None:
    assert {event for event, _, _ in ON_DAY_5} == set(EVENTS)
