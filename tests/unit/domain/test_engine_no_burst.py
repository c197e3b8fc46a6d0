"""Letters that say nothing new are not written: told with another invoice, or a card just given."""

from datetime import timedelta

import pytest

from tests.unit.domain.building import (
    ALL_DONE,
    NEW_CARD,
    after,
    around,
    case,
    decision,
    done,
    done_until,
    invoice,
    letter,
    paid_invoice,
)
from worker.domain.case import LetterState
from worker.domain.decisions import Charge, Close, Skip, Wait, Write
from worker.domain.engine_letters import TOLD

HELD = done("try 1", "try 2")
"""The tries are behind, so that only letters are due."""


def test_what_fell_due_while_a_leading_case_wrote_is_not_written_again() -> None:
    """Named on day 2.5: the letters of the first 3.5 days say nothing new."""
    near = around(named_at=after(days=2, hours=12))
    decided = decision(after(days=3, hours=2), case(steps=HELD), the_surroundings=near)
    assert decided.act == Wait()
    assert decided.skips == (Skip("first letter", TOLD), Skip("second letter", TOLD))
    assert decided.next_step == "try 3"


def test_what_falls_due_more_than_a_day_after_it_is_written() -> None:
    near = around(named_at=after(days=1, hours=23))
    decided = decision(after(days=3, hours=2), case(steps=HELD), the_surroundings=near)
    assert decided.act == Write("second letter", "payment_failed_2")
    assert decided.skips == (Skip("first letter", TOLD),)


def test_an_invoice_that_was_never_named_gets_one_letter_for_all_that_are_overdue() -> None:
    decided = decision(after(days=3, hours=2), case(steps=HELD))
    assert decided.act == Write("second letter", "payment_failed_2")


def test_the_final_letter_is_never_left_to_another_invoice() -> None:
    near = around(named_at=after(days=11))
    decided = decision(after(days=11), case(steps=done_until("try 5")), the_surroundings=near)
    assert decided.act == Write("final letter", "payment_failed_final")


@pytest.mark.parametrize(
    ("own", "named", "thanked"), [(False, False, False), (True, False, True), (False, True, True)]
)
def test_whoever_heard_of_the_invoice_hears_of_its_payment(
    own: bool, named: bool, thanked: bool
) -> None:
    told = case(letters=(letter(state=LetterState.SENT),) if own else ())
    near = around(named_at=after(hours=5) if named else None)
    close = decision(after(days=1), told, paid_invoice(), near).act
    assert isinstance(close, Close)
    assert (close.letter == "payment_recovered") is thanked


NEW = invoice(card=NEW_CARD)
DAY_3 = after(days=3, hours=2)
"""The second letter is overdue."""


def test_nobody_who_has_just_given_a_card_is_asked_for_one() -> None:
    """The new card waits 10 hours for the gap after another charge: so does the letter."""
    near = around(other_try_at=DAY_3 - timedelta(hours=10))
    decided = decision(DAY_3, case(steps=done_until("try 2")), NEW, near)
    assert (decided.act, decided.next_at) == (Wait(), DAY_3 + timedelta(hours=10))
    assert decided.next_step == f"new card {NEW_CARD}"
    assert decided.skips == ()
    charged = decision(DAY_3 + timedelta(hours=10), case(steps=done_until("try 2")), NEW, near)
    assert charged.act == Charge(f"new card {NEW_CARD}", NEW_CARD)


def test_a_letter_waits_for_a_new_card_for_two_days_at_most() -> None:
    for hours, waits in ((48, True), (49, False)):
        near = around(other_try_at=DAY_3 + timedelta(hours=hours - 20))
        act = decision(DAY_3, case(steps=done_until("try 2")), NEW, near).act
        assert isinstance(act, Wait if waits else Write)


def test_a_letter_does_not_wait_for_a_new_card_that_another_charge_keeps_back() -> None:
    near = around(charge_in_flight_in=1044)
    act = decision(DAY_3, case(steps=done_until("try 2")), NEW, near).act
    assert act == Write("second letter", "payment_failed_2")


def test_a_new_card_that_was_tried_already_keeps_nothing_back() -> None:
    tried = case(steps=(*done_until("try 2"), *done(f"new card {NEW_CARD}")))
    assert isinstance(decision(DAY_3, tried, NEW).act, Write)
    assert isinstance(decision(after(days=20), case(steps=done_until(ALL_DONE)), NEW).act, Charge)
