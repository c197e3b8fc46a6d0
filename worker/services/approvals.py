"""What a policy leaves to a person: the question is told, an approval is used once or is over.

An approval is a row that waits. The commit that writes the intent of its act answers it, so it
lets exactly one act happen; where the situation has changed, the engine ends it (engine_person).
"""

from collections.abc import Sequence
from datetime import datetime
from zoneinfo import ZoneInfo

from worker.domain.case import Attempt, AttemptKind, CaseState, Question, question_from
from worker.domain.decisions import Close, Decision
from worker.domain.engine_person import ENDING, RULE
from worker.domain.facts import Fact
from worker.domain.identifiers import case_name
from worker.domain.policy import Mode
from worker.domain.staff_words import StaffWords
from worker.errors import UsageError
from worker.ports import Clock, JobLog, Ledger, Tx
from worker.services.bulk_run import take_part
from worker.services.case_facts import case_fact
from worker.services.case_turn import CasePorts, Turn
from worker.services.operate import require_who_and_why

REMINDER = "person.decides"
"""The job log's line, and the first part of what makes it come once a day and case."""


def approve_act(
    case_id: int,
    *,
    ledger: Ledger,
    clock: Clock,
    now: datetime,
    by: str,
    reason: str,
    run: int | None = None,
) -> Question:
    """Record a person's yes to the one act that the case asked about, and return that act.

    Args: run: the act on many cases that this is part of. Raises: UsageError: no who or no why,
    nothing waits for a person, or it is approved already.
    """
    require_who_and_why(by, reason)
    name = case_name(case_id)
    with ledger.begin() as tx:
        tx.cases.wake(now=now, case_ids=[case_id])  # locks: of two approvals one is second
        take_part(tx, run, case_id)
        case, question = tx.cases.load(case_id), tx.approvals.asked(case_id)
        if case is None or case.state is not CaseState.OPEN or question is None:
            raise UsageError(f"Refused: nothing of {name} waits for you.")
        if not tx.approvals.approve(case_id, question, by=by, reason=reason, now=now, run=run):
            raise UsageError(f"Refused: {name} is approved already; it waits for the worker.")
        data = question.as_inputs() | {"by": by, "reason": StaffWords(reason)}
        fact = case_fact(case, "case.approved", at=now, occasion=_occasion(question), data=data)
        tx.facts.append([fact], wall_now=clock.wall_now())
    return question


def use_approval(tx: Tx, turn: Turn, attempt: Attempt) -> None:
    """Answer the approval that *attempt* goes by, in the commit that writes its intent.

    Args: turn: with the case as it was before the attempt.
    """
    approval = turn.around.approval
    if approval is None or approval.question.attempt_no != turn.case.next_asked_no:
        return
    if attempt.kind is AttemptKind.COUPON:
        return  # nobody is asked about an offer
    charges = attempt.kind is AttemptKind.CHARGE
    if charges == (approval.question.step != ENDING):
        tx.acts.answer(approval.id, answer=f"attempt {attempt.no}", now=turn.now)


def end_approval(tx: Tx, turn: Turn, close: Close, *, by_the_policy: bool) -> Sequence[Fact]:
    """Answer an approval that a close leaves behind: the end that was approved, or another one."""
    approval = turn.around.approval
    if approval is None:
        return []
    done = by_the_policy and approval.question.step == ENDING
    said = "done" if done else f"the case closed before: {close.reason}"
    if isinstance(close.reason, StaffWords):
        said = StaffWords(said)
    tx.acts.answer(approval.id, answer=said, now=turn.now)
    return [] if done else [_over(turn, approval.question, said)]


def asked_facts(turn: Turn, decision: Decision) -> list[Fact]:
    """Return `case.person_decides` where a decision asks a person; told once for each question."""
    if decision.rule != RULE:
        return []
    question = question_from(decision.inputs)
    data = question.as_inputs() | {"reason": decision.reason}
    occasion = _occasion(question)
    return [case_fact(turn.case, "case.person_decides", at=turn.now, occasion=occasion, data=data)]


def over_facts(turn: Turn, decision: Decision) -> list[Fact]:
    """Return `case.approval_over` where a decision ends one, else nothing."""
    approval = turn.around.approval
    if decision.rule != "approval_over" or approval is None:
        return []
    return [_over(turn, approval.question, decision.reason)]


def _over(turn: Turn, question: Question, said: str) -> Fact:
    data = question.as_inputs() | {"reason": said}
    occasion = f"{_occasion(question)}:{turn.now.isoformat()}"
    return case_fact(turn.case, "case.approval_over", at=turn.now, occasion=occasion, data=data)


def _occasion(question: Question) -> str:
    amount = f"{question.amount_minor}:{question.currency}"
    return f"{question.step}:{question.attempt_no}:{amount}"


def report_question(turn: Turn, decision: Decision) -> None:
    """Write the day's line where a decision asks a person."""
    ports = turn.ports
    rules = ports.configuration.dunning
    if decision.rule == RULE:
        remind(
            [(turn.case.id, question_from(decision.inputs))],
            ledger=ports.ledger,
            log=ports.log,
            zone=rules.office_zone,
            now=turn.now,
        )


def remind_of_questions(ports: CasePorts, *, now: datetime) -> None:
    """Write the day's line for every act that waits for a person, also long after it was asked."""
    with ports.ledger.begin() as tx:
        waiting = tx.approvals.all_asked()
    rules = ports.configuration.dunning
    if rules.mode is Mode.LIVE:  # others do nothing that a person could decide about
        remind(waiting, ledger=ports.ledger, log=ports.log, zone=rules.office_zone, now=now)


def remind(
    waiting: Sequence[tuple[int, Question]],
    *,
    ledger: Ledger,
    log: JobLog,
    zone: str,
    now: datetime,
) -> None:
    """Write one line for each question that was not told on this office day yet."""
    today = now.astimezone(ZoneInfo(zone)).date().isoformat()
    for case_id, question in waiting:
        name = case_name(case_id)
        with ledger.begin() as tx:
            first = tx.jobs.once(f"{REMINDER} {name}", today, now=now)
        if first:
            log.warning(
                "person.decides",
                case=name,
                step=question.step,
                amount_minor=question.amount_minor,
                currency=question.currency,
                business_at=now,
                do=f"dunning approve {name} --by --reason, or nothing: it waits",
            )
