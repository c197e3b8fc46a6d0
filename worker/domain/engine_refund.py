"""Money that a charge of ours moved after the customer had cancelled: a person pays it back.

A cancel stops every charge that has not begun, and one that has is waited for. Between the read
and the request a moment stays that no design closes, so it is bounded, and shown (reliability.md
3, rule 1).
"""

from worker.domain.case import AttemptState, CaseState
from worker.domain.decisions import Decision, Review, Wait
from worker.domain.engine_outcomes import paid_by
from worker.domain.engine_situation import UNPAID, Situation
from worker.domain.engine_standing import LOOK_AGAIN
from worker.domain.money import Money

REFUND = "the customer had cancelled before the money moved"
"""How the reason of such a review begins."""


def moved_after_cancel(at: Situation) -> bool:
    """Return whether a charge of ours paid the invoice later than somebody else had cancelled.

    Only one that met the charge under way can be: whoever cancelled before is not charged. Stripe's
    own for the failed payment is another matter; within one second nobody can tell which came
    first, and the payment counts. What the bank has taken back is not to be paid back as well.
    """
    invoice, subscription = at.invoice, at.invoice.subscription
    won = [each for each in at.case.charges if each.state is AttemptState.SUCCEEDED]
    if subscription is None or not won or not at.subscription_ends or at.ended_by_us:
        return False
    if at.around.payment_returned:
        return False
    asked_at, paid_at = subscription.canceled_at, invoice.paid_at
    if invoice.status != "paid" or asked_at is None or paid_at is None:
        return False
    if subscription.cancellation_reason == UNPAID or not paid_by(at, won[-1]):
        return False
    return at.case.failed_at <= asked_at < paid_at


def refund_is_proposed(at: Situation) -> bool:
    """Return whether a person has been asked to pay it back."""
    return at.case.state is CaseState.IN_REVIEW and at.case.reason.startswith(REFUND)


def refund_due(at: Situation) -> Decision:
    """Return the review that proposes the refund; while a person has it, nothing happens."""
    if refund_is_proposed(at):
        return Decision(Wait(), "refund_proposed", at.case.reason, at.now + LOOK_AGAIN)
    payment = at.invoice.payment
    payment_id = payment.payment_intent_id if payment is not None else ""
    won = [each for each in at.case.charges if each.state is AttemptState.SUCCEEDED][-1]
    amount = f"{Money(won.amount_minor, won.currency).major} {won.currency.upper()}"
    return Decision(
        Review(f"{REFUND}: refund {amount} of {payment_id}", payment_id),
        "paid_after_cancel",
        f"{won.step} went through after the customer had cancelled.",
        at.now + LOOK_AGAIN,
    )
