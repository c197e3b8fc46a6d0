"""Acts that a policy leaves to a person: asked, never done without a yes to exactly them."""

from datetime import datetime, timedelta

import pytest

from tests.unit.domain.building import (
    ALL_DONE,
    after,
    around,
    attempt,
    case,
    decision,
    done_until,
    final_letter,
    invoice,
    policy,
    situation,
    subscription,
)
from worker.domain.case import (
    Approval,
    AttemptKind,
    AttemptState,
    Question,
    RetryRequest,
    question_from,
)
from worker.domain.decisions import Charge, End, Refuse, Resend, Review, Wait, Write
from worker.domain.forecast import forecast
from worker.domain.forecast_values import PlannedKind, Ways
from worker.domain.policy import InvoiceEnd, PersonDecides
from worker.domain.policy_text import from_plain, to_plain

CHARGES = policy(person_decides=(PersonDecides.CHARGES,))
ENDING = policy(person_decides=(PersonDecides.ENDING,))
BOTH = policy(person_decides=(PersonDecides.CHARGES, PersonDecides.ENDING))
DAY_1, DAY_16 = after(days=1, hours=2), after(days=16, hours=1)
FIRST = case(steps=done_until("first letter"))
OVER = case(steps=done_until(ALL_DONE), letters=(final_letter(),))


def yes(step: str, amount_minor: int = 4900, attempt_no: int = 1) -> Approval:
    """Return an approval of *step*."""
    return Approval(7, "jo", Question(step, amount_minor, "eur", attempt_no, CHARGES.digest))


def test_a_charge_waits_and_says_what_is_asked() -> None:
    decided = decision(DAY_1, FIRST, by=CHARGES)
    assert (decided.act, decided.rule, decided.next_step) == (Wait(), "person_decides", "try 1")
    assert question_from(decided.inputs) == Question("try 1", 4900, "eur", 1, CHARGES.digest)
    assert decided.next_at == DAY_1 + timedelta(days=1)


def test_a_yes_by_another_policy_is_over() -> None:
    moved = Approval(7, "jo", Question("ending", 4900, "eur", 1, "another"))
    decided = decision(DAY_16, OVER, None, around(approval=moved), by=ENDING)
    assert (decided.act, decided.rule) == (Refuse(7), "approval_over")
    assert "the case has another policy" in decided.reason


def test_the_ending_waits_and_the_charges_before_it_do_not() -> None:
    assert isinstance(decision(DAY_1, FIRST, by=ENDING).act, Charge)
    decided = decision(DAY_16, OVER, by=ENDING)
    assert (decided.act, decided.rule, decided.next_step) == (Wait(), "person_decides", "ending")


@pytest.mark.parametrize("days", [20, 40, 200])
def test_without_an_answer_it_never_acts(days: int) -> None:
    for by in (CHARGES, BOTH):
        decided = decision(after(days=days), case(steps=done_until("final letter")), by=by)
        assert decided.rule == "person_decides"
        assert decided.skips == ()


def test_letters_go_on_and_the_try_is_not_given_up() -> None:
    decided = decision(after(days=3), case(steps=done_until("first letter")), by=CHARGES)
    assert decided.act == Write("second letter", "payment_failed_2")
    assert [skip.step for skip in decided.skips] == []


def test_a_yes_lets_exactly_its_act_happen() -> None:
    charged = decision(DAY_1, FIRST, None, around(approval=yes("try 1")), by=CHARGES)
    assert isinstance(charged.act, Charge)
    ended = decision(DAY_16, OVER, None, around(approval=yes("ending")), by=ENDING)
    assert ended.act == End(AttemptKind.CANCEL)


@pytest.mark.parametrize(
    ("approval", "why"),
    [
        (yes("try 1", amount_minor=100), "the amount has changed"),
        (yes("try 1", attempt_no=3), "another try was made"),
        (yes("ending"), "try 1 has become due"),
    ],
)
def test_a_yes_to_something_else_is_over(approval: Approval, why: str) -> None:
    decided = decision(DAY_1, FIRST, None, around(approval=approval), by=CHARGES)
    assert decided.act == Refuse(7)
    assert why in decided.reason


def test_an_offers_request_in_between_leaves_a_yes_as_it_is() -> None:
    coupon = attempt("second letter: coupon", AttemptState.SUCCEEDED, AttemptKind.COUPON)
    offered = case(steps=done_until("first letter"), attempts=(coupon,))
    assert offered.next_no == 2
    charged = decision(DAY_1, offered, None, around(approval=yes("try 1")), by=CHARGES)
    assert isinstance(charged.act, Charge)


def test_another_cases_ending_is_no_yes_to_writing_this_invoice_off() -> None:
    """The case that led was ended with a yes; this one followed it."""
    by = policy(person_decides=(PersonDecides.ENDING,), ending_invoice=InvoiceEnd.UNCOLLECTIBLE)
    gone = invoice(subscription=subscription(status="canceled"))
    asked = decision(DAY_16, OVER, gone, around(ended_by_us=True), by=by)
    assert (asked.act, asked.rule, asked.next_step) == (Wait(), "person_decides", "ending")
    approval = Approval(7, "jo", question_from(asked.inputs))
    agreed = around(ended_by_us=True, approval=approval)
    assert decision(DAY_16, OVER, gone, agreed, by=by).act == End(AttemptKind.UNCOLLECTIBLE)
    cancel = attempt("ending: cancel", AttemptState.SUCCEEDED, AttemptKind.CANCEL)
    led = case(steps=OVER.steps, letters=OVER.letters, attempts=(cancel,))
    own = decision(DAY_16, led, gone, around(ended_by_us=True), by=by)
    assert own.act == End(AttemptKind.UNCOLLECTIBLE), "one yes does all of its own case's ending"


def test_a_yes_to_a_step_covers_the_later_one_that_took_its_place_but_no_new_card() -> None:
    late = around(approval=yes("try 1"))
    charged = decision(after(days=2, hours=2), FIRST, None, late, by=CHARGES)
    assert charged.act == Charge("try 2", "pm_old")
    renewed = decision(DAY_1, FIRST, invoice(card="pm_new"), late, by=CHARGES)
    assert renewed.act == Refuse(7)
    assert "new card has become due" in renewed.reason


def test_what_else_is_forbidden_stays_forbidden() -> None:
    """A yes is no way around the networks, a hold or the letter before the end."""
    unwritten = case(steps=done_until(ALL_DONE))
    decided = decision(DAY_16, unwritten, None, around(approval=yes("ending")), by=ENDING)
    assert isinstance(decided.act, (Wait, Review))
    soon = around(approval=yes("try 2"), last_try_at=after(days=1, hours=20))
    early = decision(after(days=2), case(steps=done_until("try 1")), None, soon, by=CHARGES)
    assert isinstance(early.act, Wait)


def test_a_person_who_asks_for_a_charge_has_decided() -> None:
    asked = around(retry_request=RetryRequest(3, "kim", "the bank says yes"))
    decided = decision(after(days=1, hours=3), FIRST, None, asked, by=CHARGES)
    assert decided.act == Charge("by hand 3", "pm_old")


def test_an_approved_ending_whose_answer_was_lost_is_asked_again() -> None:
    sending = attempt("ending: cancel", AttemptState.SENDING, AttemptKind.CANCEL)
    crashed = case(steps=OVER.steps, letters=OVER.letters, attempts=(sending,))
    decided = decision(DAY_16, crashed, None, around(approval=yes("ending")), by=ENDING)
    assert decided.act == Resend(1)
    unasked = decision(DAY_16, crashed, by=ENDING)
    assert not isinstance(unasked.act, Resend)


def open_at_once(_customer: object, at: datetime) -> datetime:
    """Let letters go at any hour."""
    return at


def test_a_forecast_tells_it_once_and_goes_on_with_letters() -> None:
    planned = forecast(
        situation(after(hours=5), FIRST, by=BOTH), after(days=30), ways=Ways(open_at_once)
    )
    kinds = [each.kind for each in planned]
    assert PlannedKind.CHARGE not in kinds
    assert PlannedKind.ENDING not in kinds
    asked = [each for each in planned if each.kind is PlannedKind.PERSON]
    assert len({each.step for each in asked}) == len(asked) >= 1
    letters = [each for each in planned if each.kind is PlannedKind.LETTER]
    assert len(letters) == 3
    assert all(each.sure for each in letters)


def test_the_policy_is_read_back_and_the_old_text_keeps_its_meaning() -> None:
    assert from_plain(to_plain(BOTH)).person_decides == BOTH.person_decides
    assert "person_decides" not in to_plain(policy())
