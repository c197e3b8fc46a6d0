"""What an invoice read moments ago shows an unfinished attempt came to."""

from worker.domain.case import CANCELS, Attempt, AttemptKind, AttemptState, Case
from worker.domain.engine_situation import Situation
from worker.domain.readings import UNDER_WAY

SUBSCRIPTION_OVER = frozenset(("canceled", "incomplete_expired"))


def abandoned(case: Case) -> int:
    """Return how many charges of the case never became one."""
    return sum(
        a.kind is AttemptKind.CHARGE and a.state is AttemptState.ABANDONED for a in case.attempts
    )


def outcome_shown(at: Situation, attempt: Attempt) -> bool | None:
    """Return whether the invoice or subscription shows *attempt* done, failed, or neither."""
    invoice, subscription = at.invoice, at.invoice.subscription
    if attempt.kind is AttemptKind.CHARGE:
        if invoice.status == "paid":
            return True
        if invoice.status in {"void", "uncollectible"}:
            return False
        payment = invoice.payment
        if attempt.state is AttemptState.PROCESSING and payment is not None:
            # A payment that went through shows as paid a moment later; until then it counts as
            # under way, so that no second charge can follow.
            return None if payment.status in {*UNDER_WAY, "succeeded"} else False
        return None
    if attempt.kind in CANCELS:
        if subscription is None or subscription.status in SUBSCRIPTION_OVER:
            return True
        ending = attempt.kind is AttemptKind.CANCEL_AT_PERIOD_END
        if ending and subscription.cancel_at_period_end:
            return True
        # Nobody owes it any more: the cancel that did not happen must not be asked for again.
        return None if invoice.status == "open" else False
    wanted = "void" if attempt.kind is AttemptKind.VOID else "uncollectible"
    if invoice.status == wanted:
        return True
    return False if invoice.status != "open" else None
