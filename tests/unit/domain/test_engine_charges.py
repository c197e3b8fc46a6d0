"""When a charge is due: owner, class of the decline, limits, gaps, new cards, quick tries."""

from dataclasses import replace
from datetime import datetime, time, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest

from tests.unit.domain.building import (
    BERLIN,
    NEW_CARD,
    T0,
    after,
    around,
    attempt,
    case,
    decision,
    declined,
    done,
    done_until,
    failure,
    invoice,
    policy,
)
from worker.domain.case import AttemptState, Case, StepRecord
from worker.domain.decisions import Act, Charge, Decision, Review, Wait, Write
from worker.domain.policy import DeclineClass, RetriesBy
from worker.domain.timetable import CHARGE_JITTER_MAX, step_due_at

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


# Who retries


@pytest.mark.parametrize("minutes", [0, 5, 14])
def test_nothing_happens_before_the_owner_is_confirmed(minutes: int) -> None:
    decided = decision(after(minutes=minutes), the_invoice=invoice(card=NEW_CARD))
    assert (decided.act, decided.next_at) == (Wait(), after(minutes=15))
    assert decided.owner is None
    assert charges(decision(after(minutes=15), the_invoice=invoice(card=NEW_CARD)))


@pytest.mark.parametrize(
    ("known", "by", "stripe_plans", "owner"),
    [
        (None, RetriesBy.WORKER, False, RetriesBy.WORKER),
        (None, RetriesBy.WORKER, True, RetriesBy.STRIPE),
        (None, RetriesBy.STRIPE, False, RetriesBy.STRIPE),
        (None, RetriesBy.NOBODY, False, RetriesBy.NOBODY),
        (RetriesBy.WORKER, RetriesBy.WORKER, True, RetriesBy.STRIPE),
        (RetriesBy.STRIPE, RetriesBy.WORKER, False, RetriesBy.STRIPE),
        (RetriesBy.NOBODY, RetriesBy.WORKER, False, RetriesBy.NOBODY),
    ],
)
def test_owner(known: RetriesBy, by: RetriesBy, stripe_plans: bool, owner: RetriesBy) -> None:
    """Once Stripe was seen scheduling a retry it stays the owner, also when its tries are over."""
    plans = after(days=2) if stripe_plans else None
    read = invoice(next_payment_attempt_at=plans)
    decided = decision(DAY_1, case(owner=known), read, by=policy(retries_by=by))
    assert (charges(decided) != "") == (owner is RetriesBy.WORKER)
    assert owner in {decided.owner, known}
    if owner is not RetriesBy.WORKER:
        assert [skip.step for skip in decided.skips] == ["try 1"]


def test_stripe_seen_before_the_owner_is_confirmed_stays_owner() -> None:
    early = decision(after(minutes=5), the_invoice=invoice(next_payment_attempt_at=after(hours=1)))
    assert early.owner is RetriesBy.STRIPE
    assert not charges(decision(DAY_1, case(owner=early.owner)))


@pytest.mark.parametrize("owner", [RetriesBy.STRIPE, RetriesBy.NOBODY])
def test_a_new_card_is_not_charged_by_somebody_elses_case(owner: RetriesBy) -> None:
    assert not charges(decision(DAY_1, case(owner=owner), invoice(card=NEW_CARD)))


# What each class of decline is answered with


@pytest.mark.parametrize(
    ("decline_class", "charged"),
    [
        (DeclineClass.FUNDS, True),
        (DeclineClass.UNCLEAR, True),
        (DeclineClass.TECHNICAL, True),
        (DeclineClass.CARD_DATA, False),
        (DeclineClass.NOT_ALLOWED, False),
        (DeclineClass.FRAUD, False),
        (DeclineClass.AUTHENTICATION, False),
        (DeclineClass.CONSENT_WITHDRAWN, False),
        (DeclineClass.SETUP, False),
    ],
)
def test_reaction_to_each_class(decline_class: DeclineClass, charged: bool) -> None:
    decided = decision(DAY_1, case(failure=failure(decline_class, "code")))
    assert (charges(decided) != "") is charged
    if decline_class is DeclineClass.SETUP:
        assert decided.act == Review("code: only a change of set-up can cure this")
    elif not charged:
        asks = decline_class is DeclineClass.AUTHENTICATION
        first = ("confirm 1", "action_required") if asks else ("first letter", "payment_failed_1")
        assert decided.act == Write(*first)
        assert [skip.step for skip in decided.skips] == ["try 1", *(["first letter"] * asks)]


def test_every_class_has_its_row_above() -> None:
    assert len(DeclineClass) == 9


def test_an_issuers_stop_is_obeyed_whatever_the_class_says() -> None:
    stopped = case(failure=failure(may_retry=False), steps=FIRST_LETTER_WRITTEN)
    decided = decision(DAY_1, stopped)
    assert not charges(decided)
    assert [skip.step for skip in decided.skips] == ["try 1"]
    assert "issuer said not to try" in decided.skips[0].reason


def test_a_class_an_old_policy_did_not_know_is_never_charged() -> None:
    assert not charges(decision(DAY_1, by=policy(when_declined={})))


def test_a_case_without_failure_is_never_charged() -> None:
    assert not charges(decision(DAY_1, case(failure=None)))


def test_no_payment_method_no_charge() -> None:
    decided = decision(DAY_1, case(steps=FIRST_LETTER_WRITTEN), invoice(card=None))
    assert not charges(decided)
    assert decided.skips[0].reason == "the customer has no payment method"


# Limits and gaps


@pytest.mark.parametrize(("made", "charged"), [(7, True), (8, False), (9, False)])
def test_retries_max(made: int, charged: bool) -> None:
    used = case(attempts=declined(made), steps=FIRST_LETTER_WRITTEN)
    assert (charges(decision(DAY_1, used)) != "") is charged
    new_card = decision(DAY_1, used, invoice(card=NEW_CARD))
    assert (charges(new_card) != "") is charged


@pytest.mark.parametrize(
    ("earlier", "charged"),
    [
        (declined(2, DeclineClass.UNCLEAR), True),
        (declined(3, DeclineClass.UNCLEAR), False),
        (declined(3, DeclineClass.FUNDS), True),  # another kind of decline
    ],
)
def test_at_most_counts_one_class(earlier: tuple[object, ...], charged: bool) -> None:
    unclear = failure(DeclineClass.UNCLEAR, "do_not_honor")
    used = case(failure=unclear, attempts=earlier, steps=FIRST_LETTER_WRITTEN)
    assert (charges(decision(DAY_1, used)) != "") is charged


def test_abandoned_attempts_use_up_nothing_and_their_step_comes_again() -> None:
    never_ran = attempt("try 1", AttemptState.ABANDONED)
    used = case(attempts=(*declined(7), replace(never_ran, no=8)))
    assert charges(decision(DAY_1, used)) == "try 1"


def test_a_step_is_charged_once_even_where_its_record_is_missing() -> None:
    """As after a returned payment: the attempt won, the case closed, nobody recorded the step."""
    won = case(attempts=(attempt("try 1", AttemptState.SUCCEEDED),), steps=FIRST_LETTER_WRITTEN)
    decided = decision(DAY_1, won)
    assert (decided.act, decided.next_step) == (Wait(), "try 2")


@pytest.mark.parametrize(
    ("hours_ago", "expected"), [(20, "try 1"), (19.9, ""), (1, "")], ids=["20 h", "19.9 h", "1 h"]
)
def test_the_20_hours(hours_ago: float, expected: str) -> None:
    tried_at = DAY_1 - timedelta(hours=hours_ago)
    decided = decision(
        DAY_1, case(steps=FIRST_LETTER_WRITTEN), the_surroundings=around(last_try_at=tried_at)
    )
    assert charges(decided) == expected
    if not expected:
        assert (decided.next_step, decided.next_at) == ("try 1", tried_at + timedelta(hours=20))
        assert "20 hours after the last try" in decided.reason


def test_a_step_moves_to_what_the_decline_allows() -> None:
    allowed_at = after(days=1, hours=12)
    waits = case(failure=failure(retry_not_before=allowed_at), steps=FIRST_LETTER_WRITTEN)
    decided = decision(DAY_1, waits)
    assert (decided.next_step, decided.next_at) == ("try 1", allowed_at)
    assert "by the decline insufficient_funds" in decided.reason
    assert charges(decision(allowed_at, waits)) == "try 1"


def test_a_step_moved_beyond_the_next_one_gives_way_to_it() -> None:
    allowed_at = after(days=3)
    waits = case(
        failure=failure(retry_not_before=allowed_at), steps=done("first letter", "second letter")
    )
    before = decision(DAY_1, waits)
    assert (before.next_step, before.next_at) == ("try 1", allowed_at)
    then = decision(allowed_at, waits)
    assert charges(then) == "try 2"
    assert [skip.step for skip in then.skips] == ["try 1"]


def in_berlin(at: datetime | None) -> time:
    assert at is not None
    return at.astimezone(ZoneInfo(BERLIN)).time()


@pytest.mark.parametrize("hour", [0, 3, 6, 17, 18, 19, 23])
def test_a_late_or_moved_charge_keeps_to_its_hours(hour: int) -> None:
    """`try 3` may start between 08:00 and 18:00, whatever made it late."""
    now = datetime(2026, 3, 7, hour, tzinfo=ZoneInfo(BERLIN)).astimezone(T0.tzinfo)
    late = case(steps=done_until("second letter"))
    moved = case(steps=late.steps, failure=failure(retry_not_before=now))
    for the_case, look in ((late, now), (moved, now - timedelta(hours=1))):
        decided = decision(look, the_case)
        starts_at = look if charges(decided) else decided.next_at
        assert decided.next_step == "try 3" or charges(decided) == "try 3"
        assert time(8) <= in_berlin(starts_at) < time(18)


# The whole timeline


def test_the_shipped_timeline_in_order() -> None:
    """With every answer a decline for lack of funds and every letter accepted at once."""
    steps: tuple[StepRecord, ...] = ()
    now, last_try, acts = after(minutes=15), T0, list[tuple[Act, datetime]]()
    while now < after(days=13, hours=12):
        decided = decision(now, case(steps=steps), the_surroundings=around(last_try_at=last_try))
        if isinstance(decided.act, Wait):
            assert decided.next_at is not None
            now = decided.next_at
            continue
        assert isinstance(decided.act, Charge | Write)
        last_try = now if isinstance(decided.act, Charge) else last_try
        steps = (*steps, StepRecord(decided.act.step, True, now))
        acts.append((decided.act, now))
    assert [act.step for act, _ in acts if isinstance(act, Charge | Write)] == [
        step.name for step in policy().steps
    ]
    for (act, at), step in zip(acts, policy().steps, strict=True):
        late = at - after() - step.after
        assert timedelta(0) <= late <= (CHARGE_JITTER_MAX if step.charge else timedelta(0)), act
    charged_at = [T0] + [at for act, at in acts if isinstance(act, Charge)]
    gaps = [later - earlier for earlier, later in pairwise(charged_at)]
    assert min(gaps) > timedelta(hours=20)
    assert max(gaps) > timedelta(days=3), "gaps grow"


def test_reasons_and_inputs_tell_a_person_why() -> None:
    decided = decision(after(hours=5), case(steps=FIRST_LETTER_WRITTEN))
    assert decided.reason == "Waits for try 1: nothing is due before then."
    assert decided.inputs["code"] == "insufficient_funds"
    assert decided.inputs["charges"] == 0
