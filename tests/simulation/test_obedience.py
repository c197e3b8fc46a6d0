"""The checks of what operators ordered, fed with disobedience: they say so, and only then."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

from tests.simulation.obedience import (
    Act,
    acts_after_a_stop,
    acts_nobody_allowed,
    acts_of_still_cases,
)
from tests.simulation.operators import CHARGE, Still
from worker.domain.engine_person import ENDING
from worker.domain.policy import PersonDecides

NOON = datetime(2026, 12, 1, 12, tzinfo=UTC)
SECOND = timedelta(seconds=1)
STOP, GO = (NOON, "charging.stopped"), (NOON + 600 * SECOND, "charging.resumed")


def act(seconds: float, *, committed: float, kind: str = CHARGE, process: str = "worker 1") -> Act:
    """Return something of case 1, so many seconds after noon."""
    at, committed_at = NOON + seconds * SECOND, NOON + committed * SECOND
    return Act(at, committed_at, process, f"some {kind}", 1, kind, key=f"key {seconds}")


COMMITTED_BEFORE = act(2, committed=-1)
"""What a process had committed to a second before the order goes out two seconds after it."""


def test_one_thing_for_each_sender_may_follow_a_stop_within_a_minute() -> None:
    other = replace(COMMITTED_BEFORE, process="worker 2")
    assert list(acts_after_a_stop([COMMITTED_BEFORE, other], [STOP, GO])) == []
    after_go = act(601, committed=600.5)
    assert list(acts_after_a_stop([after_go, act(-1, committed=-2)], [STOP, GO])) == []
    (said,) = acts_after_a_stop([COMMITTED_BEFORE, act(4, committed=-1)], [STOP, GO])
    assert said.startswith("worker 1 began 2 things after the stop")


def test_what_was_committed_to_after_a_stop_or_begins_long_after_it_is_told() -> None:
    assert len(list(acts_after_a_stop([act(2, committed=1)], [STOP, GO]))) == 1
    assert len(list(acts_after_a_stop([act(62, committed=-1)], [STOP, GO]))) == 1
    assert len(list(acts_after_a_stop([act(9_000, committed=8_999)], [STOP]))) == 1
    unknown = replace(COMMITTED_BEFORE, committed_at=None)
    assert len(list(acts_after_a_stop([unknown], [STOP]))) == 1


def test_what_begins_while_a_case_has_to_stand_still_is_told() -> None:
    held = Still(1, NOON, NOON + 600 * SECOND)
    late = act(9_000, committed=8_999)
    assert list(acts_of_still_cases([COMMITTED_BEFORE, late], [held])) == []
    assert len(list(acts_of_still_cases([act(30, committed=29)], [held]))) == 1
    assert len(list(acts_of_still_cases([late], [Still(1, NOON)]))) == 1
    assert list(acts_of_still_cases([late], [Still(2, NOON)])) == []
    receipt = replace(late, kind="letter", notice="payment_recovered")
    assert list(acts_of_still_cases([receipt], [Still(1, NOON)])) == []


def test_what_nobody_allowed_is_told_where_a_person_decides() -> None:
    charges = [act(1, committed=0), act(2, committed=1)]
    ending = act(3, committed=2, kind=ENDING)
    both = tuple(PersonDecides)
    assert list(acts_nobody_allowed([*charges, ending], {}, ())) == []
    allowed = {(1, CHARGE): 2, (1, ENDING): 1}
    assert list(acts_nobody_allowed([*charges, ending], allowed, both)) == []
    assert len(list(acts_nobody_allowed(charges, {(1, CHARGE): 1}, both))) == 1
    assert len(list(acts_nobody_allowed([ending], {(2, ENDING): 1}, both))) == 1
    assert list(acts_nobody_allowed([charges[0], charges[0]], {(1, CHARGE): 1}, both)) == []
