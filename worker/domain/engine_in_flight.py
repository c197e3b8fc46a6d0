"""An attempt whose outcome is open: settled by what Stripe shows, asked again, or left to a person.

Asking again makes the request where the first one never arrived, so it needs the same truths as a
new one.
"""

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta

from worker.domain.case import Attempt, AttemptKind, AttemptState, CaseState
from worker.domain.decisions import Act, Decision, End, Resend, Review, SettleAttempt, Wait
from worker.domain.engine_outcomes import (
    abandoned,
    declined_shown,
    outcome_shown,
    told_declined,
)
from worker.domain.engine_situation import ENDING_REST, Situation
from worker.domain.engine_standing import LOOK_AGAIN, renewal_moved
from worker.domain.engine_truth import (
    authentication_under_way,
    cancelled,
    follows_leading_case,
)

KEY_LIFE = timedelta(hours=23)
"""An attempt older than this is never sent again; Stripe may forget a key after 24 h (I5)."""

REVIEW_EXIT = timedelta(hours=25)
"""By then no request of ours can still be executed, so two clean reads tell the outcome."""

ABANDONED_MAX = 2
"""After this many charges that never got an answer, the next one stays with a person."""

UNKNOWN_LOOK = timedelta(hours=1)
"""How often the invoice is read while an unknown outcome may not be asked about."""

SHOWN = {
    AttemptState.SUCCEEDED: "it went through",
    AttemptState.DECLINED: "it failed",
    AttemptState.ABANDONED: "it came to nothing",
}


def unfinished_attempt(at: Situation, anew: Callable[[Situation], Decision]) -> Decision | None:
    """Return what to do about the attempt in flight; None where there is none.

    Args: anew: what would be decided without it.
    """
    attempt = at.case.in_flight
    if attempt is None:
        return None
    if attempt.kind is AttemptKind.CHARGE and attempt.state is AttemptState.SENDING:
        return _unfinished_charge(at, attempt)
    shown = outcome_shown(at, attempt)
    if shown is not None:
        return _shown(at, attempt, shown)
    if attempt.state is AttemptState.PROCESSING:
        return Decision(
            Wait(),
            "debit_under_way",
            "A bank debit is under way; its outcome takes days.",
            at.now + LOOK_AGAIN,
        )
    return _unfinished_ending(at, attempt, anew)


def _unfinished_charge(at: Situation, attempt: Attempt) -> Decision:
    """What its own event tells outranks the invoice, which somebody may have paid or written off.

    A decline counts for the card's limits, whoever pays.
    """
    told = told_declined(at, attempt)
    if told is not None:
        return Decision(
            SettleAttempt(attempt.no, AttemptState.DECLINED, told.charge_id),
            "attempt_settled",
            f"{attempt.step}: Stripe's event shows that it was declined.",
            at.now,
        )
    shown = outcome_shown(at, attempt)
    if shown is not None:
        return _shown(at, attempt, shown)
    age, stand_down = at.around.key_age, _not_asked_again_because(at, attempt)
    if (stand_down or age >= KEY_LIFE) and declined_shown(at, attempt):
        said = "the invoice shows that it was declined"
        return _settled(at, attempt, AttemptState.DECLINED, said)
    if stand_down and age < REVIEW_EXIT:
        return Decision(
            Wait(),
            "outcome_unknown_at_rest",
            f"{attempt.step}: Stripe's answer is unknown and is not asked again: {stand_down}.",
            at.now + UNKNOWN_LOOK,
        )
    if age < KEY_LIFE:
        return _asked_again(attempt)
    # The read that put it into review was the first clean one. A case at rest was read all along.
    read_before = stand_down or at.case.state is CaseState.IN_REVIEW
    may_exit = age >= REVIEW_EXIT and read_before and not at.invoice.payment_under_way
    given_up = at.around.close_request is not None
    if may_exit and (given_up or abandoned(at.case) < ABANDONED_MAX):
        return Decision(
            SettleAttempt(attempt.no, AttemptState.ABANDONED),
            "review_exit",
            f"{attempt.step}: after 25 hours the invoice shows no payment of ours.",
            at.now,
        )
    return _lost(at, attempt)


def _unfinished_ending(
    at: Situation, attempt: Attempt, anew: Callable[[Situation], Decision]
) -> Decision:
    """An ending that Stripe shows not done is asked for again only where it would be asked anew.

    Meanwhile a debit may have begun, the invoice been credited, or the office have closed.
    """
    if at.case.state is CaseState.IN_REVIEW:
        if at.around.close_request is not None and at.around.key_age >= REVIEW_EXIT:
            return _settled(at, attempt, AttemptState.ABANDONED, "a person gives the case up")
        return _lost(at, attempt)
    others = tuple(each for each in at.case.attempts if each.no != attempt.no)
    wish = anew(replace(at, case=replace(at.case, attempts=others)))
    if _is_same(wish.act, attempt):
        return _asked_again(attempt) if at.around.key_age < KEY_LIFE else _lost(at, attempt)
    rested_at = (attempt.asked_at or attempt.sent_at) + ENDING_REST
    if at.now < rested_at:
        return Decision(
            Wait(),
            "ending_unknown_at_rest",
            f"{attempt.step}: Stripe's answer is unknown and is not asked again: {wish.reason}",
            rested_at,
        )
    said = f"Stripe shows that it was not made, and it is not asked for again. {wish.reason}"
    return _settled(at, attempt, AttemptState.ABANDONED, said.rstrip("."))


def _is_same(act: Act, attempt: Attempt) -> bool:
    """Return whether *act* is the very request of *attempt*, not one that only looks like it."""
    return (
        isinstance(act, End) and act.kind is attempt.kind and attempt.step.startswith(f"{act.of}:")
    )


def _shown(at: Situation, attempt: Attempt, outcome: AttemptState) -> Decision:
    return _settled(at, attempt, outcome, f"the invoice shows that {SHOWN[outcome]}")


def _settled(at: Situation, attempt: Attempt, outcome: AttemptState, said: str) -> Decision:
    return Decision(
        SettleAttempt(attempt.no, outcome), "attempt_settled", f"{attempt.step}: {said}.", at.now
    )


def _asked_again(attempt: Attempt) -> Decision:
    return Decision(
        Resend(attempt.no),
        "outcome_unknown",
        f"{attempt.step}: Stripe's answer is unknown; the same request is asked again.",
    )


def _lost(at: Situation, attempt: Attempt) -> Decision:
    """Leave the attempt to a person, who may have it already."""
    if at.case.state is CaseState.IN_REVIEW:
        return Decision(Wait(), "in_review", at.case.reason, at.now + UNKNOWN_LOOK)
    return Decision(
        Review(f"{attempt.step}: no answer from Stripe for 23 hours"),
        "outcome_lost",
        "The key is too old to ask again and the invoice does not show the outcome.",
        at.now + UNKNOWN_LOOK,
    )


def _not_asked_again_because(at: Situation, attempt: Attempt) -> str:
    """Return what forbids asking for the charge again, or the empty string.

    Nothing is charged after a cancel, during a dispute, while it is held or beside another payment.
    """
    barred = authentication_under_way(at) or renewal_moved(at) or follows_leading_case(at)
    if barred is not None:
        return barred.reason.rstrip(".")
    subscription = at.invoice.subscription
    if at.around.dispute_open:
        return "the customer disputes a payment"
    if at.around.close_request is not None:
        return "a person gives the case up"
    hold = at.around.hold
    if hold is not None and hold.in_force(at.now):
        return hold.said(at.office_zone)
    if subscription is not None and subscription.collection_paused:
        return "collection is paused"
    if at.ended_by_us or cancelled(at) is not None:
        return "the subscription is over"
    if at.invoice.status == "open" and at.invoice.amount_remaining_minor <= 0:
        return "nothing is left to pay"
    if at.invoice.other_payment_under_way:
        return "another payment of the invoice is being processed"
    if at.invoice.next_payment_attempt_at is not None:
        return "Stripe retries it by itself"
    known = [*at.around.methods, *([at.method] if at.method is not None else [])]
    method = next((each for each in known if each.id == attempt.payment_method_id), None)
    return at.stopped_because(method) if method is not None else ""
