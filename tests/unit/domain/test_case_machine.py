"""Drawn lives of a case over five years and ten zones; `make prove` draws 2,000 of them."""

from datetime import timedelta

from hypothesis import settings
from hypothesis.stateful import run_state_machine_as_test

from tests.unit.domain.building import policy
from tests.unit.domain.case_days import happen, live
from tests.unit.domain.case_judging import check_life
from tests.unit.domain.case_life import Script, begin
from tests.unit.domain.case_machine import CHANGES, YEARS, ZONES, CaseMachine, Figures
from worker.domain.case import CaseState, LetterState, Outcome


def test_every_life_is_right_at_every_step() -> None:
    Figures.reset()
    run_state_machine_as_test(
        CaseMachine,
        settings=settings(max_examples=40, stateful_step_count=30, derandomize=True, database=None),
    )
    assert Figures.lives >= 40
    assert Figures.steps > 400
    assert Figures.looks > 400


def test_a_payment_long_after_the_end_is_no_success_of_the_case() -> None:
    """Found by a drawn life: nobody pays, the case ends, and its invoice is paid months later."""
    silent = Script(("funds",), (timedelta(hours=1),), ((timedelta(), LetterState.SENT),))
    world = begin(silent, policy(), "funds")
    live(world)
    assert world.case.state is CaseState.CLOSED
    world.now += timedelta(days=60)
    happen(world, "pays by hand")
    world.look()
    assert world.case.outcome is Outcome.ENDED
    check_life(world)


def test_the_calendar_has_what_is_hard() -> None:
    """Both changes of the clocks in most zones and every year; 2028 has its leap day."""
    assert len(ZONES) == 10
    for zone in ("Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "Pacific/Chatham"):
        assert len([1 for name, _ in CHANGES if name == zone]) == 2 * (YEARS[1] - YEARS[0] + 1)
    assert YEARS[0] <= 2028 <= YEARS[1]
