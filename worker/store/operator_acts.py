"""What people asked for: who, why and when, and what became of it."""

from collections.abc import Mapping
from datetime import datetime

from sqlalchemy import Connection, bindparam, exists, insert, select, update

from worker.domain.case import CaseState, CloseRequest, RetryRequest
from worker.store.tables import cases, operator_acts

RETRY = "retry"
CLOSE = "close"


_WAITING = (
    select(operator_acts.c.id, operator_acts.c.by, operator_acts.c.reason, operator_acts.c.at)
    .where(
        operator_acts.c.case_id == bindparam("case"),
        operator_acts.c.act == bindparam("act"),
        operator_acts.c.answered_at.is_(None),
    )
    .order_by(operator_acts.c.id)
    .limit(1)
)

_TO_BE_CLOSED = select(
    exists().where(
        operator_acts.c.case_id == bindparam("case"),
        operator_acts.c.act == CLOSE,
        operator_acts.c.answered_at.is_(None),
        cases.c.id == operator_acts.c.case_id,
        cases.c.state != CaseState.CLOSED.value,
    )
)


class OperatorActs:
    """The acts of people on cases of one account, within one transaction."""

    def __init__(self, connection: Connection, account_id: str) -> None:
        """Work on *connection*, for *account_id*."""
        self._connection = connection
        self._account = account_id

    def ask_retry(self, case_id: int, *, by: str, reason: str, now: datetime) -> int | None:
        """Record the wish for a charge and return its number; None where one already waits."""
        if waiting_retry(self._connection, case_id) is not None:
            return None
        return self._ask(RETRY, case_id, by=by, reason=reason, now=now)

    def ask_close(self, case_id: int, *, by: str, reason: str, now: datetime) -> int | None:
        """Record the wish that a case is closed; None where one already waits."""
        if self.close_is_asked(case_id):
            return None
        return self._ask(CLOSE, case_id, by=by, reason=reason, now=now)

    def close_is_asked(self, case_id: int) -> bool:
        """Return whether a person wishes that the case is closed; False once it is closed."""
        return bool(self._connection.execute(_TO_BE_CLOSED, {"case": case_id}).scalar_one())

    def _ask(self, act: str, case_id: int, *, by: str, reason: str, now: datetime) -> int:
        row = {"case_id": case_id, "act": act, "by": by, "reason": reason, "at": now}
        number: int = self._connection.execute(
            insert(operator_acts)
            .values(account_id=self._account, **row)
            .returning(operator_acts.c.id)
        ).scalar_one()
        return number

    def record(
        self,
        case_id: int,
        act: str,
        *,
        by: str,
        reason: str,
        detail: Mapping[str, object],
        now: datetime,
    ) -> None:
        """Keep an act that is done: nobody waits for an answer to it."""
        self._connection.execute(
            insert(operator_acts).values(
                account_id=self._account,
                case_id=case_id,
                act=act,
                by=by,
                reason=reason,
                detail=dict(detail),
                at=now,
                answered_at=now,
                answer="done",
            )
        )

    def answer(self, act_id: int, *, answer: str, now: datetime) -> None:
        """Record what became of an act; the first answer stays."""
        self._connection.execute(
            update(operator_acts)
            .where(operator_acts.c.id == act_id, operator_acts.c.answered_at.is_(None))
            .values(answered_at=now, answer=answer)
        )


def waiting_retry(connection: Connection, case_id: int) -> RetryRequest | None:
    """Return the oldest wish for a charge of a case that nobody answered yet."""
    row = connection.execute(_WAITING, {"case": case_id, "act": RETRY}).one_or_none()
    return None if row is None else RetryRequest(row.id, row.by, row.reason, row.at)


def waiting_close(connection: Connection, case_id: int) -> CloseRequest | None:
    """Return the oldest wish that a case is closed that nobody answered yet."""
    row = connection.execute(_WAITING, {"case": case_id, "act": CLOSE}).one_or_none()
    return None if row is None else CloseRequest(row.id, row.by, row.reason)
