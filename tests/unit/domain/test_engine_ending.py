"""The ending: never without its letter, never too early, never outside office hours."""

from dataclasses import replace
from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest

from tests.unit.domain.building import (
    ALL_DONE,
    BERLIN,
    T0,
    after,
    around,
    attempt,
    case,
    decision,
    done_until,
    failure,
    final_letter,
    invoice,
    policy,
    situation,
    subscription,
)
from worker.domain.case import (
    Attempt,
    AttemptKind,
    AttemptState,
    Case,
    CaseLetter,
    CaseState,
    LetterState,
    Outcome,
    StepRecord,
)
from worker.domain.decisions import Act, Close, End, Review, Wait, Write
from worker.domain.engine_ending import expected_end
from worker.domain.policy import CancelWhen, DeclineClass, Ending, EndingAct, InvoiceEnd
from worker.domain.readings import SubscriptionReading

SUCCEEDED, ABANDONED = AttemptState.SUCCEEDED, AttemptState.ABANDONED
CANCEL, PERIOD_END = AttemptKind.CANCEL, AttemptKind.CANCEL_AT_PERIOD_END
UNCOLLECTIBLE, VOID = AttemptKind.UNCOLLECTIBLE, AttemptKind.VOID
DUE = after(days=14)
"""Monday 16 March 2026, 10:00 in Berlin: an office hour."""


def last_steps_done(*letters: CaseLetter, failed_at: datetime = T0) -> Case:
    """Return a case with every step behind it and *letters* as they are."""
    return case(steps=done_until(ALL_DONE), letters=letters, failed_at=failed_at, opened_at=T0)


def ends_at(case_failed_at: datetime, sent_at: datetime, now: datetime) -> datetime | None:
    """Return when the engine means to cancel, looking at *now*."""
    letter = final_letter(sent_at=sent_at)
    decided = decision(now, last_steps_done(letter, failed_at=case_failed_at))
    assert isinstance(decided.act, Wait), decided
    assert decided.next_step == "ending"
    return decided.next_at


def test_ends_14_days_after_the_failure_with_the_letter_long_sent() -> None:
    ready = last_steps_done(final_letter())
    just_before = decision(DUE - timedelta(seconds=1), ready)
    assert (just_before.act, just_before.next_step) == (Wait(), "ending")
    assert decision(DUE, ready).act == End(CANCEL)


@pytest.mark.parametrize(
    ("ago", "expected"), [(48, End(CANCEL)), (47, Wait())], ids=["48 hours ago", "47 hours ago"]
)
def test_the_letters_48_hours(ago: int, expected: Act) -> None:
    now = after(days=16)  # Wednesday 10:00
    letter = final_letter(sent_at=now - timedelta(hours=ago))
    decided = decision(now, last_steps_done(letter))
    assert decided.act == expected
    if isinstance(expected, Wait):
        assert decided.next_at == now + timedelta(hours=1)
        assert "48 hours after the final letter" in decided.reason


@pytest.mark.parametrize("gap", [timedelta(0), timedelta(days=4)])
def test_the_gap_is_a_setting(gap: timedelta) -> None:
    sent_at = after(days=14)
    by = policy(ending_final_letter_gap=gap)
    ready = last_steps_done(final_letter(sent_at=sent_at))
    opens_at = sent_at + gap
    if gap:
        assert decision(opens_at - timedelta(minutes=1), ready, by=by).act == Wait()
    assert decision(opens_at, ready, by=by).act == End(CANCEL)


@pytest.mark.parametrize("state", [LetterState.QUEUED, LetterState.SENDING])
@pytest.mark.parametrize("days", [14, 40])
def test_waits_for_a_letter_on_its_way(state: LetterState, days: int) -> None:
    decided = decision(after(days=days), last_steps_done(final_letter(state)))
    assert (decided.act, decided.next_at) == (Wait(), after(days=days + 1))
    assert "final letter was accepted" in decided.reason


@pytest.mark.parametrize(
    "state", [LetterState.UNKNOWN, LetterState.REFUSED, LetterState.SUPPRESSED]
)
def test_a_letter_that_may_not_have_arrived_needs_a_person(state: LetterState) -> None:
    waiting = last_steps_done(final_letter(state))
    assert decision(DUE - timedelta(hours=1), waiting).act == Wait()
    decided = decision(DUE, waiting)
    assert decided.act == Review(f"the ending is due, but the final letter is {state.value}")
    assert decided.rule == "ending_blocked"


def test_a_letter_of_unknown_end_does_not_count_however_old() -> None:
    lost = final_letter(LetterState.UNKNOWN, sent_at=after(days=11))
    assert isinstance(decision(DUE, last_steps_done(lost)).act, Review)


def test_a_letter_skipped_without_an_address_needs_a_person() -> None:
    skipped = StepRecord("final letter", False, T0, "the customer has no e-mail address")
    steps = tuple(r for r in done_until(ALL_DONE) if r.step != "final letter")
    decided = decision(DUE, case(steps=(*steps, skipped)))
    assert isinstance(decided.act, Review)
    assert "no e-mail address" in decided.act.reason


def test_a_letter_not_written_yet_goes_first() -> None:
    before = case(steps=done_until("try 5"), attempts=(attempt(),))
    late = after(days=14, hours=2)
    near = around(last_try_at=late - timedelta(hours=1))
    decided = decision(late, before, the_surroundings=near)
    assert decided.act == Write("final letter", "payment_failed_final")


@pytest.mark.parametrize(
    ("failed_at", "sent_at", "ends_on"),
    [
        ("2026-03-01 20:00", "2026-03-12 08:00", "2026-03-16 09:00"),  # Sunday night
        ("2026-03-03 16:30", "2026-03-14 08:00", "2026-03-18 09:00"),  # Tuesday, too late
        ("2026-03-03 04:00", "2026-03-14 08:00", "2026-03-17 09:00"),  # Tuesday, too early
        ("2026-03-03 15:59", "2026-03-14 08:00", "2026-03-17 15:59"),  # just in time
        ("2026-03-06 17:00", "2026-03-17 08:00", "2026-03-23 09:00"),  # Friday evening
        ("2026-03-07 12:00", "2026-03-18 08:00", "2026-03-23 09:00"),  # Saturday noon
        ("2026-03-03 12:00", "2026-03-18 14:00", "2026-03-20 14:00"),  # two days after the letter
        ("2026-03-03 12:00", "2026-03-18 17:00", "2026-03-23 09:00"),  # and into the weekend
        ("2026-03-14 12:00", "2026-03-25 08:00", "2026-03-30 09:00"),  # over the change of clocks
        ("2026-10-11 12:00", "2026-10-22 08:00", "2026-10-26 09:00"),  # and back
    ],
)
def test_endings_happen_in_office_hours(failed_at: str, sent_at: str, ends_on: str) -> None:
    def berlin(text: str) -> datetime:
        local = datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(BERLIN))
        return local.astimezone(UTC)

    looked_at = berlin(failed_at) + timedelta(days=13, hours=23)
    looked_at = min(looked_at, berlin(ends_on) - timedelta(hours=1))
    assert ends_at(berlin(failed_at), berlin(sent_at), looked_at) == berlin(ends_on)


@pytest.mark.parametrize(
    "late",
    [
        after(days=14, hours=14),  # Monday midnight: the worker was down in the evening
        after(days=15, hours=-2),  # Tuesday 08:00
        after(days=14, hours=6),  # Monday 16:00: the window has just closed
        after(days=19),  # Saturday
    ],
)
def test_a_late_look_ends_nothing_at_night_or_on_a_weekend(late: datetime) -> None:
    """An outage or the day's cap makes the look late; the office hours stay."""
    ready = last_steps_done(final_letter())
    decided = decision(late, ready)
    assert (decided.act, decided.next_step) == (Wait(), "ending")
    assert decided.next_at is not None
    assert decision(decided.next_at, ready).act == End(CANCEL)
    opens = decided.next_at.astimezone(ZoneInfo(BERLIN))
    assert (opens.time(), opens.weekday() < 5) == (time(9), True)


def test_a_stop_moves_the_ending_by_its_length() -> None:
    ready = replace(last_steps_done(final_letter()), shift=timedelta(days=3))
    assert decision(DUE, ready).next_at == DUE + timedelta(days=3)
    assert decision(DUE + timedelta(days=3), ready).act == End(CANCEL)


def test_waits_for_stripes_own_try_until_its_very_time() -> None:
    """Not a minute at a time: each look costs a read."""
    ready = last_steps_done(final_letter())
    stripes = invoice(next_payment_attempt_at=after(days=15, hours=1))
    decided = decision(DUE, ready, stripes)
    assert (decided.act, decided.next_at) == (Wait(), after(days=15, hours=1))
    assert decision(after(days=15, hours=1), ready, stripes).act == End(CANCEL)
    assert decision(DUE, ready, invoice(next_payment_attempt_at=after(days=13))).act == End(CANCEL)


ENDED = Close(Outcome.ENDED, "cancelled for the unpaid invoice", letter="subscription_ended")
LEFT = Close(Outcome.ENDED, "left as it is by the policy")
OVER = subscription(status="canceled")


def tried(*attempts: tuple[AttemptKind, AttemptState]) -> tuple[Attempt, ...]:
    """Return attempts of the ending, numbered."""
    return tuple(
        attempt(f"ending: {kind.value}", state, kind, no=no, sent_at=DUE, first_sent_at=DUE)
        for no, (kind, state) in enumerate(attempts, start=1)
    )


@pytest.mark.parametrize(
    ("ending", "so_far", "shown", "status", "expected"),
    [
        ({}, (), subscription(), "open", End(CANCEL)),
        ({}, ((CANCEL, ABANDONED),), subscription(), "open", End(CANCEL)),
        ({}, ((CANCEL, SUCCEEDED),), OVER, "open", End(UNCOLLECTIBLE)),
        ({}, ((CANCEL, SUCCEEDED), (UNCOLLECTIBLE, SUCCEEDED)), OVER, "uncollectible", ENDED),
        ({}, ((CANCEL, SUCCEEDED), (UNCOLLECTIBLE, SUCCEEDED)), OVER, "open", ENDED),
        ({"ending_invoice": InvoiceEnd.VOID}, ((CANCEL, SUCCEEDED),), OVER, "open", End(VOID)),
        ({"ending_invoice": InvoiceEnd.LEAVE}, ((CANCEL, SUCCEEDED),), OVER, "open", ENDED),
        ({"ending_when": CancelWhen.PERIOD_END}, (), subscription(), "open", End(PERIOD_END)),
        (
            {"ending_when": CancelWhen.PERIOD_END},
            ((PERIOD_END, SUCCEEDED),),
            subscription(cancel_at_period_end=True, canceled_at=DUE),
            "open",
            End(UNCOLLECTIBLE),
        ),
        (
            {"ending_when": CancelWhen.PERIOD_END},
            ((PERIOD_END, SUCCEEDED), (UNCOLLECTIBLE, SUCCEEDED)),
            subscription(cancel_at_period_end=True, canceled_at=DUE),
            "uncollectible",
            ENDED,
        ),
        ({}, (), None, "open", End(UNCOLLECTIBLE)),
        (
            {"ending_do": EndingAct.LEAVE, "ending_invoice": InvoiceEnd.LEAVE},
            (),
            subscription(),
            "open",
            LEFT,
        ),
        ({"ending_do": EndingAct.LEAVE}, (), subscription(), "open", End(UNCOLLECTIBLE)),
        (
            {"ending_do": EndingAct.LEAVE},
            ((UNCOLLECTIBLE, SUCCEEDED),),
            subscription(),
            "uncollectible",
            LEFT,
        ),
    ],
)
def test_the_requests_of_an_ending_in_order(
    ending: dict[str, object],
    so_far: tuple[tuple[AttemptKind, AttemptState], ...],
    shown: SubscriptionReading | None,
    status: str,
    expected: Act,
) -> None:
    ready = replace(last_steps_done(final_letter()), attempts=tried(*so_far))
    read = invoice(subscription=shown, status=status)
    near = around(last_try_at=after(days=13))
    assert decision(DUE, ready, read, near, by=policy(**ending)).act == expected


@pytest.mark.parametrize(
    ("state", "letter"),
    [
        (LetterState.SENT, ""),
        (LetterState.UNKNOWN, ""),
        (LetterState.SUPPRESSED, "subscription_ended"),
    ],
)
def test_a_case_opened_anew_does_not_tell_its_end_twice(state: LetterState, letter: str) -> None:
    """It was paid late after its end, and the bank took the payment back."""
    told = CaseLetter(2, "closing", "subscription_ended", state, after(days=14))
    requests = tried((CANCEL, SUCCEEDED), (UNCOLLECTIBLE, SUCCEEDED))
    again = replace(last_steps_done(final_letter(), told), attempts=requests)
    act = decision(after(days=20), again, invoice(subscription=OVER)).act
    assert act == replace(ENDED, letter=letter)


def test_leaving_needs_no_letter_and_no_office_hour() -> None:
    left = {"ending_do": EndingAct.LEAVE, "ending_invoice": InvoiceEnd.LEAVE}
    by = policy(**left, ending_final_letter_step=None)
    night = after(days=18, hours=14)
    assert decision(night, case(steps=done_until(ALL_DONE)), by=by).act == LEFT


def test_leaving_waits_for_the_letter_that_is_written_beside_it() -> None:
    by = policy(ending_do=EndingAct.LEAVE, ending_invoice=InvoiceEnd.UNCOLLECTIBLE)
    night = after(days=18, hours=14)
    unsent = case(steps=done_until(ALL_DONE), letters=(final_letter(LetterState.QUEUED),))
    assert decision(night, unsent, by=by).act == Wait()
    soon = final_letter(sent_at=night - timedelta(days=1))
    assert decision(night, case(steps=done_until(ALL_DONE), letters=(soon,)), by=by).act == Wait()
    sent = case(steps=done_until(ALL_DONE), letters=(final_letter(),))
    assert decision(night, sent, by=by).act == End(AttemptKind.UNCOLLECTIBLE)


def test_once_cancelled_the_rest_follows_at_any_hour() -> None:
    began = replace(last_steps_done(final_letter()), attempts=tried((CANCEL, SUCCEEDED)))
    night = after(days=14, hours=15)
    assert decision(night, began, invoice(subscription=OVER)).act == End(UNCOLLECTIBLE)


def test_a_following_case_closes_with_the_leading_one_and_writes_nothing() -> None:
    follower = case(attempts=tried((UNCOLLECTIBLE, SUCCEEDED)))
    read = invoice(subscription=OVER, status="uncollectible")
    act = decision(after(days=5), follower, read, around(ended_by_us=True)).act
    assert act == Close(Outcome.ENDED, "cancelled for the unpaid invoice")


def test_overdue_tries_are_recorded_when_the_ending_comes() -> None:
    """The last try was never made: the card needs the customer. The case's story says so."""
    steps = tuple(r for r in done_until(ALL_DONE) if r.step != "last try")
    hard = failure(DeclineClass.CARD_DATA, "expired_card", may_retry=False)
    ready = case(steps=steps, letters=(final_letter(),), failure=hard)
    decided = decision(DUE, ready)
    assert decided.act == End(CANCEL)
    assert [skip.step for skip in decided.skips] == ["last try"]


def test_no_ending_in_review() -> None:
    ready = replace(last_steps_done(final_letter()), state=CaseState.IN_REVIEW)
    assert decision(DUE, ready).act == Wait()


@pytest.mark.parametrize(
    ("the_case", "now", "expected"),
    [
        (case(), T0, after(days=14)),  # the letter on day 11 leaves room enough
        (case(steps=done_until("try 5")), after(days=13), after(days=15)),  # the letter is late
        (last_steps_done(final_letter(LetterState.QUEUED)), after(days=15), after(days=17)),
        (last_steps_done(final_letter(sent_at=after(days=13))), after(days=13), after(days=15)),
        (last_steps_done(final_letter(sent_at=after(days=11))), after(days=13), after(days=14)),
        (last_steps_done(final_letter(sent_at=after(days=16))), after(days=16), after(days=18)),
    ],
)
def test_what_a_letter_may_promise(the_case: Case, now: datetime, expected: datetime) -> None:
    assert expected_end(situation(now, the_case)) == expected


def test_a_letter_promises_nothing_where_the_subscription_is_left() -> None:
    by = policy(ending_do=EndingAct.LEAVE)
    assert expected_end(situation(T0, by=by)) is None


def test_a_policy_without_a_final_letter_ends_on_time() -> None:
    """Settings refuse such a file; an old stored text may still say so."""
    by = replace(policy(), ending=Ending(timedelta(days=14), EndingAct.CANCEL))
    assert decision(DUE, case(steps=done_until(ALL_DONE)), by=by).act == End(CANCEL)
