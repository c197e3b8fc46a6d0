"""Endings that leave the subscription alive: pause, held invoices, downgrade, and their limits."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

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
    paid_invoice,
    policy,
    subscription,
)
from worker.domain.case import Attempt, AttemptKind, AttemptState, Case, CaseState, Outcome
from worker.domain.decisions import Act, Close, End, Resend, Review, SettleAttempt, Wait
from worker.domain.policy import CancelWhen, EndingAct, InvoiceEnd, Policy
from worker.domain.readings import PriceReading, SubscriptionReading

PAUSE, HOLD, DOWNGRADE = AttemptKind.PAUSE, AttemptKind.HOLD_INVOICES, AttemptKind.DOWNGRADE
CANCEL, UNCOLLECTIBLE = AttemptKind.CANCEL, AttemptKind.UNCOLLECTIBLE
SUCCEEDED, SENDING, ABANDONED = (
    AttemptState.SUCCEEDED,
    AttemptState.SENDING,
    AttemptState.ABANDONED,
)
DUE = after(days=14)
FREE = "price_free"


def item(price_id: str, item_id: str = "si_1") -> PriceReading:
    return PriceReading(900, "eur", "month", 1, 1, price_id=price_id, item_id=item_id)


PAID_PLAN = subscription(items=(item("price_team"),))
PAUSED = subscription(status="paused")
HELD = subscription(collection_paused=True, pause_behavior="keep_as_draft")
SMALLER = subscription(items=(item(FREE),))


def does(act: EndingAct, **more: Any) -> Policy:
    """Return the shipped policy with another ending that leaves the invoice open."""
    given: dict[str, Any] = {"ending_invoice": InvoiceEnd.LEAVE, **more}
    if act is EndingAct.PAUSE:
        given = {"ending_if_refused": EndingAct.HOLD_INVOICES, **given}
    if act is EndingAct.DOWNGRADE:
        given = {"ending_to_price_id": FREE, **given}
    return policy(ending_do=act, **given)


def made(*attempts: tuple[AttemptKind, AttemptState, str]) -> tuple[Attempt, ...]:
    return tuple(
        attempt(
            f"ending: {kind.value.replace('_', ' ')}",
            state,
            kind,
            no=no,
            answer_code=code,
            sent_at=DUE,
            first_sent_at=DUE,
        )
        for no, (kind, state, code) in enumerate(attempts, start=1)
    )


def ready(*attempts: tuple[AttemptKind, AttemptState, str], **changes: Any) -> Case:
    given = case(steps=done_until(ALL_DONE), letters=(final_letter(),), attempts=made(*attempts))
    return replace(given, **changes)


def says(
    by: Policy, the_case: Case, shown: SubscriptionReading | None = PAID_PLAN, **near: Any
) -> Act:
    surroundings = around(last_try_at=after(days=13), **near)
    return decision(DUE, the_case, invoice(subscription=shown), surroundings, by).act


def asked_ago(found: Case, ago: timedelta) -> Case:
    """Return a case whose only attempt was sent last that long ago."""
    (sent,) = found.attempts
    return replace(found, attempts=(replace(sent, asked_at=DUE - ago),))


REFUSED = (PAUSE, ABANDONED, "http_400")
GIVEN_UP = (PAUSE, ABANDONED, "")


def closed(reason: str, letter: str = "") -> Close:
    return Close(Outcome.ENDED, reason, letter=letter)


WAS_PAUSED = closed("paused for the unpaid invoice", "subscription_paused")
WAS_HELD = closed("new invoices are held back for the unpaid invoice", "subscription_paused")
WAS_MOVED = closed(f"moved to {FREE} for the unpaid invoice", "subscription_downgraded")
NO_PAUSE = "; Stripe refused to pause it"


@pytest.mark.parametrize(
    ("by", "so_far", "shown", "expected"),
    [
        (does(EndingAct.PAUSE), (), PAID_PLAN, End(PAUSE)),
        (does(EndingAct.PAUSE), (GIVEN_UP,), PAID_PLAN, End(PAUSE)),
        (does(EndingAct.PAUSE), ((PAUSE, SUCCEEDED, ""),), PAUSED, WAS_PAUSED),
        (does(EndingAct.PAUSE), (REFUSED,), PAID_PLAN, End(HOLD)),
        (
            does(EndingAct.PAUSE),
            (REFUSED, (HOLD, SUCCEEDED, "")),
            HELD,
            replace(WAS_HELD, reason=WAS_HELD.reason + NO_PAUSE),
        ),
        (does(EndingAct.PAUSE, ending_if_refused=EndingAct.CANCEL), (REFUSED,), PAID_PLAN,
         End(CANCEL)),
        (
            does(
                EndingAct.PAUSE,
                ending_if_refused=EndingAct.CANCEL,
                ending_when=CancelWhen.PERIOD_END,
            ),
            (REFUSED,),
            PAID_PLAN,
            End(AttemptKind.CANCEL_AT_PERIOD_END),
        ),
        (does(EndingAct.PAUSE, ending_if_refused=EndingAct.LEAVE), (REFUSED,), PAID_PLAN,
         closed("left as it is by the policy" + NO_PAUSE)),
        (does(EndingAct.HOLD_INVOICES), (), PAID_PLAN, End(HOLD)),
        (does(EndingAct.HOLD_INVOICES), ((HOLD, SUCCEEDED, ""),), HELD, WAS_HELD),
        (does(EndingAct.DOWNGRADE), (), PAID_PLAN, End(DOWNGRADE)),
        (does(EndingAct.DOWNGRADE), ((DOWNGRADE, SUCCEEDED, ""),), SMALLER, WAS_MOVED),
        (does(EndingAct.PAUSE, ending_invoice=InvoiceEnd.UNCOLLECTIBLE),
         ((PAUSE, SUCCEEDED, ""),), PAUSED, End(UNCOLLECTIBLE)),
        # An invoice without a subscription: there is nothing to pause.
        (does(EndingAct.PAUSE), (), None, closed("left as it is by the policy")),
    ],
)  # fmt: skip
def test_the_requests_in_order(
    by: Policy,
    so_far: tuple[tuple[AttemptKind, AttemptState, str], ...],
    shown: SubscriptionReading | None,
    expected: Act,
) -> None:
    assert says(by, ready(*so_far), shown) == expected


@pytest.mark.parametrize("act", [EndingAct.PAUSE, EndingAct.HOLD_INVOICES, EndingAct.DOWNGRADE])
def test_the_same_care_as_for_a_cancel(act: EndingAct) -> None:
    """Not without its letter, not within 48 hours of it, not at night, not a second too early."""
    by, near = does(act), around(last_try_at=after(days=13))
    shown = invoice(subscription=PAID_PLAN)
    assert decision(DUE - timedelta(seconds=1), ready(), shown, near, by).act == Wait()
    assert isinstance(decision(DUE, ready(letters=()), shown, near, by).act, Review)
    late_letter = (final_letter(sent_at=after(days=13)),)
    assert decision(DUE, ready(letters=late_letter), shown, near, by).act == Wait()
    assert decision(after(days=14, hours=12), ready(), shown, near, by).act == Wait()
    assert isinstance(decision(DUE, ready(), shown, near, by).act, End)


@pytest.mark.parametrize("act", [EndingAct.PAUSE, EndingAct.HOLD_INVOICES])
@pytest.mark.parametrize("refusal", [EndingAct.CANCEL, EndingAct.HOLD_INVOICES])
def test_what_somebody_has_paused_already_is_neither_paused_nor_cancelled(
    act: EndingAct, refusal: EndingAct
) -> None:
    """A second pause is refused; that must not lead to the cancel that a refusal asks for."""
    more = {"ending_if_refused": refusal} if act is EndingAct.PAUSE else {}
    told = says(does(act, **more), ready(), PAUSED)
    assert told == closed("it was as the policy's ending leaves it already")
    if act is EndingAct.PAUSE:
        told = says(does(act, **more), ready(REFUSED), PAUSED)
        assert isinstance(told, Close)


def test_several_prices_need_a_person() -> None:
    both = subscription(items=(item("price_team"), item("price_seats", "si_2")))
    assert isinstance(says(does(EndingAct.DOWNGRADE), ready(), both), Review)


@pytest.mark.parametrize("shown", [HELD, replace(HELD, pause_behavior="void")])
def test_somebody_elses_pause_of_collection_stands_the_case_down(
    shown: SubscriptionReading,
) -> None:
    """It is no ending of ours, so nothing is closed, written off or told to the customer."""
    by = does(EndingAct.HOLD_INVOICES)
    decided = decision(DUE, ready(), invoice(subscription=shown), by=by)
    assert (decided.act, decided.rule, decided.stands_down) == (Wait(), "collection_paused", True)


def test_our_hold_that_somebody_has_changed_is_theirs() -> None:
    changed = replace(HELD, pause_behavior="void")
    told = says(does(EndingAct.HOLD_INVOICES), ready((HOLD, SUCCEEDED, "")), changed)
    assert told == Wait()


@pytest.mark.parametrize(
    ("act", "kind", "word"),
    [
        (EndingAct.PAUSE, PAUSE, "pause"),
        (EndingAct.HOLD_INVOICES, HOLD, "hold of its invoices"),
        (EndingAct.DOWNGRADE, DOWNGRADE, "downgrade"),
    ],
)
def test_what_was_undone_before_the_close_needs_a_person(
    act: EndingAct, kind: AttemptKind, word: str
) -> None:
    told = says(does(act), ready((kind, SUCCEEDED, "")))
    assert told == Review(f"our {word} was undone at Stripe, and nobody paid")


@pytest.mark.parametrize(("kind", "shown"), [(PAUSE, PAUSED), (HOLD, HELD), (DOWNGRADE, SMALLER)])
def test_a_lost_answer_is_settled_by_what_the_subscription_shows(
    kind: AttemptKind, shown: SubscriptionReading
) -> None:
    act = EndingAct(kind.value)
    lost = ready((kind, SENDING, ""))
    age = timedelta(minutes=2)
    assert says(does(act), lost, shown, key_age=age) == SettleAttempt(1, SUCCEEDED)
    assert says(does(act), lost, key_age=age) == Resend(1)
    # Never asked again once the customer has cancelled.
    gone = subscription(status="canceled")
    assert says(does(act), asked_ago(lost, age), gone, key_age=age) == Wait()
    rested = asked_ago(lost, timedelta(minutes=15))
    assert says(does(act), rested, gone, key_age=age) == SettleAttempt(1, ABANDONED)


@pytest.mark.parametrize("kind", [PAUSE, HOLD, DOWNGRADE])
def test_who_paid_in_the_last_second_loses_nothing(kind: AttemptKind) -> None:
    """The request has not gone out, or nobody knows: a paid invoice ends the case all the same."""
    by = does(EndingAct(kind.value))
    told = decision(DUE, ready(), paid_invoice(subscription=PAID_PLAN), by=by).act
    assert isinstance(told, Close)
    assert told.outcome is Outcome.RECOVERED
    lost = ready((kind, SENDING, ""))
    told = decision(DUE, lost, paid_invoice(subscription=PAID_PLAN), by=by).act
    assert told == SettleAttempt(1, ABANDONED)


def test_paid_after_the_pause_is_recovered_late_and_nothing_is_lifted() -> None:
    by, paused = does(EndingAct.PAUSE), ready((PAUSE, SUCCEEDED, ""))
    told = decision(DUE, paused, paid_invoice(subscription=PAUSED), by=by).act
    assert isinstance(told, Close)
    assert told.outcome is Outcome.RECOVERED_LATE
    over = replace(paused, state=CaseState.CLOSED, outcome=Outcome.ENDED, closed_at=DUE)
    late = decision(after(days=30), over, paid_invoice(subscription=PAUSED), by=by).act
    assert isinstance(late, Close)
    assert late.outcome is Outcome.RECOVERED_LATE


@pytest.mark.parametrize(("kind", "shown"), [(PAUSE, PAUSED), (HOLD, HELD), (DOWNGRADE, SMALLER)])
def test_a_following_case_closes_with_the_leading_one_and_writes_nothing(
    kind: AttemptKind, shown: SubscriptionReading
) -> None:
    by = does(EndingAct(kind.value))
    near = around(set_aside_by_us=frozenset((kind,)), leading_case=7)
    told = decision(after(days=5), case(), invoice(subscription=shown), near, by).act
    assert isinstance(told, Close)
    assert (told.outcome, told.letter) == (Outcome.ENDED, "")
    undone = decision(after(days=5), case(), invoice(subscription=PAID_PLAN), near, by)
    assert undone.rule == "follows"
