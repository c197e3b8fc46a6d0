"""How time passes in a pretend case life: mail arrives, people act, the worker is down."""

from dataclasses import replace
from datetime import datetime, timedelta

from tests.unit.domain.building import T0
from tests.unit.domain.case_life import LIFE_MAX, LOOKS_MAX, World
from worker.domain.case import CaseState, LetterState
from worker.domain.decisions import Decision, Resend, Wait

EVENTS = (
    "new card",
    "updated card",
    "removed card",
    "pays by hand",
    "pays elsewhere",
    "cancels",
    "cancels at period end",
    "disputes",
    "dispute over",
    "pauses",
    "resumes",
    "stripe plans a try",
    "voided",
)


def live(world: World) -> None:
    """Look at the case until it is closed or waits for a person, and no longer than 60 days."""
    pending = sorted(world.script.events)
    while world.now < T0 + LIFE_MAX:
        while pending and T0 + pending[0][0] <= world.now:
            happen(world, pending.pop(0)[1])
        arrive(world)
        decided = world.look()
        assert world.looks < LOOKS_MAX, "looks again and again"
        if over(world, pending):
            return
        next_at = when_next(world, decided)
        if pending and isinstance(decided.act, Wait):
            next_at = min(next_at, max(T0 + pending[0][0], world.now))
        world.now = after_outage(world, next_at)
    raise AssertionError(f"still {world.case.state.value} after {LIFE_MAX.days} days")


def over(world: World, pending: list[tuple[timedelta, str]]) -> bool:
    """Return whether nothing more can happen without a person."""
    if pending:
        return False
    at_rest = world.case.state is CaseState.IN_REVIEW and world.case.in_flight is None
    return at_rest or world.case.state is CaseState.CLOSED


def when_next(world: World, decided: Decision) -> datetime:
    """Return when the case is looked at again, as the services would plan it."""
    if isinstance(decided.act, Wait):
        if world.case.state is CaseState.CLOSED and decided.next_at is None:
            return T0 + LIFE_MAX
        assert decided.next_at is not None, f"{decided.rule} waits for ever"
        assert decided.next_at > world.now, f"{decided.rule} waits for the past"
        return decided.next_at
    if isinstance(decided.act, Resend) or world.case.in_flight is not None:
        waits = world.script.asked_again_after
        return world.now + waits[world.draw("asked", len(waits))]
    return world.now + timedelta(seconds=1)


def after_outage(world: World, next_at: datetime) -> datetime:
    """Return *next_at*, or the end of the outage it falls into."""
    for start, length in sorted(world.script.outages):
        if T0 + start <= next_at < T0 + start + length:
            next_at = T0 + start + length
    return next_at


def arrive(world: World) -> None:
    """Let letters be accepted and bank debits come out, as far as their time has come."""
    letters = tuple(
        replace(letter, state=fate, sent_at=at if fate is LetterState.SENT else None)
        if letter.state is LetterState.QUEUED and at <= world.now
        else letter
        for letter in world.case.letters
        for at, fate in [world.accepted[letter.id]]
    )
    world.case = replace(world.case, letters=letters)
    if world.debit_ends_at is not None and world.debit_ends_at <= world.now:
        returned = world.draw("debits", 2) == 0
        world.debit_ends_at = None
        world.payment = "requires_payment_method" if returned else "succeeded"
        if not returned and world.status == "open":
            world.status = "paid"
            world.executed_paid += 1


def happen(world: World, event: str) -> None:  # noqa: C901 - a flat list of events
    """Let somebody else do something."""
    open_still = world.status == "open" and world.payment != "processing"
    match event:
        case "new card":
            world.card = f"pm_{world.draw('cards', 99)}"
        case "updated card":
            world.card_changed_at = world.now
        case "removed card":
            world.card = None
        case "pays by hand" if open_still:
            world.status, world.payment = "paid", "succeeded"
        case "pays elsewhere" if open_still:
            world.status = "paid"
        case "voided" if open_still:
            world.status = "void"
        case "cancels" if world.cancelled_at is None:
            world.subscription_status, world.cancelled_at = "canceled", world.now
        case "cancels at period end" if world.cancelled_at is None:
            world.at_period_end, world.cancelled_at = True, world.now
        case "disputes":
            world.disputed = True
        case "dispute over":
            world.disputed = False
        case "pauses":
            world.paused = True
        case "resumes":
            world.paused = False
        case "stripe plans a try":
            world.stripe_plans_at = world.now + timedelta(days=2)
        case _:
            assert event in EVENTS
