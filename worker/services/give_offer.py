"""Give the coupon that a step offers: the year's one offer is taken in the commit of the intent.

Callers hold their case's row; two cases of one customer wait for each other at the offers' lock.
"""

from collections.abc import Sequence

from worker.domain.case import Attempt, AttemptKind, AttemptState
from worker.domain.facts import Fact
from worker.domain.identifiers import case_name
from worker.domain.offers import Offer, coupon_step
from worker.ports import Tx
from worker.services.case_turn import Turn
from worker.services.give_days import offer_fact


def take_offer(tx: Tx, turn: Turn, attempt: Attempt) -> bool:
    """Note the offer that a request is about to give; False where another one was given since.

    True for every request that is no coupon's.
    """
    if attempt.kind is not AttemptKind.COUPON:
        return True
    offer = _offer_of(turn, attempt)
    step = coupon_step(attempt.step)
    return offer is not None and tx.offers.take(turn.case, step, offer, now=turn.now)


def coupon_settled(tx: Tx, turn: Turn, attempt: Attempt, state: AttemptState) -> Sequence[Fact]:
    """Return `offer.given` once a coupon's request went through; what came to nothing is no offer.

    Nothing happens for a request that is no coupon's.
    """
    if attempt.kind is not AttemptKind.COUPON:
        return []
    offer, step = _offer_of(turn, attempt), coupon_step(attempt.step)
    if state is not AttemptState.SUCCEEDED or offer is None:
        tx.offers.give_back(turn.case.id, step)
        return []
    return [offer_fact(turn.case, step, offer, at=turn.now)]


def report_refusal(turn: Turn, attempt: Attempt, code: str) -> None:
    """Tell the people on call that Stripe does not take a coupon: the letter goes without it."""
    offer = _offer_of(turn, attempt)
    turn.ports.log.warning(
        "offer.refused",
        case=case_name(turn.case.id),
        subscription=turn.case.subscription_id,
        step=coupon_step(attempt.step),
        code=code,
        reason=f"Stripe refused {offer.said if offer is not None else 'the coupon'}",
        business_at=turn.now,
        do="look the coupon up at Stripe and correct offer in config/dunning.yaml",
    )


def _offer_of(turn: Turn, attempt: Attempt) -> Offer | None:
    step = turn.policy.step(coupon_step(attempt.step))
    return step.offer if step is not None else None
