"""Queue letters of a case: when they may go out, and the occasion that makes them unique."""

from collections.abc import Sequence

from worker.domain.decisions import Decision, Write
from worker.domain.engine_queued_letter import A_LATER_ONE
from worker.domain.facts import Fact
from worker.domain.identifiers import message_id, step_occasion
from worker.domain.timetable import next_open
from worker.ports import CaseChange, LetterTask, NewLetter, Tx
from worker.services.case_facts import case_fact
from worker.services.case_turn import Turn
from worker.services.permission import may_queue

CLOSING_STEP = "closing"
"""Step name of the letter that follows a case's end; `closing 2` follows its second end."""


def queue_case_letter(
    turn: Turn, decision: Decision, write: Write, *, news: Sequence[Fact]
) -> None:
    """Queue the letter of one step and record the step, in one commit; the case is due again.

    Where something was said against it since the decision, the case is looked at once more.
    """
    letter = _letter(turn, write.notice, write.step)

    def queue(tx: Tx) -> Sequence[Fact]:
        dropped = tx.letters.suppress_queued(turn.case.id, reason=A_LATER_ONE)
        told = [suppressed_fact(turn, old, A_LATER_ONE) for old in dropped]
        tx.cases.record_step(
            turn.case.id, write.step, done=True, at=turn.now, reason=f"letter {write.notice}"
        )
        if tx.letters.queue(letter, now=turn.now) is not None:
            told.append(queued_fact(turn, letter))
        return told

    turn.finish(
        CaseChange(owner=decision.owner, next_action_at=turn.now),
        decision=decision,
        facts=news,
        also=queue,
        unless=lambda tx: may_queue(tx, turn, turn.fence(tx)).later(turn.now),
    )


def closing_letter(turn: Turn, notice: str) -> NewLetter:
    """Return the letter that tells the customer how the case came out.

    A case that was closed, reopened and closed again has something to tell once more.
    """
    told = sum(1 for one in turn.case.letters if one.step.startswith(CLOSING_STEP))
    return _letter(turn, notice, f"{CLOSING_STEP} {told + 1}" if told else CLOSING_STEP)


def _letter(turn: Turn, notice: str, step: str) -> NewLetter:
    ports, case = turn.ports, turn.case
    rules = ports.configuration.notices
    send_at = next_open(
        turn.now,
        ports.letters.zone_of(turn.invoice.customer),
        rules.quiet.send_between,
        weekdays_only=rules.quiet.weekdays_only,
    )
    final = step == turn.policy.ending.final_letter_step
    occasion = step_occasion(case.id, step)
    return NewLetter(
        notice=notice,
        customer_id=case.customer_id,
        occasions=(occasion,),
        message_id=message_id(ports.ledger.account_id, occasion, rules.sender.from_address),
        send_at=send_at,
        send_by=None if final else send_at + rules.send_within,
        case_id=case.id,
        step=step,
        subscription_id=case.subscription_id,
        invoice_id=case.invoice_id,
    )


def queued_fact(turn: Turn, letter: NewLetter) -> Fact:
    """Return `notice.queued`."""
    return case_fact(
        turn.case,
        "notice.queued",
        at=turn.now,
        occasion=letter.step,
        data={
            "notice": letter.notice,
            "step": letter.step,
            "next_action_at": letter.send_at.isoformat(),
        },
    )


def suppressed_fact(turn: Turn, letter: LetterTask, reason: str) -> Fact:
    """Return `notice.suppressed` for a letter that will not go out."""
    return case_fact(
        turn.case,
        "notice.suppressed",
        at=turn.now,
        occasion=letter.step,
        data={"notice": letter.notice, "step": letter.step, "reason": reason},
    )
