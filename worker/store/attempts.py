"""Attempts: the intent before the call, the outcome after it (ports.AttemptBook)."""

from collections.abc import Iterable, Sequence
from dataclasses import asdict
from datetime import datetime

from psycopg.errors import UniqueViolation
from sqlalchemy import (
    ColumnElement,
    Connection,
    and_,
    case,
    func,
    insert,
    literal,
    select,
    text,
    update,
)
from sqlalchemy.exc import IntegrityError

from worker.domain.breaker import History, Recent
from worker.domain.case import Attempt, AttemptState, Case
from worker.domain.readings import DeclineSignals
from worker.ports import Used
from worker.store.charge_counts import charges_before, recent_charges
from worker.store.tables import attempts, last_asked_at, never_made

_MAY_COST = attempts.c.state.not_in((AttemptState.DECLINED.value, AttemptState.ABANDONED.value))
"""What was charged, or may turn out to be."""


def lock(connection: Connection, name: str) -> None:
    """Wait until no other transaction has the lock called *name*, and keep it to the end."""
    asked = text("SELECT pg_advisory_xact_lock(hashtext(:name))")
    connection.execute(asked, {"name": name})


def _is_first_answer(state: AttemptState) -> ColumnElement[bool]:
    """What came out of SENDING reached Stripe, but for what is given up."""
    made = state is not AttemptState.ABANDONED
    return and_(attempts.c.state == AttemptState.SENDING.value, literal(made))


class Attempts:
    """The attempts of one account, within one transaction."""

    def __init__(self, connection: Connection, account_id: str) -> None:
        """Work on *connection*, for *account_id*."""
        self._connection = connection
        self._account = account_id

    def start(self, found: Case, attempt: Attempt, *, asked_at: datetime) -> bool:
        """Write the intent; False where the database says another one is in flight."""
        savepoint = self._connection.begin_nested()
        try:
            self._connection.execute(
                insert(attempts).values(
                    account_id=self._account,
                    case_id=found.id,
                    invoice_id=found.invoice_id,
                    customer_id=found.customer_id,
                    no=attempt.no,
                    kind=attempt.kind.value,
                    step=attempt.step,
                    key=attempt.key,
                    state=attempt.state.value,
                    payment_method_id=attempt.payment_method_id,
                    amount_minor=attempt.amount_minor,
                    currency=attempt.currency,
                    sent_at=attempt.sent_at,
                    first_sent_at=attempt.first_sent_at,
                    last_sent_at=attempt.first_sent_at,
                    asked_at=asked_at,
                )
            )
        except IntegrityError as refused:
            savepoint.rollback()
            if not isinstance(refused.orig, UniqueViolation):
                raise
            return False
        savepoint.commit()
        return True

    def resend(self, found: Case, no: int, *, asked_at: datetime, wall_now: datetime) -> None:
        """Count one more send of the same attempt."""
        again = {"sends": attempts.c.sends + 1, "last_sent_at": wall_now, "asked_at": asked_at}
        self._connection.execute(update(attempts).where(self._one(found, no)).values(again))

    def settle(
        self,
        found: Case,
        no: int,
        state: AttemptState,
        *,
        now: datetime,
        decline_class: str = "",
        decline_code: str = "",
        charge_id: str = "",
        answer_code: str = "",
        request_id: str = "",
        reached_at: datetime | None = None,
        signals: DeclineSignals | None = None,
    ) -> None:
        """Write what an attempt came to; PROCESSING is not yet the end.

        What an earlier answer told, as a debit's charge while it was under way, stays, and so does
        by when it had reached Stripe.
        """
        told: dict[str, object] = {
            "decline_class": decline_class,
            "decline_code": decline_code,
            "charge_id": charge_id,
            "answer_code": answer_code,
            "request_id": request_id,
            "signals": asdict(signals) if signals is not None else {},
        }
        self._connection.execute(
            update(attempts)
            .where(self._one(found, no))
            .values(
                state=state.value,
                settled_at=None if state is AttemptState.PROCESSING else now,
                reached_at=case(
                    (_is_first_answer(state), reached_at or now), else_=attempts.c.reached_at
                ),
                **{name: value for name, value in told.items() if value},
            )
        )

    def _one(self, found: Case, no: int) -> ColumnElement[bool]:
        return and_(
            attempts.c.account_id == self._account,
            attempts.c.invoice_id == found.invoice_id,
            attempts.c.no == no,
        )

    def asked_since(
        self,
        kinds: Sequence[str],
        *,
        since: datetime,
        currency: str = "",
        but_key: str = "",
        held_since: datetime | None = None,
    ) -> Used:
        """Count attempts of *kinds*; the lock makes concurrent callers exact.

        A charge given up without an answer counts: it may have been carried out, and declined.

        It is asked for in a statement of its own, since under READ COMMITTED each statement sees
        what was committed before it began: the count sees what was written under the lock.
        """
        lock(self._connection, f"{self._account}:{'+'.join(sorted(kinds))}")
        asked, earliest = last_asked_at > since, min(since, held_since or since)
        held = and_(last_asked_at <= since, attempts.c.state == AttemptState.SENDING.value)
        amount = func.sum(attempts.c.amount_minor)
        row = self._connection.execute(
            select(
                func.count().filter(asked),
                func.min(last_asked_at).filter(asked),
                func.coalesce(amount.filter(asked, _MAY_COST), 0),
                func.count().filter(held),
                func.coalesce(amount.filter(held), 0),
            ).where(
                attempts.c.account_id == self._account,
                attempts.c.kind.in_(list(kinds)),
                last_asked_at > earliest,
                ~never_made,
                attempts.c.key != but_key,
                *([attempts.c.currency == currency] if currency else []),
            )
        ).one()
        return Used(row[0], row[1], int(row[2]), row[3], int(row[4]))

    def unanswered(self, found: Case, no: int, *, now: datetime) -> None:
        """Remember that Stripe did not answer an attempt; the first time stays."""
        first = func.coalesce(attempts.c.unknown_at, now)
        statement = update(attempts).where(self._one(found, no)).values(unknown_at=first)
        self._connection.execute(statement)

    def cases_unanswered(self, keys: Iterable[str]) -> list[int]:
        """Return the cases whose request under one of *keys* Stripe left without an answer."""
        wanted = sorted(set(keys))
        if not wanted:
            return []
        query = select(attempts.c.case_id).where(
            attempts.c.key.in_(wanted),
            attempts.c.state == AttemptState.SENDING.value,
            attempts.c.unknown_at.isnot(None),
        )
        return list(self._connection.execute(query).scalars())

    def charges_since(self, since: datetime) -> Recent:
        """Return what became of the charges sent since an instant, as the breaker asks."""
        return recent_charges(self._connection, self._account, since)

    def charges_before(self, at: datetime, *, codes: Iterable[str]) -> History:
        """Return the charges of the 30 days before an instant, and which of *codes* they had."""
        return charges_before(self._connection, self._account, at, codes=codes)

    def unknown_keys(self, keys: Iterable[str]) -> list[str]:
        """Return those keys that no attempt of this ledger has."""
        wanted = set(keys)
        if not wanted:
            return []
        known = self._connection.execute(
            select(attempts.c.key).where(attempts.c.key.in_(sorted(wanted)))
        ).scalars()
        return sorted(wanted - set(known))
