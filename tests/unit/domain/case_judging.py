"""What must hold of everything that was done in a case's life."""

from datetime import time, timedelta
from zoneinfo import ZoneInfo

from tests.unit.domain.case_life import Done, World
from worker.domain.case import CANCELS, AttemptKind, CaseState, LetterState, Outcome
from worker.domain.decisions import Charge, Close, End, Reopen, Resend, Write
from worker.domain.engine_truth import RECOVERED_LATE_WITHIN
from worker.domain.policy import DeclineClass, Policy, RetriesBy

MAY_BE_RETRIED = {DeclineClass.FUNDS, DeclineClass.UNCLEAR, DeclineClass.TECHNICAL}


def check_charge(done: Done, step: str, by: Policy) -> None:
    """Check one charge against everything that forbids it."""
    case, now = done.case, done.at
    failure = case.failure
    assert failure is not None
    assert case.state is CaseState.OPEN
    assert case.in_flight is None, "two at once"
    assert done.invoice.status == "open"
    assert done.invoice.payment is not None
    assert done.invoice.payment.status != "processing"
    check_nobody_stopped(done)
    assert now >= case.failed_at + timedelta(minutes=15)
    assert done.decision.owner in {RetriesBy.WORKER, None}
    assert by.retries_by is RetriesBy.WORKER
    assert done.invoice.next_payment_attempt_at is None, "Stripe owns the retries"
    assert step not in {a.step for a in case.charges}, "two charges for a step"
    assert case.record(step) is None
    counted = [a for a in case.charges if not a.step.startswith("quick")]
    if not step.startswith("quick"):
        assert len(counted) < by.retries_max
    if step.startswith("new card"):
        return
    assert failure.decline_class in MAY_BE_RETRIED
    assert failure.may_retry
    assert failure.retry_not_before is None or now >= failure.retry_not_before
    if step.startswith("quick"):
        assert len(case.charges) - len(counted) < 3
        return
    assert done.around.last_try_at is not None
    assert now - done.around.last_try_at >= timedelta(hours=20)
    found = by.step(step)
    assert found is not None
    assert now >= case.failed_at + found.after
    if found.charge_window is not None:
        local = now.astimezone(ZoneInfo(done.zone)).time()
        assert found.charge_window.start <= local < found.charge_window.end


def check_nobody_stopped(done: Done) -> None:
    """Check that neither a cancel, nor a dispute, nor a pause stood against *done*."""
    subscription = done.invoice.subscription
    assert subscription is not None
    assert subscription.status == "past_due"
    assert not subscription.collection_paused
    assert subscription.canceled_at is None
    assert not done.around.dispute_open


def check_cancel(done: Done, by: Policy) -> None:
    """Check that the customer was told in time, and that the office is there."""
    assert done.case.state is CaseState.OPEN
    assert done.case.in_flight is None
    assert done.invoice.status == "open"
    check_nobody_stopped(done)
    assert done.at >= done.case.failed_at + by.ending.after
    letters = [letter for letter in done.case.letters if letter.step == by.ending.final_letter_step]
    assert [letter.state for letter in letters] == [LetterState.SENT], "no ending without it"
    assert letters[0].sent_at is not None
    assert letters[0].sent_at <= done.at - timedelta(hours=48)
    local = done.at.astimezone(ZoneInfo(done.zone))
    assert local.weekday() < 5
    assert time(9) <= local.time() < time(16)


def check_write(done: Done, step: str) -> None:
    """Check that no step is written about twice, nor anything written under a stop."""
    assert done.case.state is CaseState.OPEN
    assert step not in {letter.step for letter in done.case.letters}
    assert done.case.record(step) is None
    assert done.invoice.status == "open"
    assert not done.around.dispute_open


def check_resend(done: Done) -> None:
    """Check that a request is only asked again while it may still be made."""
    flying = done.case.in_flight
    assert flying is not None
    assert done.around.key_age < timedelta(hours=23)
    if flying.kind is AttemptKind.CHARGE:
        assert done.invoice.status == "open"
        check_nobody_stopped(done)


def check_life(world: World) -> None:
    """Check everything that was done in one life."""
    for done in world.done:
        match done.decision.act:
            case Charge(step, card):
                assert card == world_card(done)
                check_charge(done, step, world.policy)
            case End(kind) if kind in CANCELS:
                check_cancel(done, world.policy)
            case Write(step, _):
                check_write(done, step)
            case Resend():
                check_resend(done)
    check_totals(world)


def world_card(done: Done) -> str:
    """Return the card that Stripe would charge."""
    subscription = done.invoice.subscription
    assert subscription is not None
    assert subscription.default_payment_method is not None
    return subscription.default_payment_method.id


def check_totals(world: World) -> None:
    """Check what only the whole life shows."""
    case, by = world.case, world.policy
    assert world.executed_paid <= 1, "charged twice"
    counted = [a for a in case.charges if not a.step.startswith("quick")]
    assert len(counted) <= by.retries_max
    steps = [a.step for a in case.charges]
    assert len(steps) == len(set(steps))
    assert [a.no for a in case.attempts] == list(range(1, len(case.attempts) + 1))
    if case.state is CaseState.CLOSED:
        recovered = case.outcome in {Outcome.RECOVERED, Outcome.RECOVERED_LATE}
        # A payment long after the end is a new beginning, and no success of the case's.
        too_late = world.now - (case.closed_at or world.now) > RECOVERED_LATE_WITHIN
        assert (world.status == "paid") is recovered or (world.status == "paid" and too_late)
        assert case.in_flight is None
    closes = [n for n, done in enumerate(world.done) if isinstance(done.decision.act, Close)]
    for done in world.done[closes[0] + 1 :] if closes else []:
        # After the end only money that came late, or went back, changes anything.
        assert isinstance(done.decision.act, Close | Reopen), done
        assert done.decision.rule in {"paid_late", "payment_returned"}
