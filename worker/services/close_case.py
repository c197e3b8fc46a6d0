"""Close a case: its outcome, the letters that no longer go out, the one that does, the facts."""

from collections.abc import Callable, Sequence

from worker.domain.case import NOT_CHARGED, AttemptState, CaseState, Outcome
from worker.domain.decisions import Close, Decision
from worker.domain.facts import Fact
from worker.domain.identifiers import case_name
from worker.ports import CaseChange, Tx
from worker.services.approvals import end_approval
from worker.services.case_facts import case_fact
from worker.services.case_turn import Turn
from worker.services.change_access import access_after
from worker.services.queue_letter import closing_letter, queued_fact, suppressed_fact

RECOVERED = frozenset((Outcome.RECOVERED, Outcome.RECOVERED_LATE))


def close_case(
    turn: Turn,
    decision: Decision,
    close: Close,
    *,
    news: Sequence[Fact] = (),
    also: Callable[[Tx], Sequence[Fact]] | None = None,
    charge_is_over: bool = False,
) -> None:
    """Close the case and wake the others of its subscription, in one commit.

    Args: charge_is_over: a charge of ours was what closed it; those of its customer wake as well.
    """
    facts = [*news, *_closing_facts(turn, close)]

    def write(tx: Tx) -> Sequence[Fact]:
        told = list(also(tx)) if also is not None else []
        tx.acts.answer_close(turn.case.id, answer=close.reason, now=turn.now)
        over = f"{NOT_CHARGED}the case is closed: {close.outcome.value.replace('_', ' ')}"
        tx.acts.answer_retry(turn.case.id, answer=over, now=turn.now)
        told += end_approval(tx, turn, close, by_the_policy=decision.rule == "ended")
        dropped = tx.letters.suppress_queued(turn.case.id, reason=f"case closed: {close.reason}")
        told += [suppressed_fact(turn, letter, close.reason) for letter in dropped]
        if close.letter:
            letter = closing_letter(turn, close.letter)
            if tx.letters.queue(letter, now=turn.now) is not None:
                told.append(queued_fact(turn, letter))
        told += access_after(tx, turn, close)
        if turn.case.subscription_id:
            tx.cases.wake(
                now=turn.now,
                subscription_ids=[turn.case.subscription_id],
                not_case=turn.case.id,
            )
        return told

    turn.finish(
        CaseChange(
            state=CaseState.CLOSED,
            outcome=close.outcome,
            reason=close.reason,
            recovered_by=close.recovered_by,
            closed_at=turn.now,
            charge_is_over=charge_is_over,
        ),
        decision=decision,
        facts=facts,
        also=write,
    )
    turn.ports.log.info(
        "case.closed",
        case=case_name(turn.case.id),
        invoice=turn.case.invoice_id,
        outcome=close.outcome.value,
        reason=close.reason,
        business_at=turn.now,
    )


def _closing_facts(turn: Turn, close: Close) -> list[Fact]:
    amount = {"amount_minor": turn.case.amount_minor, "currency": turn.case.currency}
    closed = case_fact(
        turn.case,
        "case.closed",
        at=turn.now,
        occasion=f"{close.outcome.value}:{turn.now.isoformat()}",
        data={
            "state": CaseState.CLOSED.value,
            "outcome": close.outcome.value,
            "reason": close.reason,
            "policy_digest": turn.case.policy_digest,
        }
        | amount,
    )
    if close.outcome not in RECOVERED or close.recovered_by is None:
        return [closed]
    recovered = case_fact(
        turn.case,
        "payment.recovered",
        at=turn.now,
        occasion=turn.now.isoformat(),
        data={
            "amount_minor": _recovered_minor(turn),
            "currency": turn.case.currency,
            "recovered_by": close.recovered_by.value,
        },
    )
    return [recovered, closed]


def _recovered_minor(turn: Turn) -> int:
    """Return what came in: our own charge, else what was owed; without what was credited since."""
    won = [a for a in turn.case.charges if a.state is AttemptState.SUCCEEDED]
    owed_minor = won[-1].amount_minor if won else turn.case.amount_minor
    return min(owed_minor, turn.invoice.amount_due_minor)
