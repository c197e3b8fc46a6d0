"""What an invoice read moments ago shows an attempt of ours came to, and whose payment paid it."""

from datetime import datetime, timedelta

from worker.domain.case import (
    CANCELS,
    SUBSCRIPTION_ENDS,
    Attempt,
    AttemptKind,
    AttemptState,
    Case,
    Failure,
)
from worker.domain.decisions import Act, SettleAttempt
from worker.domain.engine_offers import coupon_shown
from worker.domain.engine_situation import Situation
from worker.domain.network_tries import MadeBy, NetworkTry
from worker.domain.readings import UNDER_WAY

KEY_REFUSED = frozenset(("http_401", "http_403"))
"""Codes of charges that our own key kept from being made."""

CLOCKS_APART = timedelta(minutes=1)
"""A charge of ours may bear a time of Stripe's a little before our own note of its sending."""

SURELY_BEFORE = timedelta(minutes=2)
"""A cancel that Stripe dates so long before ours was sent is not ours, even by a clock of ours that
is a minute ahead."""


def abandoned(case: Case) -> int:
    """Return how many charges of the case were refused, or given up without an answer.

    What Stripe refused because of our key says nothing of the case.
    """
    return sum(
        a.kind is AttemptKind.CHARGE
        and a.state is AttemptState.ABANDONED
        and a.answer_code not in KEY_REFUSED
        for a in case.attempts
    )


def outcome_shown(at: Situation, attempt: Attempt) -> AttemptState | None:
    """Return what the invoice or subscription shows *attempt* came to; None: it does not tell."""
    if attempt.kind is AttemptKind.CHARGE:
        return _charge_shown(at, attempt)
    if attempt.kind is AttemptKind.COUPON:
        return coupon_shown(at, attempt)
    invoice = at.invoice
    if at.shows(attempt.kind):
        theirs = _cancelled_before(at, attempt)
        return AttemptState.ABANDONED if theirs else AttemptState.SUCCEEDED
    wanted = "void" if attempt.kind is AttemptKind.VOID else "uncollectible"
    if attempt.kind not in SUBSCRIPTION_ENDS and invoice.status == wanted:
        return AttemptState.SUCCEEDED
    # Nobody owes it any more: the ending that did not happen must not be asked for again.
    return None if invoice.status == "open" else AttemptState.ABANDONED


def _cancelled_before(at: Situation, attempt: Attempt) -> bool:
    """Return whether somebody had cancelled before *attempt* can have: between the read and it.

    One that was asked again may have been carried out at its first sending. What was planned before
    the invoice began, as a fixed term, was no cancel then, and may keep its date through ours.
    """
    subscription = at.invoice.subscription
    asked_at = subscription.canceled_at if subscription is not None else None
    if attempt.kind not in CANCELS or asked_at is None:
        return False
    once_at = attempt.asked_at if attempt.sends == 1 else None
    latest_at = (once_at or attempt.sent_at) - SURELY_BEFORE
    return at.invoice.created_at < asked_at <= latest_at


def _charge_shown(at: Situation, attempt: Attempt) -> AttemptState | None:
    invoice, payment = at.invoice, at.invoice.payment
    under_way = attempt.state is AttemptState.PROCESSING
    failed = AttemptState.DECLINED if under_way else AttemptState.ABANDONED
    # A debit goes on beside the payment of another card, which the invoice shows instead of it.
    beside = invoice.status == "open" and invoice.other_payment_under_way
    if under_way and (beside or (payment is not None and payment.status in UNDER_WAY)):
        return None
    if invoice.status == "paid":
        return AttemptState.SUCCEEDED if paid_by(at, attempt) else failed
    if invoice.status in {"void", "uncollectible"}:
        return failed
    if not under_way or payment is None:
        return None
    # A payment that went through shows as paid a moment later; until then it counts as under
    # way, so that no second charge can follow.
    return None if payment.status == "succeeded" else failed


def paid_by(at: Situation, attempt: Attempt) -> bool:
    """Return whether the payment that the paid invoice shows is *attempt*'s.

    The event of its charge tells whose request it was; until that was read, its payment method is
    compared: the customer may have paid by hand in the same minute.
    """
    payment = at.invoice.payment
    if payment is None or payment.status != "succeeded":
        return False
    told = _told(at)
    if told is not None:
        return told.made_by is MadeBy.WORKER
    return payment.payment_method_id in {"", attempt.payment_method_id}


def told_as_ours(at: Situation) -> bool:
    """Return whether the event of the invoice's last charge carries a key of ours."""
    told = _told(at)
    return told is not None and told.made_by is MadeBy.WORKER


def failed_as_ours(at: Situation, act: Act) -> bool:
    """Return whether the invoice's last failed charge is a try of ours, or may turn out as one.

    Its event tells. Until that was read, it may be our try without an outcome, unless *act* settles
    that one by another charge, or as having come to nothing.
    """
    told, ours = _told(at), at.case.in_flight
    if told is not None:
        return told.made_by is MadeBy.WORKER
    if isinstance(act, SettleAttempt) and (
        act.charge_id or act.outcome is not AttemptState.DECLINED
    ):
        return False
    return ours is not None and ours.kind is AttemptKind.CHARGE and declined_shown(at, ours)


def not_ours_after_all(at: Situation, failure: Failure, *, ours_was_another: bool) -> bool:
    """Return whether a failure that may have been held for a try of ours is somebody else's.

    Its event tells, or that what it was held for has come to something else. Args:
    ours_was_another: the charge in flight is known by now to have been another one.
    """
    method_id, made_at = failure.payment_method_id, failure.failed_at
    held_for = [
        each
        for each in at.case.attempts
        if each.kind is AttemptKind.CHARGE
        and may_have_made(each, payment_method_id=method_id, made_at=made_at)
    ]
    if not failure.charge_id or not held_for:
        return False
    told = told_of(at, failure.charge_id)
    if told is not None:
        return told.made_by is not MadeBy.WORKER
    # Of one that was given up nobody knows what it came to.
    return ours_was_another and all(a.state is not AttemptState.ABANDONED for a in held_for)


def settles_by_another(at: Situation, act: Act, failure: Failure) -> bool:
    """Return whether *act* surely settles a try by another charge than that of *failure*.

    That an invoice was paid may be the customer's doing, until the event of its charge was read.
    """
    if not isinstance(act, SettleAttempt):
        return False
    if act.succeeded:
        return told_as_ours(at)
    return act.charge_id not in {"", failure.charge_id}


def told_as_asked_for(at: Situation) -> bool:
    """Return whether the event of the invoice's last charge names a request that was not ours.

    Stripe's own tries come of no request (docs.stripe.com/api/events/object, `request`).
    """
    told = _told(at)
    return told is not None and told.asked_for


def declined_shown(at: Situation, attempt: Attempt) -> bool:
    """Return whether the invoice's last failed charge is what *attempt* came to."""
    payment, failure = at.invoice.payment, at.case.failure
    if payment is None or payment.signals is None or failure is None:
        return False
    if not failure.charge_id or failure.charge_id != payment.latest_charge_id:
        return False
    told = _told(at)
    if told is not None and not _may_be_of(attempt, told):
        return False
    method_id, made_at = failure.payment_method_id, failure.failed_at
    return may_have_made(attempt, payment_method_id=method_id, made_at=made_at)


def told_declined(at: Situation, attempt: Attempt) -> NetworkTry | None:
    """Return the failed charge that an event names *attempt*'s own key for; None: none told so.

    Stripe carries a key out once, and whatever is sent under it later repeats what came of that
    (docs.stripe.com/api/idempotent_requests): also a 500 it saved while the charge was declined.
    """
    own = [each for each in at.around.tries if each.key == attempt.key]
    return own[-1] if own and all(each.answered for each in own) else None


def told_of(at: Situation, charge_id: str) -> NetworkTry | None:
    """Return a charge of which it is known whether it was ours; None where it is not."""
    tries = at.around.tries if charge_id else ()
    named = (each for each in tries if each.charge_id == charge_id and not each.may_be_of)
    return next(named, None)


def may_have_made(attempt: Attempt, *, payment_method_id: str, made_at: datetime) -> bool:
    """Return whether a failed charge can be *attempt*'s, by its payment method and its time."""
    same = payment_method_id in {"", attempt.payment_method_id}
    return same and made_at >= attempt.sent_at - CLOCKS_APART


def _may_be_of(attempt: Attempt, told: NetworkTry) -> bool:
    """Return whether a charge that an event told of can be *attempt*'s, not an earlier one's."""
    return told.made_by is MadeBy.WORKER and told.key in {"", attempt.key}


def _told(at: Situation) -> NetworkTry | None:
    """Return the invoice's last charge where it is known whether it was ours, or None."""
    charge_id = at.invoice.payment.latest_charge_id if at.invoice.payment is not None else ""
    return told_of(at, charge_id)
