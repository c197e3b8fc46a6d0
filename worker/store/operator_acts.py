"""What people asked for: who, why and when, and what became of it.

An act on many cases is a row of its own without a case; it names the cases chosen at its beginning,
and what it did to each of them names it.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime

from sqlalchemy import Connection, bindparam, exists, insert, select, text, update

from worker.domain.case import CaseState
from worker.ports import BulkRun
from worker.store.tables import cases, operator_acts
from worker.store.waiting_acts import CLOSE, RETRY

MANY = "many:"
"""What the act of a row about many cases begins with."""

RUN = "run"
"""Key of an act's detail: the run that it is part of."""

_WAITS = select(
    exists().where(
        operator_acts.c.case_id == bindparam("case"),
        operator_acts.c.act == bindparam("act"),
        operator_acts.c.answered_at.is_(None),
    )
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

    def ask_retry(
        self, case_id: int, *, by: str, reason: str, now: datetime, run: int | None = None
    ) -> int | None:
        """Record the wish for a charge and return its number; None where one already waits."""
        if waits(self._connection, case_id, RETRY):
            return None
        return self._ask(RETRY, case_id, part_of(run), by=by, reason=reason, now=now)

    def ask_close(
        self, case_id: int, *, by: str, reason: str, now: datetime, run: int | None = None
    ) -> int | None:
        """Record the wish that a case is closed; None where one already waits."""
        if self.close_is_asked(case_id):
            return None
        return self._ask(CLOSE, case_id, part_of(run), by=by, reason=reason, now=now)

    def close_is_asked(self, case_id: int) -> bool:
        """Return whether a person wishes that the case is closed; False once it is closed."""
        return bool(self._connection.execute(_TO_BE_CLOSED, {"case": case_id}).scalar_one())

    def begin_run(
        self,
        act: str,
        key: str,
        case_ids: Sequence[int],
        *,
        by: str,
        reason: str,
        now: datetime,
        not_before: datetime,
    ) -> BulkRun:
        """Return the unfinished run of the same key since *not_before*, else begin one."""
        self._connection.execute(
            text("SELECT pg_advisory_xact_lock(hashtext(:name))"),
            {"name": f"{self._account}:{MANY}"},
        )
        found = self.unfinished_run(act, key, not_before=not_before)
        if found is not None:
            return found
        detail = {"key": key, "cases": list(case_ids)}
        number = self._ask(f"{MANY}{act}", None, detail, by=by, reason=reason, now=now)
        return BulkRun(number, tuple(case_ids), now)

    def unfinished_run(self, act: str, key: str, *, not_before: datetime) -> BulkRun | None:
        """Return the newest run of that key that began since *not_before* and is not over."""
        query = (
            select(operator_acts.c.id, operator_acts.c.at, operator_acts.c.detail)
            .where(
                operator_acts.c.account_id == self._account,
                operator_acts.c.case_id.is_(None),
                operator_acts.c.answered_at.is_(None),
                operator_acts.c.act == f"{MANY}{act}",
                operator_acts.c.detail["key"].astext == key,
                operator_acts.c.at >= not_before,
            )
            .order_by(operator_acts.c.id.desc())
            .limit(1)
        )
        row = self._connection.execute(query).one_or_none()
        if row is None:
            return None
        return BulkRun(row.id, tuple(row.detail["cases"]), row.at, self._done_in(row.id))

    def _done_in(self, run: int) -> frozenset[int]:
        query = select(operator_acts.c.case_id).where(
            operator_acts.c.account_id == self._account,
            operator_acts.c.case_id.is_not(None),
            operator_acts.c.detail[RUN].as_integer() == run,
        )
        return frozenset(self._connection.execute(query).scalars())

    def is_done_in(self, run: int, case_id: int) -> bool:
        """Return whether the run has done its act to this case."""
        query = select(operator_acts.c.id).where(
            operator_acts.c.case_id == case_id,
            operator_acts.c.detail[RUN].as_integer() == run,
        )
        return self._connection.execute(query.limit(1)).first() is not None

    def _ask(
        self,
        act: str,
        case_id: int | None,
        detail: Mapping[str, object],
        *,
        by: str,
        reason: str,
        now: datetime,
    ) -> int:
        row = {"case_id": case_id, "act": act, "by": by, "reason": reason, "at": now}
        number: int = self._connection.execute(
            insert(operator_acts)
            .values(account_id=self._account, detail=dict(detail), **row)
            .returning(operator_acts.c.id)
        ).scalar_one()
        return number

    def record(
        self,
        case_id: int | None,
        act: str,
        *,
        by: str,
        reason: str,
        detail: Mapping[str, object],
        now: datetime,
        run: int | None = None,
    ) -> None:
        """Keep an act that is done: nobody waits for an answer to it."""
        self._connection.execute(
            insert(operator_acts).values(
                account_id=self._account,
                case_id=case_id,
                act=act,
                by=by,
                reason=reason,
                detail={**detail, **part_of(run)},
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

    def answer_close(self, case_id: int, *, answer: str, now: datetime) -> None:
        """Record what became of the wish that a case is closed, if one waits by now."""
        self._answer_waiting(CLOSE, case_id, answer=answer, now=now)

    def answer_retry(self, case_id: int, *, answer: str, now: datetime) -> None:
        """Record what became of the wish that a case is charged, if one waits by now."""
        self._answer_waiting(RETRY, case_id, answer=answer, now=now)

    def _answer_waiting(self, act: str, case_id: int, *, answer: str, now: datetime) -> None:
        self._connection.execute(
            update(operator_acts)
            .where(
                operator_acts.c.case_id == case_id,
                operator_acts.c.act == act,
                operator_acts.c.answered_at.is_(None),
            )
            .values(answered_at=now, answer=answer)
        )


def part_of(run: int | None) -> dict[str, object]:
    """Return what an act's detail says of the act on many cases that it is part of."""
    return {} if run is None else {RUN: run}


def waits(connection: Connection, case_id: int, act: str) -> bool:
    """Return whether an act on a case waits for its answer."""
    return bool(connection.execute(_WAITS, {"case": case_id, "act": act}).scalar_one())
