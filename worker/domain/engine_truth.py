"""First rules of the engine: what Stripe shows outranks every plan (architecture.md D8)."""

from datetime import timedelta

from worker.domain.case import (
    AttemptKind,
    AttemptState,
    Case,
    CaseState,
    Outcome,
    RecoveredBy,
    Surroundings,
)
from worker.domain.decisions import (
    Close,
    Decision,
    Release,
    Reopen,
    Review,
    Wait,
)
from worker.domain.due_dates import paid_on_time
from worker.domain.engine_ending import MAY_HAVE_BEEN_READ, letter_owed
from worker.domain.engine_outcomes import paid_by, told_as_asked_for, told_as_ours
from worker.domain.engine_refund import moved_after_cancel, refund_due, refund_is_proposed
from worker.domain.engine_situation import (
    OVER_ALONE,
    SUBSCRIPTION_OVER,
    UNPAID,
    Rule,
    Situation,
    over_alone,
)
from worker.domain.engine_small_balance import small_balance_written_off
from worker.domain.engine_standing import (
    LOOK_AGAIN,
    collection_paused,
    disputed,
    goes_on,
    on_hold,
    released,
    renewal_moved,
)
from worker.domain.money import KNOWN
from worker.domain.policy import RetriesBy
from worker.domain.staff_words import StaffWords

RECOVERED_LATE_WITHIN = timedelta(days=30)
"""A payment this long after the end still counts as recovered late (domain.md 5.2, assumption)."""

PAID = frozenset((Outcome.RECOVERED, Outcome.RECOVERED_LATE, Outcome.PAID_ON_TIME))
"""Outcomes of cases whose money came."""

AUTHENTICATION_PATIENCE = timedelta(hours=1)
"""While a customer may be in 3-D Secure right now, nothing is charged."""


def closed_case(at: Situation) -> Decision | None:
    """A closed case moves only when money came in late or back out, or a cancel was undone."""
    case, invoice = at.case, at.invoice
    if case.state is not CaseState.CLOSED:
        return None
    recovered = case.outcome in PAID
    to_refund = moved_after_cancel(at)
    open_again = invoice.status == "open" and invoice.amount_remaining_minor > 0
    if recovered and (open_again or at.around.payment_returned):
        return Decision(
            Reopen("the payment was returned"),
            "payment_returned",
            "The invoice was paid, but the payment was returned.",
            at.now,
        )
    if recovered and to_refund:
        return refund_due(at)
    if case.outcome is Outcome.CUSTOMER_CANCELLED and open_again and _lives_on(at):
        return Decision(
            Reopen("the cancel was undone", goes_on=True),
            "cancel_undone",
            "The subscription goes on after all and its invoice is unpaid: the timeline goes on.",
            at.now,
        )
    late_until = (case.closed_at or at.now) + RECOVERED_LATE_WITHIN
    if not recovered and money_came(at) and not to_refund and at.now <= late_until:
        if _paid_on_time(at):
            return _closed_on_time()
        return Decision(
            Close(Outcome.RECOVERED_LATE, "paid after the end", who_paid(at)),
            "paid_late",
            "The invoice was paid after the case had ended.",
        )
    return Decision(Wait(), "closed", "The case is closed.")


def money_came(at: Situation) -> bool:
    """Return whether the invoice was paid; credited in full, or its payment taken back, it is
    called paid as well."""
    invoice = at.invoice
    is_paid = invoice.status == "paid" and invoice.amount_due_minor > 0
    return is_paid and not at.around.payment_returned


def _lives_on(at: Situation) -> bool:
    customer = at.invoice.customer
    return not at.subscription_ends and not (customer is not None and customer.deleted)


def who_paid(at: Situation) -> RecoveredBy:
    """Return whose act brought the money, judged by the last thing that can have."""
    won = [a for a in at.case.charges if a.state is AttemptState.SUCCEEDED]
    if won and paid_by(at, won[-1]):
        return recovered_by_step(won[-1].step)
    payment = at.invoice.payment
    if payment is None or payment.status != "succeeded":
        return RecoveredBy.OUT_OF_BAND
    if not won and told_as_ours(at):  # a try that a restored ledger does not know
        return RecoveredBy.RETRY
    if told_as_asked_for(at):
        return RecoveredBy.CUSTOMER
    return RecoveredBy.STRIPE if at.case.owner is RetriesBy.STRIPE else RecoveredBy.CUSTOMER


def recovered_by_step(step: str) -> RecoveredBy:
    """Return whose act brought the money where the charge of *step* did."""
    extra = {
        "new card": RecoveredBy.NEW_CARD,
        "backup": RecoveredBy.BACKUP,
        "by hand": RecoveredBy.BY_HAND,
    }
    return next((by for word, by in extra.items() if step.startswith(word)), RecoveredBy.RETRY)


def paid(at: Situation) -> Decision | None:
    """A paid invoice is recovered, whoever paid it; late where the subscription had to go."""
    if at.invoice.status != "paid":
        return None
    if at.around.payment_returned:
        return _returned(at)
    if at.invoice.amount_due_minor <= 0:
        return Decision(
            Close(Outcome.VOIDED, "the invoice was credited in full", letter=letter_owed(at)),
            "credited",
            "The invoice was credited in full: Stripe calls it paid, but no money came.",
        )
    if _paid_on_time(at):
        return _closed_on_time()
    late = at.ended_by_us
    by = who_paid(at)
    return Decision(
        Close(
            Outcome.RECOVERED_LATE if late else Outcome.RECOVERED,
            f"paid: {by.value.replace('_', ' ')}",
            by,
            letter="payment_recovered" if was_written_to(at.case, at.around) else "",
        ),
        "paid",
        "The invoice is paid.",
    )


def _paid_on_time(at: Situation) -> bool:
    return paid_on_time(at.case, at.invoice, office_zone=at.office_zone, now=at.now)


def _closed_on_time() -> Decision:
    return Decision(
        Close(Outcome.PAID_ON_TIME, "paid by the due date"),
        "paid_on_time",
        "The invoice was paid by its due date.",
    )


def was_written_to(case: Case, around: Surroundings) -> bool:
    """Return whether the customer has heard of this case, or may have.

    A letter that is at the mail server may be taken at any moment.
    """
    own = any(letter.state in MAY_HAVE_BEEN_READ for letter in case.letters)
    return own or around.named_at is not None


def _returned(at: Situation) -> Decision:
    """Stripe keeps such an invoice as paid and refuses another charge, so a person collects it."""
    if at.case.state is CaseState.IN_REVIEW and not refund_is_proposed(at):
        waits = Decision(Wait(), "in_review", at.case.reason, at.now + LOOK_AGAIN)
        return closed_by_hand(at) or waits
    return Decision(
        Review("the payment was returned; Stripe still shows the invoice as paid"),
        "returned_after_paid",
        "The payment was returned. Stripe keeps the invoice as paid and takes no other charge: "
        "a person collects the amount anew.",
        at.now + LOOK_AGAIN,
    )


def taken_out_of_collection(at: Situation) -> Decision | None:
    """A void or uncollectible invoice is not collected any more, whoever said so.

    Where our ending had gone through by then, its letter is still owed to the customer.
    """
    status = at.invoice.status
    if status == "void":
        if at.case.did(frozenset((AttemptKind.VOID,))):
            return None
        return Decision(
            Close(Outcome.VOIDED, "the invoice was voided", letter=letter_owed(at)),
            "voided",
            "The invoice was voided.",
        )
    if status == "uncollectible" and not at.case.did(frozenset((AttemptKind.UNCOLLECTIBLE,))):
        return Decision(
            Close(
                Outcome.WRITTEN_OFF,
                "the invoice was marked uncollectible",
                letter=letter_owed(at),
            ),
            "written_off",
            "The invoice was marked uncollectible.",
        )
    if status not in {"open", "uncollectible", "void"}:
        return (
            closed_by_hand(at)
            or in_review(at)
            or Decision(
                Review(f"the invoice has the unexpected status {status}"),
                "status_unknown",
                f"The invoice has the status {status}, which dunning does not expect.",
                at.now + LOOK_AGAIN,
            )
        )
    return None


def cancelled(at: Situation) -> Decision | None:
    """A subscription that somebody else ended, or will end, is not dunned any further."""
    if at.ended_by_us:
        return None
    customer, subscription = at.invoice.customer, at.invoice.subscription
    reason = ""
    if customer is not None and customer.deleted:
        reason = "the customer was deleted"
    elif subscription is None:
        return None
    elif subscription.status in SUBSCRIPTION_OVER:
        by_stripe = subscription.cancellation_reason == UNPAID
        reason = f"the subscription is {subscription.status}"
        if by_stripe:
            return Decision(
                Close(Outcome.ENDED, "Stripe cancelled it for the failed payment"),
                "ended_by_stripe",
                "Stripe cancelled the subscription for the failed payment.",
            )
    elif at.subscription_ends:
        asked_at = subscription.canceled_at
        # Not since the failure, of which the first event may be lost or from before go-live. What
        # was planned as the invoice began, as a fixed term, is no cancel. Where Stripe does not
        # say when, nobody is charged against what may be the customer's wish.
        if asked_at is None or asked_at > at.invoice.created_at:
            reason = "the customer has cancelled"
    if not reason:
        return None
    return Decision(
        Close(Outcome.CUSTOMER_CANCELLED, reason), "cancelled", f"Dunning stops: {reason}."
    )


def paid_after_cancel(at: Situation) -> Decision | None:
    """Money that a charge of ours moved after a cancel is no recovery, until a person closes it.

    Who wished it closed before the refund was proposed did not know of the money.
    """
    if not moved_after_cancel(at):
        return None
    return (closed_by_hand(at) if refund_is_proposed(at) else None) or refund_due(at)


def closed_by_hand(at: Situation) -> Decision | None:
    """A person gives the case up; Stripe's invoice and subscription stay as they are.

    The customer is told of an ending of ours that had gone through by then.
    """
    request = at.around.close_request
    if request is None:
        return None
    said = StaffWords(f"{request.by} closed it: {request.reason}")
    close = Close(Outcome.CLOSED_BY_HAND, said, letter=letter_owed(at))
    return Decision(close, "closed_by_hand", f"{said}.")


def in_review(at: Situation) -> Decision | None:
    """A case in review stands still for a person; only the truths above move it."""
    if at.case.state is not CaseState.IN_REVIEW:
        return None
    if at.case.reason.startswith(OVER_ALONE) and not over_alone(at):
        said = "its amount is not over the limit any more"
        return Decision(Release(said), "limit_raised", f"It goes on: {said}.", at.now)
    return Decision(Wait(), "in_review", at.case.reason, at.now + LOOK_AGAIN)


def payment_under_way(at: Situation) -> Decision | None:
    """A debit in processing or a fresh 3-D Secure step is not disturbed by a charge."""
    if at.invoice.payment_under_way:
        return Decision(
            Wait(),
            "payment_processing",
            "A payment is being processed; its outcome takes days.",
            at.now + LOOK_AGAIN,
        )
    return authentication_under_way(at)


def authentication_under_way(at: Situation) -> Decision | None:
    """For an hour the customer may be in 3-D Secure right now."""
    payment, since = at.invoice.payment, at.case.action_required_at
    authenticates = payment is not None and payment.status == "requires_action"
    if authenticates and since is not None:
        until = since + AUTHENTICATION_PATIENCE
        if at.now < until:
            return Decision(
                Wait(),
                "authentication_under_way",
                "The customer may be authenticating right now.",
                until,
            )
    return None


def nothing_owed(at: Situation) -> Decision | None:
    """An open invoice with nothing left to pay (credited in full) is left alone."""
    if at.invoice.status != "open" or at.invoice.amount_remaining_minor > 0:
        return None
    return Decision(
        Wait(), "nothing_owed", "Nothing is left to pay on this invoice.", at.now + LOOK_AGAIN
    )


def follows_leading_case(at: Situation) -> Decision | None:
    """Only the oldest open invoice of a subscription is charged, written about and ended."""
    leader = at.around.leading_case
    if leader is None or at.ended_by_us:
        return None
    return Decision(
        Wait(),
        "follows",
        f"Follows case C-{leader}, the older open invoice of the same subscription.",
        at.now + LOOK_AGAIN,
    )


def unknown_currency(at: Situation) -> Decision | None:
    """An amount whose decimals we do not know is neither charged nor written about."""
    currency = at.invoice.currency
    if currency in KNOWN:
        return None
    return Decision(
        Review(f"the currency {currency} is not known to this release"),
        "currency_unknown",
        f"The decimals of {currency} are not known, so no amount can be written or compared.",
        at.now + LOOK_AGAIN,
    )


TRUTH_RULES: tuple[Rule, ...] = (
    paid_after_cancel,
    paid,
    small_balance_written_off,
    taken_out_of_collection,
    cancelled,
    closed_by_hand,
    in_review,
    unknown_currency,
    disputed,
    on_hold,
    released,
    collection_paused,
    renewal_moved,
    goes_on,
    payment_under_way,
    nothing_owed,
    follows_leading_case,
)
