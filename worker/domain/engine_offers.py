"""What a due letter may offer, and whether its coupon must be asked for at Stripe first."""

from worker.domain.case import Attempt, AttemptKind, AttemptState
from worker.domain.engine_situation import LETTERS_ONLY, SUBSCRIPTION_OVER, Situation
from worker.domain.offers import Offer, coupon_step


def open_offer(at: Situation, step_name: str, notice: str) -> Offer | None:
    """Return what the letter of a step may offer, or None.

    None too where another letter goes out in the step's place, which would not tell of it, or the
    customer had an offer within a year.
    """
    step, last = at.policy.step(step_name), at.around.last_offer
    if step is None or step.offer is None or notice != step.letter:
        return None
    if last is not None and last.bars(at.case.id, step_name, at=at.now):
        return None
    return step.offer


def days_to_give(at: Situation, step_name: str, notice: str) -> Offer | None:
    """Return the days that the letter of a step may offer, or None; with it they are given."""
    offer = open_offer(at, step_name, notice)
    return offer if offer is not None and offer.extra is not None else None


def coupon_to_give(at: Situation, step_name: str, notice: str) -> str:
    """Return the coupon to put on the subscription before the letter is written, or nothing.

    Nothing where it is there, was refused, or there is no running subscription to put it on; a
    mode that only writes changes nothing at Stripe. The letter then goes out without it.
    """
    offer = open_offer(at, step_name, notice)
    subscription = at.invoice.subscription
    if offer is None or not offer.coupon or subscription is None or at.obstacle == LETTERS_ONLY:
        return ""
    if subscription.status in SUBSCRIPTION_OVER or has_coupon(at, offer.coupon):
        return ""
    over = (each.state is AttemptState.SUCCEEDED or each.refused for each in _asked(at, step_name))
    return "" if any(over) else offer.coupon


def coupon_given(at: Situation, step_name: str) -> bool:
    """Return whether the step's coupon went onto the subscription by a request of ours."""
    return any(each.state is AttemptState.SUCCEEDED for each in _asked(at, step_name))


def _asked(at: Situation, step_name: str) -> list[Attempt]:
    """Return the requests for the step's coupon."""
    ours = (each for each in at.case.attempts if each.kind is AttemptKind.COUPON)
    return [each for each in ours if coupon_step(each.step) == step_name]


def has_coupon(at: Situation, coupon: str) -> bool:
    """Return whether the subscription shows a discount by *coupon*, whoever gave it."""
    subscription = at.invoice.subscription
    return subscription is not None and coupon in {d.coupon_id for d in subscription.discounts}


def coupon_shown(at: Situation, attempt: Attempt) -> AttemptState | None:
    """Return what the subscription shows a coupon's request came to; None: it does not tell."""
    step = at.policy.step(coupon_step(attempt.step))
    if step is not None and step.offer is not None and has_coupon(at, step.offer.coupon):
        return AttemptState.SUCCEEDED
    return None if at.invoice.status == "open" else AttemptState.ABANDONED
