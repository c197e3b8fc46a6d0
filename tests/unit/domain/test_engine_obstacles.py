"""What keeps a due charge from starting: the mode, another charge of the customer, a limit.

Letters never wait for it, nothing is skipped for it, and no ending passes it.
"""

from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from tests.unit.domain.building import (
    NEW_CARD,
    after,
    around,
    case,
    done,
    done_until,
    failure,
    final_letter,
    invoice,
    situation,
)
from worker.domain.case import AttemptKind, Case, RetryRequest, Surroundings
from worker.domain.decisions import Charge, Decision, End, Refuse, Wait, Write
from worker.domain.engine import decide
from worker.domain.engine_charging import plan_charge
from worker.domain.engine_situation import Obstacle, obstacle_of
from worker.domain.policy import DeclineClass, Mode, RetriesBy
from worker.domain.readings import InvoiceReading

DAY_1 = after(days=1, hours=2)
"""`try 1` is overdue."""
DAY_3 = after(days=3, hours=2)
"""`try 2` and the second letter are overdue."""
LETTER_WRITTEN = case(steps=done("first letter"))
ELSEWHERE = around(charge_in_flight_in=1044)
IN_FIVE_MINUTES = timedelta(minutes=5)
WISH = RetryRequest(7, "ada", "the bank said so")


def decided(
    now: datetime,
    the_case: Case,
    near: Surroundings | None = None,
    obstacle: Obstacle | None = None,
    shown: InvoiceReading | None = None,
) -> Decision:
    """Return what the engine decides once *obstacle* is known."""
    return decide(replace(situation(now, the_case, shown, near), obstacle=obstacle))


def limit(now: datetime) -> Obstacle:
    """Return what a limit that was just met says."""
    return Obstacle("the limit is reached", now + IN_FIVE_MINUTES, passes_soon=True)


def test_without_an_obstacle_the_charge_is_due() -> None:
    """The tests below prove nothing if the engine would have waited anyway."""
    assert decided(DAY_1, LETTER_WRITTEN).act == Charge("try 1", "pm_old")
    assert isinstance(decided(DAY_3, LETTER_WRITTEN).act, Charge)


@pytest.mark.parametrize(
    ("near", "obstacle"),
    [
        (around(), obstacle_of(Mode.LETTERS)),
        (ELSEWHERE, None),
        (around(), limit(DAY_3)),
    ],
    ids=["mode letters", "another charge in flight", "limit"],
)
def test_letters_go_on_while_a_charge_may_not_start(
    near: Surroundings, obstacle: Obstacle | None
) -> None:
    written = decided(DAY_3, LETTER_WRITTEN, near, obstacle)
    assert isinstance(written.act, Write)
    assert written.act.step == "second letter"
    assert written.skips == (), "the due tries are not given up"

    waits = decided(DAY_3, case(steps=done("first letter", "second letter")), near, obstacle)
    assert isinstance(waits.act, Wait)
    assert waits.skips == ()
    assert waits.next_step in {"", "third letter"}, "no retry is announced"


def test_mode_letters_waits_for_the_next_letter_and_says_why_nothing_is_charged() -> None:
    waits = decided(DAY_1, LETTER_WRITTEN, obstacle=obstacle_of(Mode.LETTERS))
    assert (waits.act, waits.next_step) == (Wait(), "second letter")
    assert waits.reason == "Waits for second letter: mode letters charges nothing."


def test_only_mode_letters_is_an_obstacle_by_itself() -> None:
    assert [mode for mode in Mode if obstacle_of(mode) is not None] == [Mode.LETTERS]


def test_another_charge_in_flight_is_looked_at_daily_and_named() -> None:
    waits = decided(DAY_1, LETTER_WRITTEN, ELSEWHERE)
    assert (waits.act, waits.next_at) == (Wait(), DAY_1 + timedelta(days=1))
    assert waits.reason == "A charge of the same customer (C-1044) has no outcome yet."


def test_a_limit_is_looked_at_soon() -> None:
    waits = decided(DAY_1, LETTER_WRITTEN, obstacle=limit(DAY_1))
    assert (waits.act, waits.next_at) == (Wait(), DAY_1 + IN_FIVE_MINUTES)
    assert waits.reason == "The limit is reached."


def test_a_charge_that_is_not_due_yet_keeps_its_time() -> None:
    before = after(hours=6)
    plain = plan_charge(situation(before, LETTER_WRITTEN), RetriesBy.WORKER)
    busy = plan_charge(situation(before, LETTER_WRITTEN, None, ELSEWHERE), RetriesBy.WORKER)
    assert plain.at is not None
    assert plain.at > before
    assert busy == plain


def test_a_new_card_waits_as_well() -> None:
    waits = decided(DAY_1, LETTER_WRITTEN, ELSEWHERE, shown=invoice(card=NEW_CARD))
    assert (waits.act, waits.next_at) == (Wait(), DAY_1 + timedelta(days=1))


def test_tries_that_will_never_be_made_are_still_given_up() -> None:
    hard = failure(DeclineClass.CARD_DATA, "expired_card", may_retry=False)
    waits = decided(DAY_1, case(failure=hard, steps=done("first letter")), ELSEWHERE)
    assert [skip.step for skip in waits.skips] == ["try 1"]


def test_no_ending_passes_a_try_that_is_due_and_cannot_start() -> None:
    """The other debit's outcome comes first, then the last try, and only then the end."""
    last = case(steps=done_until("final letter"), letters=(final_letter(),))
    now = after(days=14, hours=1)
    assert decided(now, last).act == Charge("last try", "pm_old")
    for near, obstacle in ((ELSEWHERE, None), (around(), limit(now))):
        assert isinstance(decided(now, last, near, obstacle).act, Wait)
    over = case(steps=done_until("last try"), letters=(final_letter(),))
    assert decided(now, over, ELSEWHERE).act == End(AttemptKind.CANCEL)


@pytest.mark.parametrize(
    ("near", "obstacle"), [(ELSEWHERE, None), (around(), obstacle_of(Mode.LETTERS))]
)
def test_a_wish_for_a_charge_is_refused_by_what_stays(
    near: Surroundings, obstacle: Obstacle | None
) -> None:
    answer = decided(DAY_1, LETTER_WRITTEN, replace(near, retry_request=WISH), obstacle)
    assert answer.act == Refuse(7)
    assert answer.inputs["allowed_at"] == "never"


def test_a_wish_for_a_charge_waits_for_a_limit() -> None:
    wish = around(retry_request=WISH, last_try_at=after(hours=-30))
    assert isinstance(decided(DAY_1, LETTER_WRITTEN, wish).act, Charge)
    waits = decided(DAY_1, LETTER_WRITTEN, wish, limit(DAY_1))
    assert (waits.act, waits.rule, waits.next_at) == (
        Wait(),
        "by_hand_waits",
        DAY_1 + IN_FIVE_MINUTES,
    )


@pytest.mark.parametrize(("waited_hours", "charged"), [(0, True), (24, True), (25, False)])
def test_a_wish_for_a_charge_is_over_after_a_day(waited_hours: int, charged: bool) -> None:
    """What was asked for before a long pause must not be charged weeks later."""
    asked_at = DAY_3 - timedelta(hours=waited_hours)
    wish = around(retry_request=replace(WISH, asked_at=asked_at))
    answer = decided(DAY_3, LETTER_WRITTEN, wish)
    assert answer.act == (Charge("by hand 7", "pm_old") if charged else Refuse(7))
    assert ("more than a day" in answer.reason) is not charged
