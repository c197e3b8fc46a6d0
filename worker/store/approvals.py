"""What cases ask of people, and the people's yes to it (ports.ApprovalBook).

A question is the last decision of an open case; a yes is a row of `operator_acts` that waits until
the act that it is about answers it.
"""

from datetime import datetime

from sqlalchemy import Connection, bindparam, exists, insert, select, true

from worker.domain.case import Approval, CaseState, Question, question_from
from worker.domain.engine_person import RULE
from worker.store.operator_acts import part_of, waits
from worker.store.tables import cases, decisions, operator_acts
from worker.store.waiting_acts import APPROVE

_GOES_BY = (
    select(operator_acts.c.id, operator_acts.c.by, operator_acts.c.detail)
    .where(
        operator_acts.c.case_id == bindparam("case"),
        operator_acts.c.act == APPROVE,
        operator_acts.c.answer == bindparam("done"),
    )
    .limit(1)
)
_LAST_DECISION = (
    select(decisions.c.rule, decisions.c.inputs)
    .where(decisions.c.case_id == bindparam("case"))
    .order_by(decisions.c.id.desc())
    .limit(1)
)


class Approvals:
    """The approvals of one account's cases, within one transaction."""

    def __init__(self, connection: Connection, account_id: str) -> None:
        """Work on *connection*, for *account_id*."""
        self._connection = connection
        self._account = account_id

    def approve(
        self,
        case_id: int,
        question: Question,
        *,
        by: str,
        reason: str,
        now: datetime,
        run: int | None = None,
    ) -> bool:
        """Record a person's yes to what the case asked; False where one already waits."""
        if waits(self._connection, case_id, APPROVE):
            return False
        self._connection.execute(
            insert(operator_acts).values(
                account_id=self._account,
                case_id=case_id,
                act=APPROVE,
                by=by,
                reason=reason,
                detail={**question.as_inputs(), **part_of(run)},
                at=now,
            )
        )
        return True

    def asked(self, case_id: int) -> Question | None:
        """Return what the case waits for a person to decide, or None where it does not."""
        last = self._connection.execute(_LAST_DECISION, {"case": case_id}).one_or_none()
        return question_from(last.inputs) if last is not None and last.rule == RULE else None

    def all_asked(self) -> list[tuple[int, Question]]:
        """Return every case that waits for a person to decide, with what it asks, by number."""
        return questions(self._connection, self._account)


def attempt_answer(no: int) -> str:
    """Return the answer to a wish or an approval that attempt *no* carries out."""
    return f"attempt {no}"


def questions(connection: Connection, account_id: str) -> list[tuple[int, Question]]:
    """Return every open case that waits for a person to decide, with what it asks, by number.

    One that is approved and waits for the worker is not among them.
    """
    last = (
        select(decisions.c.rule, decisions.c.inputs)
        .where(decisions.c.case_id == cases.c.id)
        .order_by(decisions.c.id.desc())
        .limit(1)
        .lateral()
    )
    approved = exists().where(
        operator_acts.c.case_id == cases.c.id,
        operator_acts.c.act == APPROVE,
        operator_acts.c.answered_at.is_(None),
    )
    query = (
        select(cases.c.id, last.c.inputs)
        .join(last, true())
        .where(
            cases.c.account_id == account_id,
            cases.c.state == CaseState.OPEN.value,
            last.c.rule == RULE,
            ~approved,
        )
        .order_by(cases.c.id)
    )
    return [(row.id, question_from(row.inputs)) for row in connection.execute(query)]


def approval_behind(connection: Connection, case_id: int, attempt_no: int) -> Approval | None:
    """Return the yes that an attempt carries out, or None where it needed none."""
    asked = {"case": case_id, "done": attempt_answer(attempt_no)}
    row = connection.execute(_GOES_BY, asked).one_or_none()
    return None if row is None else Approval(row.id, row.by, question_from(row.detail))
