"""Send one request of an ending and settle its answer; shared by the first send and resends."""

from collections.abc import Sequence

from worker.domain.case import Attempt, AttemptKind, AttemptState, CaseState
from worker.domain.facts import Fact
from worker.domain.identifiers import case_name
from worker.domain.readings import Answer, AnswerKind
from worker.ports import CaseChange, Tx
from worker.services.case_facts import moved_fact
from worker.services.case_turn import ASK_AGAIN, Turn, report_review

_STATES = {AnswerKind.DONE: AttemptState.SUCCEEDED, AnswerKind.REFUSED: AttemptState.ABANDONED}


def send_ending(turn: Turn, attempt: Attempt, *, first: bool) -> None:
    """Send the request; DONE leads on, UNKNOWN is settled by a read, REFUSED needs a person.

    *first* False is a resend: a refusal then may only mean that the first one had worked, which
    the next read shows.
    """
    answer = _request(turn, attempt)
    turn.ports.log.info(
        "ending",
        case=case_name(turn.case.id),
        invoice=turn.case.invoice_id,
        subscription=turn.case.subscription_id,
        step=attempt.kind.value,
        no=attempt.no,
        outcome=answer.kind.value,
        code=answer.code,
        request_id=answer.request_id,
        business_at=turn.now,
    )
    refused = answer.kind is AnswerKind.REFUSED and first
    state = _STATES.get(answer.kind)
    keep = state is None or (answer.kind is AnswerKind.REFUSED and not first)

    def settle(tx: Tx) -> Sequence[Fact]:
        if not keep and state is not None:
            tx.attempts.settle(
                turn.case,
                attempt.no,
                state,
                now=turn.now,
                answer_code=answer.code,
                request_id=answer.request_id,
            )
        return []

    reason = f"Stripe refused the ending ({attempt.kind.value}): {answer.code or answer.status}"
    moved = moved_fact(turn.case, "case.in_review", at=turn.now, reason=reason)
    turn.finish(
        CaseChange(
            state=CaseState.IN_REVIEW if refused else None,
            reason=reason if refused else None,
            next_action_at=turn.now if state is not None else turn.now + ASK_AGAIN,
        ),
        facts=[moved] if refused else [],
        also=settle,
    )
    if refused:
        report_review(turn.ports, turn.case, reason)


def _request(turn: Turn, attempt: Attempt) -> Answer:
    stripe, case = turn.ports.stripe, turn.case
    match attempt.kind:
        case AttemptKind.CANCEL:
            return stripe.cancel_subscription(case.subscription_id)
        case AttemptKind.CANCEL_AT_PERIOD_END:
            return stripe.cancel_at_period_end(case.subscription_id, key=attempt.key)
        case AttemptKind.VOID:
            return stripe.void_invoice(case.invoice_id, key=attempt.key)
        case _:
            return stripe.mark_uncollectible(case.invoice_id, key=attempt.key)
