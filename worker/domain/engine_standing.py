"""What makes a case stand still, and how it goes on: disputes, holds, pauses, a moved renewal.

While a case stands down nothing is charged, written or ended. Its timeline stands still as well:
what is undone moves later by that time, so that nobody is ended the day after a pause.
"""

from datetime import timedelta

from worker.domain.case import AttemptKind, CaseState
from worker.domain.decisions import Decision, GoOn, Hold, Release, Wait
from worker.domain.engine_situation import Situation

LOOK_AGAIN = timedelta(days=1)
"""How often a case that waits for news is read all the same."""


DISPUTED = "the customer disputes a payment"


def disputed(at: Situation) -> Decision | None:
    """While the customer disputes a payment, nothing is charged, written or ended."""
    if not at.around.dispute_open:
        return None
    held = _is_held_for(at, DISPUTED)
    return Decision(
        Wait() if held else Hold(DISPUTED),
        "disputed",
        at.case.reason if held else f"Held: {DISPUTED}.",
        at.now + LOOK_AGAIN,
        stands_down=True,
    )


def on_hold(at: Situation) -> Decision | None:
    """While somebody holds the case, nothing is charged, written or ended."""
    hold = at.around.hold
    if hold is None or not hold.in_force(at.now):
        return None
    said = hold.said(at.office_zone)
    look_at = at.now + LOOK_AGAIN
    return Decision(
        Wait() if _is_held_for(at, said) else Hold(said),
        "on_hold",
        f"{said[:1].upper()}{said[1:]}.",
        min(hold.until, look_at) if hold.until is not None else look_at,
        stands_down=True,
    )


def _is_held_for(at: Situation, reason: str) -> bool:
    return at.case.state is CaseState.HELD and at.case.reason == reason


def released(at: Situation) -> Decision | None:
    """Nothing holds the case any more: it goes on where it stood still."""
    if at.case.state is not CaseState.HELD:
        return None
    hold = at.around.hold or at.around.hold_over  # none of them is in force
    said = "the dispute is closed"
    if hold is not None and at.case.reason != DISPUTED:
        said = hold.over_said()
    return Decision(Release(said), "released", f"{said[:1].upper()}{said[1:]}.", at.now)


def collection_paused(at: Situation) -> Decision | None:
    """Somebody's `pause_collection` stands the case down until it ends."""
    subscription = at.invoice.subscription
    if subscription is None or not subscription.collection_paused:
        return None
    if at.ending_of_ours is AttemptKind.HOLD_INVOICES:
        return None  # our own ending, whose case is about to close
    return Decision(
        Wait(),
        "collection_paused",
        "Collection is paused on the subscription; the case stands down until it is resumed.",
        at.now + LOOK_AGAIN,
        stands_down=True,
    )


def renewal_moved(at: Situation) -> Decision | None:
    """A renewal that somebody moved into the future, as a new trial, stands the case down."""
    subscription = at.invoice.subscription
    if subscription is None or subscription.status != "trialing":
        return None
    until = subscription.trial_end_at
    if until is None or until <= at.now:
        return None
    return Decision(
        Wait(),
        "renewal_moved",
        "The renewal was moved to a later day; the case stands down until then.",
        min(until, at.now + LOOK_AGAIN),
        stands_down=True,
    )


def goes_on(at: Situation) -> Decision | None:
    """The cause of a stand-down is gone: the timeline goes on where it stood still."""
    if at.case.stood_down_at is None:
        return None
    return Decision(
        GoOn(),
        "goes_on",
        "What kept the case still is over; its remaining steps move later by that time.",
        at.now,
    )
