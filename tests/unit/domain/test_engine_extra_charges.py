"""Charges beside the timeline: a new or updated card at once, technical failures soon."""

from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from tests.unit.domain.building import (
    BERLIN,
    NEW_CARD,
    OLD_CARD,
    T0,
    after,
    around,
    attempt,
    case,
    decision,
    declined,
    done,
    failure,
    invoice,
    method,
    policy,
    subscription,
)
from worker.domain.case import Case, Failure
from worker.domain.decisions import Charge, Decision, Write
from worker.domain.policy import ClassRule, DeclineClass, Reaction
from worker.domain.timetable import step_due_at

DAY_1 = after(days=1, hours=2)
FIRST_LETTER_WRITTEN = done("first letter")
HARD = failure(DeclineClass.CARD_DATA, "expired_card", may_retry=False)
TECHNICAL = failure(DeclineClass.TECHNICAL, "processing_error")


def due_at(step: str, the_case: Case | None = None) -> datetime:
    """Return when a step of the shipped policy falls due."""
    found = policy().step(step)
    assert found is not None
    return step_due_at(the_case or case(), found, BERLIN)


def charges(decided: Decision) -> str:
    """Return the step that is charged, or the empty string."""
    return decided.act.step if isinstance(decided.act, Charge) else ""


# New cards


def test_a_new_card_is_charged_at_once_and_only_once() -> None:
    """Whatever the old card's decline said, and without the 20 hours."""
    near = around(last_try_at=after(hours=1))
    new = invoice(card=NEW_CARD)
    for old in (failure(), HARD, failure(DeclineClass.AUTHENTICATION, may_retry=False)):
        decided = decision(after(hours=2), case(failure=old), new, near)
        assert decided.act == Charge(f"new card {NEW_CARD}", NEW_CARD)

    step = f"new card {NEW_CARD}"
    tried = attempt(step, payment_method_id=NEW_CARD)
    again = case(failure=HARD, attempts=(tried,), steps=done(step))
    assert not charges(decision(after(hours=3), again, new, near))
    by_attempt = replace(again, steps=())
    assert not charges(decision(after(hours=3), by_attempt, new, near))
    declined_too = replace(again, failure=replace(HARD, payment_method_id=NEW_CARD))
    assert not charges(decision(after(hours=3), declined_too, new, near))


def test_a_second_new_card_is_charged_at_once_too() -> None:
    on_new = replace(HARD, payment_method_id=NEW_CARD, failed_at=after(hours=2))
    tried = attempt(f"new card {NEW_CARD}", payment_method_id=NEW_CARD)
    decided = decision(
        after(hours=3),
        case(failure=on_new, attempts=(tried,)),
        invoice(card="pm_third"),
        around(last_try_at=after(hours=2)),
    )
    assert charges(decided) == "new card pm_third"


def test_a_card_where_there_was_none_is_new() -> None:
    none = failure(DeclineClass.CARD_DATA, "no_payment_method", payment_method_id="")
    assert charges(decision(after(hours=2), case(failure=none))) == f"new card {OLD_CARD}"


def test_cards_issued_in_india_are_attempted_once_and_a_new_one_at_once() -> None:
    indian = replace(method(), country="IN")
    held = subscription(default_payment_method=indian)
    again = case(steps=FIRST_LETTER_WRITTEN)
    decided = decision(DAY_1, again, invoice(subscription=held))
    assert not charges(decided)
    assert "India" in decided.skips[0].reason
    quick = case(failure=TECHNICAL, steps=FIRST_LETTER_WRITTEN)
    assert not charges(decision(DAY_1, quick, invoice(subscription=held)))
    new = subscription(default_payment_method=replace(indian, id=NEW_CARD))
    assert charges(decision(DAY_1, again, invoice(subscription=new))) == f"new card {NEW_CARD}"
    debit = subscription(default_payment_method=replace(indian, type="upi"))
    assert not charges(decision(DAY_1, again, invoice(subscription=debit))), "no limit is known"


@pytest.mark.parametrize("decline_class", [DeclineClass.CONSENT_WITHDRAWN, DeclineClass.SETUP])
def test_where_a_new_card_cures_nothing_it_is_not_charged(decline_class: DeclineClass) -> None:
    held = case(failure=failure(decline_class))
    assert not charges(decision(DAY_1, held, invoice(card=NEW_CARD)))


def test_new_cards_wait_for_their_step_where_the_policy_says_so() -> None:
    by = policy(charge_new_card_at_once=False)
    decided = decision(after(hours=2), the_invoice=invoice(card=NEW_CARD), by=by)
    assert decided.next_step == "first letter"
    assert not charges(decided)


CHANGED = after(hours=5)


@pytest.mark.parametrize(
    ("known", "failed_at", "changed", "new"),
    [
        (None, T0, None, False),
        (None, T0, CHANGED, True),
        (None, T0, T0 - timedelta(days=9), False),  # before the failure: the failed try had it
        (T0 - timedelta(days=9), T0, CHANGED, True),
        (T0 - timedelta(days=9), T0, T0 - timedelta(days=9), False),
        (CHANGED, T0, CHANGED, True),  # seen at the first look, but after the failure
        (CHANGED, CHANGED, CHANGED, False),  # tried with it
        (CHANGED, after(hours=6), CHANGED, False),
        (T0 - timedelta(days=9), CHANGED, CHANGED, True),  # in the same second as the failure
        (CHANGED, after(hours=6), after(hours=7), True),
    ],
)
def test_an_updated_card_counts_as_new(
    known: datetime | None, failed_at: datetime, changed: datetime | None, new: bool
) -> None:
    last = replace(HARD, method_changed_at=known, failed_at=failed_at)
    near = around(method_changes={OLD_CARD: changed} if changed else {}, last_try_at=failed_at)
    decided = decision(after(hours=8), case(failure=last), the_surroundings=near)
    assert charges(decided).startswith(f"new card {OLD_CARD} of ") is new


def test_the_same_update_is_charged_once_and_the_next_one_again() -> None:
    near = around(method_changes={OLD_CARD: CHANGED})
    step = charges(decision(after(hours=6), case(failure=HARD), the_surroundings=near))
    tried = case(failure=HARD, attempts=(attempt(step),))
    assert not charges(decision(after(hours=7), tried, the_surroundings=near))
    later = around(method_changes={OLD_CARD: after(hours=9)})
    again = charges(decision(after(hours=10), tried, the_surroundings=later))
    assert again.startswith("new card")
    assert again != step


def test_the_subscriptions_card_comes_before_the_customers() -> None:
    bare = invoice(subscription=subscription(default_payment_method=None))
    assert bare.customer is not None
    holder = replace(bare.customer, default_payment_method=method("pm_customer"))
    fallback = replace(bare, customer=holder)
    assert charges(decision(DAY_1, case(), fallback)) == "new card pm_customer"
    both = replace(fallback, subscription=subscription())
    assert charges(decision(DAY_1, case(), both)) == "try 1"


# Quick technical tries


def quick_history(count: int, last: Failure = TECHNICAL) -> Case:
    """Return a case whose *count* quick tries failed."""
    quick = tuple(attempt(f"quick try {no}", no=no) for no in range(1, count + 1))
    return case(failure=last, attempts=quick, steps=done(*(a.step for a in quick)))


@pytest.mark.parametrize(("made", "gap"), [(0, 30), (1, 60), (2, 120)])
def test_quick_tries_double_their_gaps(made: int, gap: int) -> None:
    last = after(hours=1)
    near = around(last_try_at=last)
    decided = decision(last, quick_history(made), the_surroundings=near)
    assert decided.next_step == f"quick try {made + 1}"
    assert decided.next_at is not None
    assert gap <= (decided.next_at - last) / timedelta(minutes=1) <= gap * 1.2
    then = decision(decided.next_at, quick_history(made), the_surroundings=near)
    assert charges(then) == f"quick try {made + 1}"


def test_after_three_quick_tries_the_steps_go_on_and_none_was_used_up() -> None:
    spent = quick_history(3)
    late = decision(after(hours=6), spent, the_surroundings=around(last_try_at=after(hours=4)))
    assert isinstance(late.act, Write)
    spent = replace(spent, steps=(*spent.steps, *FIRST_LETTER_WRITTEN))
    near = around(last_try_at=after(hours=4))
    waits = decision(after(hours=6), spent, the_surroundings=near)
    assert (waits.next_step, waits.next_at) == ("try 1", due_at("try 1"))
    assert charges(decision(due_at("try 1"), spent, the_surroundings=near)) == "try 1"


def test_quick_tries_use_up_no_retries() -> None:
    spent = quick_history(3, failure())
    spent = replace(spent, attempts=(*spent.attempts, *declined(7)))
    assert charges(decision(DAY_1, spent)) == "try 1"


def test_a_quick_try_waits_for_what_the_decline_allows() -> None:
    an_hour = replace(TECHNICAL, retry_not_before=after(hours=1))
    decided = decision(after(minutes=40), case(failure=an_hour))
    assert (decided.next_step, decided.next_at) == ("quick try 1", after(hours=1))


def test_no_quick_try_where_the_decline_allows_none_in_time() -> None:
    a_day = replace(TECHNICAL, retry_not_before=after(days=1, hours=3))
    decided = decision(after(minutes=40), case(failure=a_day, steps=FIRST_LETTER_WRITTEN))
    assert (decided.next_step, decided.next_at) == ("try 1", after(days=1, hours=3))


def test_technical_declines_may_be_retried_by_step_instead() -> None:
    slow = {DeclineClass.TECHNICAL: ClassRule(Reaction.RETRY)}
    decided = decision(
        after(hours=5),
        case(failure=TECHNICAL, steps=FIRST_LETTER_WRITTEN),
        by=policy(when_declined=slow),
    )
    assert decided.next_step == "try 1"
