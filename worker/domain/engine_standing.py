"""What makes a case stand still, and how it goes on: disputes, pauses, a moved renewal.

While a case stands down nothing is charged, written or ended. Its timeline stands still as well:
what is undone moves later by that time, so that nobody is ended the day after a pause.
"""

from datetime import timedelta

from worker.domain.case import CaseState
from worker.domain.decisions import Decision, GoOn, Hold, Release, Wait
from worker.domain.engine_situation import Situation

LOOK_AGAIN = timedelta(days=1)
"""How often a case that waits for news is read all the same."""


def disputed(at: Situation) -> Decision | None:
    """While the customer disputes a payment, nothing is charged, written or ended."""
    held = at.case.state is CaseState.HELD
    if at.around.dispute_open:
        reason = at.case.reason if held else "Held: the customer disputes a payment."
        return Decision(
            Wait() if held else Hold("the customer disputes a payment"),
            "disputed",
            reason,
            at.now + LOOK_AGAIN,
            stands_down=True,
        )
    if held:
        return Decision(
            Release("the dispute is closed"), "released", "The dispute is closed.", at.now
        )
    return None


def collection_paused(at: Situation) -> Decision | None:
    """`pause_collection` stands the case down until it ends."""
    subscription = at.invoice.subscription
    if subscription is None or not subscription.collection_paused:
        return None
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
