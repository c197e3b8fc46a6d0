"""Cases: claims by lease, wake-ups, and the one commit that ends a decision (ports.CaseBook)."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta

from sqlalchemy import (
    BigInteger,
    ColumnElement,
    Connection,
    RowMapping,
    and_,
    bindparam,
    case,
    func,
    or_,
    select,
    true,
    update,
)
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.dialects.postgresql import insert as upsert

from worker.domain.case import Case, CaseState, Surroundings
from worker.domain.decisions import Decision, Skip
from worker.domain.engine_truth import RECOVERED_LATE_WITHIN
from worker.domain.readings import InvoiceReading
from worker.domain.transitions import check_move
from worker.ports import CaseChange, NewCase
from worker.store.around import surroundings_of
from worker.store.case_decisions import write_decision
from worker.store.case_opening import open_row
from worker.store.case_shift import after_stop, counting_anew, going_on, stop_in_force
from worker.store.rows import attempt_of, case_of, failure_to_json, letter_of, step_of
from worker.store.sent_invoices import not_due
from worker.store.tables import attempts, cases, letters, steps

REQUEST_LEASE = timedelta(seconds=100)
"""What a request needs from the fence on: window 60 + charge 25 seconds, with room."""

LATE_AFTER = timedelta(minutes=15)
"""A case that is due for longer than this is late."""

_UNFINISHED = cases.c.state != CaseState.CLOSED.value

# Asked at every look. A statement that is built once costs half of one that is built each time.
_CASE = select(cases).where(
    cases.c.account_id == bindparam("account"), cases.c.id == bindparam("case")
)
_CLAIM = (
    update(cases)
    .where(
        cases.c.account_id == bindparam("account"),
        cases.c.id == bindparam("case"),
        cases.c.next_action_at <= bindparam("now"),
        or_(cases.c.lease_until.is_(None), cases.c.lease_until < bindparam("wall_now")),
    )
    .values(lease_token=bindparam("token"), lease_until=bindparam("until"), dispatched_until=None)
    .returning(cases)
)
_ATTEMPTS = select(attempts).where(attempts.c.case_id == bindparam("case")).order_by(attempts.c.no)
_STEPS = select(steps).where(steps.c.case_id == bindparam("case")).order_by(steps.c.at)
_LETTERS = (
    select(letters.c.id, letters.c.step, letters.c.notice, letters.c.state, letters.c.sent_at)
    .where(letters.c.case_id == bindparam("case"))
    .order_by(letters.c.id)
)


class Cases:
    """The cases of one account, within one transaction."""

    def __init__(self, connection: Connection, account_id: str) -> None:
        """Work on *connection*, for *account_id*."""
        self._connection = connection
        self._account = account_id

    def open(self, new: NewCase, *, now: datetime) -> int | None:
        """Open a case, or return None where the invoice already has one."""
        return open_row(self._connection, self._account, new, now=now)

    def take_due(
        self, *, now: datetime, wall_now: datetime, limit: int, dispatch: timedelta
    ) -> list[int]:
        """Mark due cases as dispatched and return their numbers, oldest first."""
        due = (
            select(cases.c.id)
            .where(
                cases.c.account_id == self._account,
                cases.c.next_action_at <= now,
                or_(cases.c.dispatched_until.is_(None), cases.c.dispatched_until < wall_now),
                or_(cases.c.lease_until.is_(None), cases.c.lease_until < wall_now),
            )
            .order_by(cases.c.next_action_at, cases.c.id)
            .limit(limit)
            .with_for_update(skip_locked=True)
        )
        ids = list(self._connection.execute(due).scalars())
        if ids:
            self._connection.execute(
                update(cases)
                .where(cases.c.id.in_(ids))
                .values(dispatched_until=wall_now + dispatch)
            )
        return ids

    def claim(
        self, case_id: int, *, now: datetime, wall_now: datetime, token: str, lease: timedelta
    ) -> Case | None:
        """Lease a due case to *token* and return it."""
        asked = {
            "account": self._account,
            "case": case_id,
            "now": now,
            "wall_now": wall_now,
            "token": token,
            "until": wall_now + lease,
        }
        row = self._connection.execute(_CLAIM, asked).mappings().one_or_none()
        return self._whole(row) if row is not None else None

    def of_invoice(self, invoice_id: str) -> Case | None:
        """Lock the case of an invoice and return it, or None where it has none."""
        ids = self._lock(cases.c.invoice_id == invoice_id)
        return self.load(ids[0]) if ids else None

    def load(self, case_id: int, *, lock: bool = False) -> Case | None:
        """Return a case as it stands; *lock* lets nobody change it before the commit."""
        row = self._row(case_id, lock=lock)
        return self._whole(row) if row is not None else None

    def hold_lease(self, case_id: int, *, token: str, wall_now: datetime) -> Case | None:
        """Lock the row and return the case while the lease is ours: the fence before money."""
        row = self._row(case_id, lock=True)
        if row is None or row["lease_token"] != token or row["lease_until"] <= wall_now:
            return None
        # Reads that were repeated may have used the lease up; nobody takes over in mid-request.
        needed = func.greatest(cases.c.lease_until, wall_now + REQUEST_LEASE)
        self._connection.execute(
            update(cases).where(cases.c.id == case_id).values(lease_until=needed)
        )
        return self._whole(row)

    def _row(self, case_id: int, *, lock: bool) -> RowMapping | None:
        query = _CASE.with_for_update() if lock else _CASE
        asked = {"account": self._account, "case": case_id}
        return self._connection.execute(query, asked).mappings().one_or_none()

    def _whole(self, row: RowMapping) -> Case:
        read = self._connection.execute
        case_id = {"case": row["id"]}
        found_attempts = read(_ATTEMPTS, case_id).mappings()
        found_steps = read(_STEPS, case_id).mappings()
        found_letters = read(_LETTERS, case_id).mappings()
        return case_of(
            row,
            attempts=tuple(attempt_of(r) for r in found_attempts),
            steps=tuple(step_of(r) for r in found_steps),
            letters=tuple(letter_of(r) for r in found_letters),
        )

    def finish(self, found: Case, change: CaseChange, *, token: str, now: datetime) -> bool:
        """Apply *change* and give the lease back, if it is still ours.

        A closing case wakes the others of its subscription in the same transaction, and a charge
        that is over those of its customer, so all of them are locked here first, by id: two that
        finish at once would wait for each other.
        """
        if change.state is not None:
            check_move(found.state, change.state)
        theirs = []
        if change.charge_is_over:
            theirs.append(and_(cases.c.customer_id == found.customer_id, _UNFINISHED))
        if change.state is CaseState.CLOSED and found.subscription_id:
            theirs.append(cases.c.subscription_id == found.subscription_id)
        others = [n for n in self._lock(or_(*theirs)) if n != found.id] if theirs else []
        moves = change.goes_on or change.reopened
        stopped_at = stop_in_force(self._connection, self._account) if moves else None
        values = _changed_columns(change, now, stopped_at)
        values["next_action_at"] = case(
            (cases.c.wake_seq == found.wake_seq, change.next_action_at), else_=now
        )
        statement = (
            update(cases)
            .where(cases.c.id == found.id, cases.c.lease_token == token)
            .values(
                next_step=change.next_step,
                waits_for=change.waits_for,
                lease_token=None,
                lease_until=None,
                dispatched_until=None,
                **values,
            )
        )
        ours = self._connection.execute(statement).rowcount == 1
        if ours and change.charge_is_over:
            self._change(others, _woken(now))
        return ours

    def hand_back(
        self,
        case_id: int,
        *,
        token: str,
        retry_at: datetime,
        wake_seq: int | None = None,
        paused_until: datetime | None = None,
        waits_for: str = "",
    ) -> None:
        """Give the lease back without having done anything."""
        next_at: object = retry_at
        if wake_seq is not None:
            as_woken = cases.c.next_action_at
            next_at = case((cases.c.wake_seq == wake_seq, retry_at), else_=as_woken)
        self._connection.execute(
            update(cases)
            .where(cases.c.id == case_id, cases.c.lease_token == token)
            .values(
                lease_token=None,
                lease_until=None,
                dispatched_until=paused_until,
                next_action_at=next_at,
                **({"waits_for": waits_for} if waits_for else {}),
            )
        )

    def wake(
        self,
        *,
        now: datetime,
        invoice_ids: Iterable[str] = (),
        subscription_ids: Iterable[str] = (),
        customer_ids: Iterable[str] = (),
        disputing_ids: Iterable[str] = (),
        case_ids: Iterable[int] = (),
        not_case: int | None = None,
    ) -> int:
        """Make the matching cases due and raise their wake_seq."""
        at_rest = and_(~_UNFINISHED, cases.c.closed_at < now - RECOVERED_LATE_WITHIN)
        conditions = [
            and_(column.in_(sorted(wanted)), ~at_rest if recent else true())
            for column, wanted, recent in (
                (cases.c.invoice_id, set(invoice_ids), False),
                (cases.c.subscription_id, set(subscription_ids) - {""}, True),
                (cases.c.customer_id, set(customer_ids) - {""}, True),
                (cases.c.customer_id, set(disputing_ids) - {""}, False),
                (cases.c.id, set(case_ids), False),
            )
            if wanted
        ]
        if not conditions:
            return 0
        ids = [found for found in self._lock(or_(*conditions)) if found != not_case]
        return self._change(ids, _woken(now))

    def wake_for_comparison(self, *, now: datetime) -> int:
        """Make every case due that is not closed, or was not for long."""
        lately = cases.c.closed_at >= now - RECOVERED_LATE_WITHIN
        return self._change(self._lock(or_(_UNFINISHED, lately)), _woken(now))

    def resume_all(self, *, now: datetime, stopped_at: datetime) -> int:
        """Move undone steps of open cases later by the length of the stop, and make them due."""
        moved = {"shift": after_stop(now=now, stopped_at=stopped_at), **_woken(now)}
        return self._change(self._lock(_UNFINISHED), moved)

    def move_later(self, case_id: int, *, by: timedelta, now: datetime) -> None:
        """Move what is undone of a case and its ending later, and make it due."""
        moved = {"shift": cases.c.shift + by, **_woken(now)}
        self._change(self._lock(cases.c.id == case_id), moved)

    def _lock(self, condition: ColumnElement[bool]) -> list[int]:
        """Lock the matching cases in the order of their ids, as everybody does, and return them."""
        chosen = (
            select(cases.c.id)
            .where(cases.c.account_id == self._account, condition)
            .order_by(cases.c.id)
            .with_for_update()
        )
        return list(self._connection.execute(chosen).scalars())

    def _change(self, ids: Sequence[int], values: Mapping[str, object]) -> int:
        if ids:
            chosen = cases.c.id == func.any(bindparam("ids", ids, ARRAY(BigInteger)))
            self._connection.execute(update(cases).where(chosen).values(values))
        return len(ids)

    def surroundings(
        self, found: Case, invoice: InvoiceReading, *, now: datetime, wall_now: datetime
    ) -> Surroundings:
        """Return what the ledger knows around a case."""
        return surroundings_of(
            self._connection, self._account, found, invoice, now=now, wall_now=wall_now
        )

    def following(self, found: Case) -> list[str]:
        """Return the invoices of the open cases that a case leads, oldest first."""
        if not found.subscription_id:
            return []
        query = (
            select(cases.c.invoice_id)
            .where(
                cases.c.account_id == self._account,
                cases.c.subscription_id == found.subscription_id,
                cases.c.state == CaseState.OPEN.value,
                cases.c.id != found.id,
            )
            .order_by(cases.c.failed_at, cases.c.id)
        )
        return list(self._connection.execute(query).scalars())

    def counts(self, *, now: datetime) -> dict[str, int]:
        """Return how many cases are in each state, `not_due`, `due`, and `late`: for 15 minutes."""
        state = case((not_due(now), "not_due"), else_=cases.c.state).label("standing")
        next_at = cases.c.next_action_at
        late, due = next_at < now - LATE_AFTER, next_at <= now
        rows = self._connection.execute(
            select(state, func.count(), func.count().filter(due), func.count().filter(late))
            .where(cases.c.account_id == self._account)
            .group_by(state)
        ).all()
        found = {row[0]: row[1] for row in rows}
        return found | {"due": sum(row[2] for row in rows), "late": sum(row[3] for row in rows)}

    def oldest_due_at(self) -> datetime | None:
        """Return the earliest instant at which a case is due, or None."""
        return self._connection.execute(
            select(func.min(cases.c.next_action_at)).where(cases.c.account_id == self._account)
        ).scalar_one_or_none()

    def record_step(
        self, case_id: int, step: str, *, done: bool, at: datetime, reason: str
    ) -> None:
        """Record what became of a step; the first record stays."""
        self._connection.execute(
            upsert(steps)
            .values(case_id=case_id, step=step, done=done, at=at, reason=reason)
            .on_conflict_do_nothing()
        )

    def record_skips(self, case_id: int, skips: Sequence[Skip], *, at: datetime) -> None:
        """Record steps that will not be done."""
        for skip in skips:
            self.record_step(case_id, skip.step, done=False, at=at, reason=skip.reason)

    def record_decision(self, case_id: int, decision: Decision, *, at: datetime) -> None:
        """Keep the decision, unless it says what the last one said."""
        write_decision(self._connection, case_id, decision, at=at)


def _woken(now: datetime) -> dict[str, object]:
    return {
        "wake_seq": cases.c.wake_seq + 1,
        "next_action_at": func.least(func.coalesce(cases.c.next_action_at, now), now),
    }


def _changed_columns(
    change: CaseChange, now: datetime, stopped_at: datetime | None
) -> dict[str, object]:
    values: dict[str, object] = {
        "state": change.state,
        "outcome": change.outcome,
        "reason": change.reason,
        "owner": change.owner,
        "action_required_at": change.action_required_at,
        "closed_at": change.closed_at,
        "due_at": change.due_at,
        "recovered_by": change.recovered_by,
    }
    values = {name: value for name, value in values.items() if value is not None}
    if change.failure is not None:
        values["failure"] = failure_to_json(change.failure)
    if change.stands_down:
        values["stood_down_at"] = func.coalesce(cases.c.stood_down_at, now)
    if change.goes_on:
        values |= {"shift": going_on(now=now, stopped_at=stopped_at), "stood_down_at": None}
    if change.reopened:
        values |= {"outcome": None, "closed_at": None, "recovered_by": None}
        if not change.goes_on:
            # The rest of the timeline counts anew.
            values["shift"] = counting_anew(now=now, stopped_at=stopped_at)
    return values
