"""The first cases of new policies (ports.CanaryBook).

Lock order: cases, a canary's lock, its row, letters. `canary_cases` has no foreign key, since its
check would lock a case's row after those.
"""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import (
    ColumnElement,
    Connection,
    RowMapping,
    and_,
    bindparam,
    exists,
    func,
    literal,
    or_,
    select,
    update,
)
from sqlalchemy.dialects.postgresql import insert as upsert

from worker.domain.canary import FIRST_CASES, MARK, Canary
from worker.domain.case import CaseState, LetterState
from worker.store.attempts import lock
from worker.store.config_tables import canaries, canary_cases
from worker.store.tables import cases, letters

_ACTED = (
    select(func.count())
    .where(
        canary_cases.c.account_id == canaries.c.account_id,
        canary_cases.c.digest == canaries.c.digest,
    )
    .scalar_subquery()
)
_COLUMNS = (canaries.c.digest, canaries.c.policy, _ACTED.label("acted"), canaries.c.filled_at)
_OF_POLICY = and_(
    canaries.c.account_id == cases.c.account_id,
    canaries.c.digest == cases.c.policy_digest,
    canaries.c.cleared_at.is_(None),
)
_IS_FIRST = exists().where(
    canary_cases.c.account_id == cases.c.account_id,
    canary_cases.c.digest == cases.c.policy_digest,
    canary_cases.c.case_id == cases.c.id,
)
_UNFINISHED = cases.c.state != CaseState.CLOSED.value
# Asked at every act. A statement that is built once costs half of one that is built each time.
_ONE = (cases.c.account_id == bindparam("account"), cases.c.id == bindparam("case"))
_BEFORE = select(*_COLUMNS).join(cases, _OF_POLICY).where(*_ONE, ~_IS_FIRST)
_JOIN = (
    upsert(canary_cases)
    .from_select(
        ["account_id", "digest", "case_id"],
        select(cases.c.account_id, canaries.c.digest, cases.c.id)
        .join(canaries, _OF_POLICY)
        .where(*_ONE),
    )
    .on_conflict_do_nothing()
    .returning(canary_cases.c.digest)
)


class Canaries:
    """The canaries of one account, within one transaction."""

    def __init__(self, connection: Connection, account_id: str) -> None:
        """Work on *connection*, for *account_id*."""
        self._connection = connection
        self._account = account_id

    def begin(self, digest: str, *, policy: str, now: datetime) -> None:
        """Begin the canary of a policy; one that was begun before stays as it is."""
        row = {"account_id": self._account, "digest": digest, "policy": policy, "begun_at": now}
        self._connection.execute(upsert(canaries).values(row).on_conflict_do_nothing())

    def before(self, case_id: int) -> Canary | None:
        """Return the canary that the case's policy has and the case is no part of yet, or None."""
        found = self._before(case_id)
        if found is None:
            return None
        lock(self._connection, f"{self._account}:canary:{found.digest}")
        return self._before(case_id)  # a statement of its own sees what was written under the lock

    def _before(self, case_id: int) -> Canary | None:
        asked = {"account": self._account, "case": case_id}
        row = self._connection.execute(_BEFORE, asked).mappings().one_or_none()
        return _canary_of(row) if row is not None else None

    def join(self, case_id: int, *, now: datetime) -> None:
        """Count a case among the first of its policy, now that it acts, if that has a canary."""
        asked = {"account": self._account, "case": case_id}
        digest = self._connection.execute(_JOIN, asked).scalar_one_or_none()
        if digest is None:
            return
        full = and_(canaries.c.filled_at.is_(None), _ACTED >= FIRST_CASES)
        self._connection.execute(
            update(canaries).where(self._uncleared(digest), full).values(filled_at=now)
        )

    def due_count(self, digest: str, *, now: datetime) -> int:
        """Return how many cases of a policy are due at *now* and not among the first."""
        query = select(func.count()).where(
            cases.c.account_id == self._account,
            cases.c.policy_digest == digest,
            cases.c.next_action_at <= now,
            ~_IS_FIRST,
        )
        return self._connection.execute(query).scalar_one()

    def clear(self, digest: str, *, by: str, now: datetime) -> bool:
        """End a canary; False where somebody did so before."""
        return bool(self._clear(self._uncleared(digest), by=by, now=now))

    def clear_all(self, *, by: str, now: datetime) -> list[Canary]:
        """End every canary, make all that waits for one due, and return them."""
        waiting = (
            select(cases.c.id)
            .join(canaries, _OF_POLICY)
            .where(cases.c.account_id == self._account, _UNFINISHED, ~_IS_FIRST)
            .order_by(cases.c.id)
            .with_for_update(of=cases)
        )
        ids = list(self._connection.execute(waiting).scalars())
        if ids:
            woken = {
                "wake_seq": cases.c.wake_seq + 1,
                "next_action_at": func.least(cases.c.next_action_at, now),
            }
            self._connection.execute(update(cases).where(cases.c.id.in_(ids)).values(woken))
        of_account = and_(canaries.c.account_id == self._account, canaries.c.cleared_at.is_(None))
        cleared = self._clear(of_account, by=by, now=now)
        self._connection.execute(
            update(letters)
            .where(
                letters.c.account_id == self._account,
                letters.c.state == LetterState.QUEUED.value,
                letters.c.waits_for.startswith(MARK),
            )
            .values(next_action_at=func.least(letters.c.next_action_at, now))
        )
        return cleared

    def _uncleared(self, digest: str) -> ColumnElement[bool]:
        return and_(
            canaries.c.account_id == self._account,
            canaries.c.digest == digest,
            canaries.c.cleared_at.is_(None),
        )

    def _clear(self, condition: ColumnElement[bool], *, by: str, now: datetime) -> list[Canary]:
        statement = (
            update(canaries)
            .where(condition)
            .values(cleared_at=now, cleared_by=by)
            .returning(*_COLUMNS)
        )
        return [_canary_of(row) for row in self._connection.execute(statement).mappings()]


@dataclass(frozen=True, slots=True)
class CanaryWait:
    """A canary and how many cases wait for it."""

    canary: Canary
    waiting: int

    def keeps_back(self, *, now: datetime, stopped: bool) -> bool:
        """Return whether other cases wait; while charging is stopped none clears by itself."""
        at = self.canary.clears_at
        return at is not None and (stopped or at > now)


def read_canaries(connection: Connection, account_id: str) -> list[CanaryWait]:
    """Return the canaries that are not cleared, oldest first. Read only."""
    mark = literal(MARK) + canaries.c.digest
    letter_waits = exists().where(
        letters.c.case_id == cases.c.id,
        letters.c.state == LetterState.QUEUED.value,
        letters.c.waits_for == mark,
    )
    waiting = (
        select(func.count())
        .where(
            cases.c.account_id == canaries.c.account_id,
            cases.c.policy_digest == canaries.c.digest,
            ~_IS_FIRST,
            or_(and_(_UNFINISHED, cases.c.waits_for == mark), letter_waits),
        )
        .correlate(canaries)
        .scalar_subquery()
    )
    query = (
        select(*_COLUMNS, waiting.label("waiting"))
        .where(canaries.c.account_id == account_id, canaries.c.cleared_at.is_(None))
        .order_by(canaries.c.begun_at, canaries.c.policy)
    )
    rows = connection.execute(query).mappings()
    return [CanaryWait(_canary_of(row), row["waiting"]) for row in rows]


def _canary_of(row: RowMapping) -> Canary:
    return Canary(row["digest"], row["policy"], row["acted"], row["filled_at"])
