"""Letters of the timeline, and how an outage or a stop changes what is still done."""

from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from tests.unit.domain.building import (
    T0,
    after,
    around,
    attempt,
    case,
    decision,
    done_until,
    failure,
    final_letter,
    policy,
    situation,
)
from worker.domain.case import AttemptKind, Case, LetterState, StepRecord
from worker.domain.decisions import Charge, Decision, End, Skip, Wait, Write
from worker.domain.engine_charging import COLLAPSED
from worker.domain.engine_letters import FINAL_FIRST
from worker.domain.engine_timeline import planned_steps
from worker.domain.policy import DeclineClass

NO_ADDRESS = around(can_be_written_to=False)
NO_CHARGE = failure(DeclineClass.CARD_DATA, "expired_card", may_retry=False)


def skipped(decided: Decision, reason: str = COLLAPSED) -> list[str]:
    """Return the steps that a decision skips for *reason*."""
    return [skip.step for skip in decided.skips if skip.reason == reason]


@pytest.mark.parametrize(
    ("until", "at", "step", "notice"),
    [
        ("", after(hours=4), "first letter", "payment_failed_1"),
        ("try 2", after(days=3), "second letter", "payment_failed_2"),
        ("try 4", after(days=7), "third letter", "payment_failed_3"),
        ("try 5", after(days=11), "final letter", "payment_failed_final"),
    ],
)
def test_each_letter_at_its_time(until: str, at: datetime, step: str, notice: str) -> None:
    steps = done_until(until) if until else ()
    before = decision(at - timedelta(seconds=61), case(steps=steps))
    assert (before.act, before.next_step, before.next_at) == (Wait(), step, at)
    assert decision(at, case(steps=steps)).act == Write(step, notice)


@pytest.mark.parametrize(
    ("until", "days", "notice"),
    [
        ("try 2", 3, "action_required"),
        ("try 4", 7, "action_required"),
        ("try 5", 11, "payment_failed_final"),  # the final one must say what ends and when
    ],
)
def test_authentication_has_its_own_letter_until_the_final_one(
    until: str, days: int, notice: str
) -> None:
    asked = failure(DeclineClass.AUTHENTICATION, "authentication_required", may_retry=False)
    decided = decision(after(days=days), case(failure=asked, steps=done_until(until)))
    assert isinstance(decided.act, Write)
    assert decided.act.notice == notice


@pytest.mark.parametrize("decline_class", set(DeclineClass) - {DeclineClass.SETUP})
def test_letters_go_on_where_charges_do_not(decline_class: DeclineClass) -> None:
    stopped = failure(decline_class, may_retry=False)
    decided = decision(after(days=3), case(failure=stopped, steps=done_until("try 2")))
    assert isinstance(decided.act, Write)


LATE = failure(
    DeclineClass.AUTHENTICATION,
    "authentication_required",
    failed_at=after(days=13),
    may_retry=False,
)
"""The last try was answered by a wish for a confirmation: its first link is due 4 hours later."""


@pytest.mark.parametrize("state", [LetterState.QUEUED, LetterState.SENDING])
def test_no_letter_takes_the_place_of_the_final_one_that_has_to_go_out(state: LetterState) -> None:
    """It waits over the weekend; dropped for another, its ending would wait for a person."""
    waiting = case(failure=LATE, steps=done_until("last try"), letters=(final_letter(state),))
    decided = decision(after(days=13, hours=5), waiting)
    assert isinstance(decided.act, Wait)
    assert skipped(decided, FINAL_FIRST) == ["confirm 1"]
    out = replace(waiting, letters=(final_letter(sent_at=after(days=13)),))
    assert decision(after(days=13, hours=5), out).act == Write("confirm 1", "action_required")


def test_the_final_letter_goes_before_what_falls_due_with_it() -> None:
    """An outage has lasted until both were due: the ending needs the final one."""
    late = case(failure=LATE, steps=done_until("try 5"))
    decided = decision(after(days=15, hours=2), late)
    assert decided.act == Write("final letter", "payment_failed_final")
    assert skipped(decided, FINAL_FIRST) == ["confirm 1", "confirm 2"]


def test_without_an_address_the_letter_is_skipped_and_the_rest_goes_on() -> None:
    decided = decision(after(hours=4), the_surroundings=NO_ADDRESS)
    assert (decided.act, decided.next_step) == (Wait(), "try 1")
    assert decided.skips == (Skip("first letter", "the customer has no e-mail address"),)
    charged = decision(after(days=1, hours=2), the_surroundings=NO_ADDRESS)
    assert charged.act == Charge("try 1", "pm_old")
    assert [skip.step for skip in charged.skips] == ["first letter"]


def test_a_charge_goes_before_a_letter_that_is_due_as_well() -> None:
    """If it is paid, no letter needs to be written."""
    decided = decision(after(days=3, hours=1), case(steps=done_until("try 1")))
    assert decided.act == Charge("try 2", "pm_old")


# After an outage: the last letter and one retry


def carry_out(the_case: Case, decided: Decision, now: datetime) -> Case:
    """Return the case once the step and the skips are recorded."""
    assert isinstance(decided.act, Charge | Write)
    records = [StepRecord(decided.act.step, True, now)]
    records += [StepRecord(skip.step, False, now, skip.reason) for skip in decided.skips]
    return replace(the_case, steps=(*the_case.steps, *records))


def test_an_outage_of_20_days_ends_in_one_charge_one_letter_and_no_cancel() -> None:
    now = after(days=20)
    started = case(steps=done_until("try 1"))
    charge = decision(now, started)
    assert charge.act == Charge("last try", "pm_old")
    assert skipped(charge) == [
        *("try 2", "try 3", "try 4", "try 5"),
        *("second letter", "third letter"),
    ]

    charged = carry_out(started, charge, now)
    near = around(last_try_at=now)
    letter = decision(now, charged, the_surroundings=near)
    assert letter.act == Write("final letter", "payment_failed_final")

    written = replace(carry_out(charged, letter, now), letters=(final_letter(LetterState.QUEUED),))
    on_its_way = decision(now, written, the_surroundings=near)
    assert isinstance(on_its_way.act, Wait)
    sent = replace(written, letters=(final_letter(sent_at=now),))
    assert decision(now + timedelta(hours=47), sent, the_surroundings=near).act == Wait()
    ends = decision(now + timedelta(hours=48), sent, the_surroundings=near)
    assert ends.act == End(AttemptKind.CANCEL)


def test_an_outage_of_5_days_skips_what_lies_within_and_goes_on() -> None:
    now = after(days=6, hours=2)
    started = case(steps=done_until("try 1"))
    charge = decision(now, started)
    assert charge.act == Charge("try 4", "pm_old")
    assert skipped(charge) == ["try 2", "try 3"]
    charged = carry_out(started, charge, now)
    letter = decision(now, charged, the_surroundings=around(last_try_at=now))
    assert letter.act == Write("second letter", "payment_failed_2")
    written = carry_out(charged, letter, now)
    then = decision(now, written, the_surroundings=around(last_try_at=now))
    assert (then.act, then.next_step, then.next_at) == (Wait(), "third letter", after(days=7))


def test_an_outage_with_a_hard_decline_writes_one_letter_and_says_why_no_charge_was_made() -> None:
    hard = case(failure=NO_CHARGE, steps=done_until("try 1"))
    decided = decision(after(days=20), hard)
    assert decided.act == Write("final letter", "payment_failed_final")
    assert skipped(decided) == ["second letter", "third letter"]
    why = "the decline needs a new payment method"
    assert skipped(decided, why) == ["try 2", "try 3", "try 4", "try 5", "last try"]


def test_an_outage_without_an_address_ends_in_a_review_and_no_cancel() -> None:
    now = after(days=20)
    started = case(failure=NO_CHARGE, steps=done_until("try 1"))
    first = decision(now, started, the_surroundings=NO_ADDRESS)
    assert isinstance(first.act, Wait)
    skips = tuple(StepRecord(skip.step, False, now, skip.reason) for skip in first.skips)
    assert "final letter" in {record.step for record in skips}
    then = decision(
        after(days=21),
        replace(started, steps=(*started.steps, *skips)),
        the_surroundings=NO_ADDRESS,
    )
    assert then.rule == "ending_blocked"


def test_a_retry_too_soon_after_the_outage_waits_and_the_letter_does_not() -> None:
    now = after(days=9, hours=2)
    started = case(steps=done_until("third letter"))
    near = around(last_try_at=now - timedelta(hours=2))  # the customer tried by hand
    decided = decision(now, started, the_surroundings=near)
    assert (decided.act, decided.next_step) == (Wait(), "try 5")
    assert decided.next_at == now + timedelta(hours=18)


# After a stop: everything later by its length, nothing skipped


@pytest.mark.parametrize("days", [1, 5, 30])
def test_a_stop_shifts_every_step_and_skips_none(days: int) -> None:
    shift = timedelta(days=days)
    running = case(steps=done_until("try 1"))
    stopped = replace(running, shift=shift)
    plain, moved = planned_steps(situation(T0, running)), planned_steps(situation(T0, stopped))
    assert [name for _, name in plain] == [name for _, name in moved]
    for (before, name), (later, _) in zip(plain, moved, strict=True):
        # Hours of the day may add something, never take anything away.
        assert later - before >= shift if "ending" not in name else later > before
    resumed = decision(after(days=2) + shift, stopped)
    assert resumed.skips == ()


def test_planned_steps_name_the_ending_and_leave_out_what_is_done() -> None:
    names = [name for _, name in planned_steps(situation(T0, case(letters=(final_letter(),))))]
    assert names == [*(step.name for step in policy().steps), "ending: cancel"]
    unsent = (final_letter(LetterState.QUEUED),)
    tried = (attempt("last try"),)
    later = case(steps=done_until("final letter"), attempts=tried, letters=unsent)
    assert planned_steps(situation(T0, later)) == []


def test_a_wait_always_looks_again() -> None:
    """Nothing is left to do or to plan, and yet the case is read once a day."""
    unsent = (final_letter(LetterState.QUEUED),)
    idle = case(failure=NO_CHARGE, steps=done_until("last try"), letters=unsent)
    decided = decision(after(days=12), idle)
    assert decided.next_at == after(days=13)
