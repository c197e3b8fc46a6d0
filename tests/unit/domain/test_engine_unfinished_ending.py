"""An ending whose answer was lost is asked for again only where it would be asked for anew."""

from dataclasses import replace
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
    payment,
    policy,
    subscription,
)
from worker.domain.case import (
    AttemptKind,
    AttemptState,
    Case,
    CaseState,
    CloseRequest,
    Surroundings,
)
from worker.domain.decisions import (
    Act,
    Close,
    Decision,
    End,
    GoOn,
    Hold,
    Resend,
    Review,
    SettleAttempt,
    Wait,
)
from worker.domain.policy import CancelWhen, InvoiceEnd
from worker.domain.readings import InvoiceReading

CANCEL, PERIOD_END = AttemptKind.CANCEL, AttemptKind.CANCEL_AT_PERIOD_END
UNCOLLECTIBLE, VOID = AttemptKind.UNCOLLECTIBLE, AttemptKind.VOID
SENDING, SUCCEEDED = AttemptState.SENDING, AttemptState.SUCCEEDED
ABANDONED = SettleAttempt(1, AttemptState.ABANDONED)
DUE = after(days=14, hours=1)
"""A Monday, 11:00 in Berlin: an office hour, and the ending is due."""
SATURDAY = after(days=19, hours=12)
SENT_AT = after(days=1)
OVER = subscription(status="canceled")
AT_THE_END = policy(ending_when=CancelWhen.PERIOD_END)
AN_HOUR = around(key_age=timedelta(hours=1))


def ending(kind: AttemptKind = CANCEL, *before: AttemptKind, **changes: object) -> Case:
    """Return a case with everything done whose ending was sent, without an answer."""
    done = tuple(attempt(f"ending: {k}", SUCCEEDED, k, no=no) for no, k in enumerate(before, 2))
    sent = attempt(f"ending: {kind}", SENDING, kind)
    base = case(steps=done_until(ALL_DONE), letters=(final_letter(),), attempts=(sent, *done))
    return replace(base, **changes)  # type: ignore[arg-type]


def decided(
    the_case: Case,
    shown: InvoiceReading | None = None,
    near: Surroundings = AN_HOUR,
    now: datetime = DUE,
) -> Decision:
    """Return what the engine decides about an ending sent an hour ago."""
    return decision(now, the_case, shown, near)


def test_without_the_attempt_the_same_ending_would_begin() -> None:
    assert decided(ending(attempts=())).act == End(CANCEL)


@pytest.mark.parametrize("minutes", [0, 1, 60, 22 * 60])
def test_a_lost_cancel_is_asked_for_again_while_it_is_still_due(minutes: int) -> None:
    near = around(key_age=timedelta(minutes=minutes))
    assert decided(ending(), near=near).act == Resend(1)


def test_a_lost_cancel_at_the_periods_end_as_well() -> None:
    assert decision(DUE, ending(PERIOD_END), None, AN_HOUR, AT_THE_END).act == Resend(1)


@pytest.mark.parametrize(("kind", "how"), [(VOID, InvoiceEnd.VOID), (UNCOLLECTIBLE, None)])
def test_the_invoices_end_as_well_at_any_hour(kind: AttemptKind, how: InvoiceEnd | None) -> None:
    by = policy(ending_invoice=how) if how is not None else policy()
    shown = invoice(subscription=OVER)
    for now in (DUE, SATURDAY):
        assert decision(now, ending(kind, CANCEL), shown, AN_HOUR, by).act == Resend(1)


NOT_AGAIN = {
    "the customer's debit is being processed": (invoice(payment=payment("processing")), AN_HOUR),
    "another payment is being processed": (invoice(other_payment_under_way=True), AN_HOUR),
    "everything was credited": (invoice(amount_remaining_minor=0), AN_HOUR),
    "a dispute is open": (invoice(), replace(AN_HOUR, dispute_open=True)),
    "collection is paused": (invoice(subscription=subscription(collection_paused=True)), AN_HOUR),
    "the customer asked to cancel": (
        invoice(subscription=subscription(cancel_at_period_end=True)),
        AN_HOUR,
    ),
    "an older invoice leads": (invoice(), replace(AN_HOUR, leading_case=7)),
    "Stripe tries once more": (invoice(next_payment_attempt_at=DUE + timedelta(days=1)), AN_HOUR),
}


@pytest.mark.parametrize(("shown", "near"), NOT_AGAIN.values(), ids=NOT_AGAIN)
def test_a_cancel_that_would_not_begin_now_is_given_up(
    shown: InvoiceReading, near: Surroundings
) -> None:
    given_up = decided(ending(), shown, near)
    assert (given_up.act, given_up.rule, given_up.next_at) == (ABANDONED, "attempt_settled", DUE)
    settled = ending(attempts=(attempt("ending: cancel", AttemptState.ABANDONED, CANCEL),))
    assert isinstance(decided(settled, shown, near).act, Wait | Hold | Close | GoOn)


def test_no_cancel_is_sent_on_a_saturday_night() -> None:
    """Stripe was away from Friday's office hours on: the case waits for Monday."""
    assert decided(ending(), now=SATURDAY).act == ABANDONED
    settled = ending(attempts=(attempt("ending: cancel", AttemptState.ABANDONED, CANCEL),))
    assert decided(settled, now=SATURDAY).next_step == "ending"


@pytest.mark.parametrize(
    ("last_at", "asked_at"), [(SENT_AT, None), (DUE, DUE)], ids=["sent once", "sent again"]
)
def test_stripe_is_given_minutes_to_carry_it_out_before_it_is_given_up(
    last_at: datetime, asked_at: datetime | None
) -> None:
    """They count from the last send: a request may reach Stripe late each time."""
    sent = attempt("ending: cancel", SENDING, CANCEL, asked_at=asked_at)
    asked, disputed = ending(attempts=(sent,)), replace(AN_HOUR, dispute_open=True)
    rested_at = last_at + timedelta(minutes=15)
    waits = decided(asked, near=disputed, now=rested_at - timedelta(seconds=1))
    assert (waits.act, waits.rule, waits.next_at) == (Wait(), "ending_unknown_at_rest", rested_at)
    assert decided(asked, near=disputed, now=rested_at).act == ABANDONED


def test_what_stripe_shows_as_done_is_done() -> None:
    shown = invoice(subscription=OVER, payment=payment("processing"))
    assert decided(ending(), shown).act == SettleAttempt(1, SUCCEEDED)


@pytest.mark.parametrize("hours", [23, 25, 100])
def test_an_ending_without_an_answer_for_a_day_needs_a_person(hours: int) -> None:
    old = around(key_age=timedelta(hours=hours))
    told = decided(ending(), near=old)
    assert told.act == Review("ending: cancel: no answer from Stripe for 23 hours")
    with_a_person = ending(state=CaseState.IN_REVIEW)
    assert decided(with_a_person, near=old).act == Wait()
    assert decided(with_a_person).act == Wait(), "whoever has it may cancel by hand"


@pytest.mark.parametrize(("hours", "act"), [(24, Wait()), (25, ABANDONED)])
def test_a_person_gives_an_ending_up_whose_answer_is_lost(hours: int, act: Act) -> None:
    wish = around(key_age=timedelta(hours=hours), close_request=CloseRequest("jo", "ours"))
    assert decided(ending(state=CaseState.IN_REVIEW), near=wish).act == act


def test_a_cancel_that_staff_undid_is_not_repeated_without_a_person() -> None:
    done = attempt("ending: cancel", SUCCEEDED, PERIOD_END)
    undone = ending(attempts=(done,))
    told = decision(DUE, undone, None, around(ended_by_us=True), AT_THE_END)
    assert (told.act, told.rule) == (
        Review("our cancel was undone at Stripe, and nobody paid"),
        "cancel_undone",
    )


def test_after_an_undone_cancel_the_next_failed_invoice_lives_its_whole_life() -> None:
    """Our cancel for the period's end of an older case was undone: it counts no more."""
    fresh, near = case(), around(ended_by_us=True)
    assert decision(after(hours=1), fresh, None, near, AT_THE_END).act == Wait()
    assert decision(after(hours=5), fresh, None, near, AT_THE_END).rule == "letter_due"
    for ends in (OVER, subscription(cancel_at_period_end=True), subscription(cancel_at=DUE)):
        follows = decision(after(hours=5), fresh, invoice(subscription=ends), near, AT_THE_END)
        assert follows.act == End(UNCOLLECTIBLE)
