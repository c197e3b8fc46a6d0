"""Changes of access on the timeline, and what a case's end makes of them."""

from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from tests.unit.domain.building import (
    BERLIN,
    T0,
    after,
    around,
    case,
    decision,
    done,
    done_until,
    failure,
    invoice,
    paid_invoice,
    policy,
)
from worker.domain.access import FULL, NONE, AccessChange, access_at_close, next_change
from worker.domain.case import CaseState, Outcome, StepRecord
from worker.domain.decisions import Charge, Close, Hold, SetAccess, Skip, Wait, Write
from worker.domain.engine_charging import COLLAPSED
from worker.domain.holds import HeldBy, HoldKind, HoldScope
from worker.domain.policy import CancelWhen, DeclineClass, Policy, Step
from worker.domain.policy_text import digest_of, from_plain, to_plain

DAY_7 = after(days=7)
NO_CHARGE = failure(DeclineClass.CARD_DATA, "expired_card", may_retry=False)


def restricting(*more: Step, word: str = "read_only") -> Policy:
    """Return the shipped policy whose third letter also restricts, with *more* steps."""
    steps = [replace(s, access=word) if s.name == "third letter" else s for s in policy().steps]
    return policy(steps=tuple(sorted((*steps, *more), key=lambda step: step.after)))


ALONE = Step("slow", timedelta(days=5), access="slow")
STORY = case(steps=done_until("try 4"), failure=NO_CHARGE)


def test_it_comes_at_its_time_and_before_the_letter_of_its_step() -> None:
    before = decision(DAY_7 - timedelta(minutes=2), STORY, by=restricting())
    assert (before.act, before.next_step) == (Wait(), "third letter")
    first = decision(DAY_7, STORY, by=restricting())
    assert first.act == SetAccess("access of third letter", "read_only")
    assert first.rule == "access_due"
    changed = replace(STORY, steps=(*STORY.steps, *done("access of third letter")))
    assert decision(DAY_7, changed, by=restricting()).act == Write(
        "third letter", "payment_failed_3"
    )
    written = replace(changed, steps=(*changed.steps, *done("third letter")))
    assert isinstance(decision(DAY_7, written, by=restricting()).act, Wait)


def test_a_step_of_access_alone_carries_its_own_name_and_is_done_once() -> None:
    by = restricting(ALONE)
    story = case(steps=done_until("try 3"), failure=NO_CHARGE)
    assert decision(after(days=5), story, by=by).act == SetAccess("slow", "slow")
    told = replace(story, steps=(*story.steps, *done("slow")))
    later = decision(after(days=5, minutes=1), told, by=by)
    assert isinstance(later.act, Wait)


def test_after_a_gap_only_the_last_change_is_made() -> None:
    """The worker was away from day 4 to day 8: nobody is told of `slow` for a second (D16)."""
    late = decision(
        after(days=8), case(steps=done_until("try 3"), failure=NO_CHARGE), by=restricting(ALONE)
    )
    assert late.act == SetAccess("access of third letter", "read_only")
    assert Skip("slow", COLLAPSED) in late.skips


def test_a_try_that_is_due_comes_first_so_that_who_pays_loses_nothing() -> None:
    by = restricting(Step("slow", timedelta(days=1), access="slow"))
    due = decision(after(days=1, hours=2), case(steps=done("first letter")), by=by)
    assert isinstance(due.act, Charge)


def test_who_has_paid_never_loses_access() -> None:
    decided = decision(DAY_7, STORY, paid_invoice(), by=restricting())
    assert isinstance(decided.act, Close)


def test_it_goes_on_without_an_address_and_where_no_letter_goes() -> None:
    decided = decision(DAY_7, STORY, None, around(can_be_written_to=False), by=restricting())
    assert decided.act == SetAccess("access of third letter", "read_only")


def test_a_hold_keeps_it_back() -> None:
    held = HeldBy(1, HoldScope.CASE, "1042", HoldKind.VIP, "jo", "", "jo", T0)
    decided = decision(DAY_7, STORY, None, around(hold=held), by=restricting())
    assert isinstance(decided.act, Hold)


def test_a_case_that_follows_changes_nothing() -> None:
    decided = decision(DAY_7, STORY, None, around(leading_case=7), by=restricting())
    assert (decided.act, decided.rule) == (Wait(), "follows")


def test_without_a_subscription_there_is_nothing_to_use() -> None:
    loose = replace(STORY, subscription_id="")
    decided = decision(DAY_7, loose, invoice(subscription_id=""), by=restricting())
    assert not isinstance(decided.act, SetAccess)
    assert "access of third letter" in [skip.step for skip in decided.skips]


@pytest.mark.parametrize(
    ("outcome", "over", "leads", "known", "then"),
    [
        (Outcome.RECOVERED, False, True, "read_only", FULL),
        (Outcome.RECOVERED, False, False, "read_only", "read_only"),  # the older one is unpaid
        (Outcome.RECOVERED_LATE, True, True, NONE, NONE),  # what has ended stays ended
        (Outcome.RECOVERED_LATE, False, True, "read_only", FULL),
        (Outcome.ENDED, True, True, "read_only", NONE),
        (Outcome.ENDED, False, True, "read_only", "read_only"),
        (Outcome.ENDED, False, True, FULL, FULL),
        (Outcome.CUSTOMER_CANCELLED, True, True, FULL, NONE),
        (Outcome.CUSTOMER_CANCELLED, False, True, "read_only", "read_only"),
        (Outcome.VOIDED, False, True, "read_only", FULL),
        (Outcome.WRITTEN_OFF, False, True, "read_only", FULL),
        (Outcome.CLOSED_BY_HAND, False, True, "read_only", FULL),
    ],
)
def test_what_a_close_makes_of_it(
    outcome: Outcome, over: bool, leads: bool, known: str, then: str
) -> None:
    found = access_at_close(outcome, subscription_over=over, leads=leads, known=known)
    assert found == then


def planned(at: datetime = T0, **changes: object) -> AccessChange | None:
    """Return the next change of a case with *changes*."""
    return next_change(replace(case(), **changes), restricting(), BERLIN, now=at)  # type: ignore[arg-type]


def test_the_next_change_is_the_step_then_the_ending() -> None:
    restrict = done("access of third letter")
    assert planned() == AccessChange(DAY_7, "read_only", "third letter")
    assert planned(shift=timedelta(days=2)) == AccessChange(
        after(days=9), "read_only", "third letter"
    )
    assert planned(steps=restrict) == AccessChange(after(days=14), NONE, "ending")
    assert planned(state=CaseState.HELD) is None
    assert planned(stood_down_at=T0) is None


def test_an_end_with_the_period_plans_no_loss_of_access() -> None:
    by = replace(restricting(), ending=replace(policy().ending, when=CancelWhen.PERIOD_END))
    story = case(steps=done("access of third letter"))
    assert next_change(story, by, BERLIN, now=T0) is None


def test_a_policy_without_access_keeps_its_digest_and_one_with_it_is_read_back() -> None:
    plain = to_plain(policy())
    assert "access" not in str(plain)
    written = restricting()
    assert from_plain(to_plain(written)) == replace(written, digest=digest_of(written))
    assert digest_of(written) != digest_of(policy())


def test_a_skip_of_the_letter_leaves_the_access() -> None:
    skipped = StepRecord("third letter", False, DAY_7, COLLAPSED)
    decided = decision(DAY_7, replace(STORY, steps=(*STORY.steps, skipped)), by=restricting())
    assert decided.act == SetAccess("access of third letter", "read_only")
