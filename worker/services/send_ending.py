"""Send one request of an ending and settle its answer; shared by the first send and resends."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from worker.domain.case import Attempt, AttemptKind, AttemptState, CaseState
from worker.domain.engine_outcomes import outcome_shown
from worker.domain.facts import Fact
from worker.domain.identifiers import case_name
from worker.domain.offers import coupon_step
from worker.domain.readings import Answer, AnswerKind
from worker.errors import GatewayRejected, ServiceUnavailable
from worker.ports import CaseChange, Tx
from worker.services.case_facts import moved_fact
from worker.services.case_turn import Turn, ask_again_at, report_review, window_is_over
from worker.services.give_offer import coupon_settled, report_refusal

NO = frozenset((AnswerKind.REFUSED, AnswerKind.DECLINED, AnswerKind.ACTION_REQUIRED))
"""Answers by which Stripe did not do what was asked; a payment it wanted first is one as well."""

NOT_TO_BE_PAUSED = 400
"""The status of a refusal that is about the subscription: others are about our key or request."""


@dataclass(frozen=True, slots=True)
class _Came:
    """What one request came to; no state means that only a read can tell."""

    state: AttemptState | None = None
    answer_code: str = ""
    review: str = ""
    """Why a person must look; empty where nobody must."""


def send_ending(turn: Turn, attempt: Attempt, *, committed_at: float, first: bool) -> None:
    """Send the request; DONE leads on, UNKNOWN is settled by a read, a refusal needs a person.

    A refused pause is followed by what the policy says for that. *first* False is a resend: a
    refusal then may only mean that the first one had worked, which a read shows.
    Args: committed_at: monotonic seconds of the intent's commit; outside its window nothing is
    sent, and the next look reads Stripe again.
    """
    if window_is_over(turn.ports, committed_at):
        turn.hand_back()
        return
    answer = _ask(turn, attempt)
    _log(turn, attempt, answer)
    came = _came(turn, attempt, answer, first=first)

    def settle(tx: Tx) -> Sequence[Fact]:
        if came.state is not None:
            tx.attempts.settle(
                turn.case,
                attempt.no,
                came.state,
                now=turn.now,
                answer_code=came.answer_code,
                request_id=answer.request_id,
            )
            return coupon_settled(tx, turn, attempt, came.state)
        return []

    moved = moved_fact(turn.case, "case.in_review", at=turn.now, reason=came.review)
    next_at = turn.now if came.state is not None else ask_again_at(attempt, turn.now)
    turn.finish(
        CaseChange(
            state=CaseState.IN_REVIEW if came.review else None,
            reason=came.review or None,
            next_action_at=next_at,
        ),
        facts=[moved] if came.review else [],
        also=settle,
    )
    if came.review:
        report_review(turn.ports, turn.case, came.review)
    if attempt.kind is AttemptKind.COUPON and came.answer_code:
        report_refusal(turn, attempt, came.answer_code)


def _log(turn: Turn, attempt: Attempt, answer: Answer) -> None:
    case, log = turn.case, turn.ports.log
    if attempt.kind is AttemptKind.COUPON:
        log.info(
            "offer",
            case=case_name(case.id),
            subscription=case.subscription_id,
            step=coupon_step(attempt.step),
            no=attempt.no,
            outcome=answer.kind.value,
            code=answer.code,
            request_id=answer.request_id,
            business_at=turn.now,
        )
        return
    log.info(
        "ending",
        case=case_name(case.id),
        invoice=case.invoice_id,
        subscription=case.subscription_id,
        step=attempt.kind.value,
        no=attempt.no,
        outcome=answer.kind.value,
        code=answer.code,
        request_id=answer.request_id,
        business_at=turn.now,
    )


def _came(turn: Turn, attempt: Attempt, answer: Answer, *, first: bool) -> _Came:
    if answer.kind is AnswerKind.DONE:
        return _Came(AttemptState.SUCCEEDED)
    if answer.kind not in NO:
        return _Came()
    if not first:
        shown = _shown_now(turn, attempt)
        if shown is not AttemptState.DECLINED:
            return _Came(shown)
    code = answer.code or f"http_{answer.status}"
    refused = _Came(
        AttemptState.ABANDONED,
        code,
        f"Stripe refused the ending ({attempt.kind.value}): {code}",
    )
    if attempt.kind is AttemptKind.COUPON:  # its letter goes out without it
        return replace(refused, review="")
    knows_better = attempt.kind is AttemptKind.PAUSE and turn.policy.ending.if_refused is not None
    if knows_better and answer.status == NOT_TO_BE_PAUSED and code != "idempotency_error":
        return replace(refused, review="")
    return refused


def _shown_now(turn: Turn, attempt: Attempt) -> AttemptState | None:
    """Return what Stripe shows after a refused resend: DECLINED is that it was not done.

    None where Stripe cannot be asked just now.
    """
    try:
        fresh = turn.ports.stripe.read_invoice(turn.case.invoice_id)
    except (ServiceUnavailable, GatewayRejected):
        return None
    shown = outcome_shown(replace(turn, invoice=fresh).situation(), attempt)
    return shown or AttemptState.DECLINED


def _ask(turn: Turn, attempt: Attempt) -> Answer:
    """Return Stripe's answer; where our key is refused nothing was done, and it is asked again."""
    try:
        return _request(turn, attempt)
    except GatewayRejected as refused:
        turn.ports.log.error(
            "stripe.rejected", case=case_name(turn.case.id), error=refused, do="dunning doctor"
        )
        if attempt.kind is AttemptKind.COUPON:  # its letter does not wait for it
            return Answer(AnswerKind.REFUSED, refused.status, refused.code)
        return Answer(AnswerKind.UNKNOWN, refused.status, refused.code)


def _request(turn: Turn, attempt: Attempt) -> Answer:
    stripe, case, key = turn.ports.stripe, turn.case, attempt.key
    match attempt.kind:
        case AttemptKind.CANCEL:
            return stripe.cancel_subscription(case.subscription_id)
        case AttemptKind.CANCEL_AT_PERIOD_END:
            return stripe.cancel_at_period_end(case.subscription_id, key=key)
        case AttemptKind.PAUSE:
            return stripe.pause_subscription(case.subscription_id, key=key)
        case AttemptKind.HOLD_INVOICES:
            return stripe.hold_invoices(case.subscription_id, key=key)
        case AttemptKind.DOWNGRADE:
            return _change_price(turn, key)
        case AttemptKind.COUPON:
            return _add_coupon(turn, attempt)
        case AttemptKind.VOID:
            return stripe.void_invoice(case.invoice_id, key=key)
        case _:
            return stripe.mark_uncollectible(case.invoice_id, key=key)


def _add_coupon(turn: Turn, attempt: Attempt) -> Answer:
    """Put the step's coupon on the subscription, beside the discounts that it has."""
    subscription = turn.invoice.subscription
    step = turn.policy.step(coupon_step(attempt.step))
    if subscription is None or step is None or step.offer is None:
        return Answer(AnswerKind.REFUSED, code="no_subscription")
    return turn.ports.stripe.add_coupon(
        subscription.id,
        coupon_id=step.offer.coupon,
        kept=[each.id for each in subscription.discounts],
        key=attempt.key,
    )


def _change_price(turn: Turn, key: str) -> Answer:
    """Move the one item to the policy's price; the engine leaves several items to a person."""
    subscription = turn.invoice.subscription
    items = subscription.items if subscription is not None else ()
    if len(items) != 1:
        return Answer(AnswerKind.REFUSED, code="not_one_item")
    return turn.ports.stripe.change_price(
        turn.case.subscription_id,
        item_id=items[0].item_id,
        price_id=turn.policy.ending.to_price_id,
        key=key,
    )
