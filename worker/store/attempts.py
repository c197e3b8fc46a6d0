"""Attempts: the intent before the call, the outcome after it (ports.AttemptBook)."""

from collections.abc import Iterable, Sequence
from datetime import datetime

from sqlalchemy import ColumnElement, Connection, and_, func, insert, select, text, update
from sqlalchemy.exc import IntegrityError

from worker.domain.case import Attempt, AttemptState, Case
from worker.store.tables import attempts


class Attempts:
    """The attempts of one account, within one transaction."""

    def __init__(self, connection: Connection, account_id: str) -> None:
        """Work on *connection*, for *account_id*."""
        self._connection = connection
        self._account = account_id

    def start(self, found: Case, attempt: Attempt) -> bool:
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
                )
            )
        except IntegrityError:
            savepoint.rollback()
            return False
        savepoint.commit()
        return True

    def resend(self, found: Case, no: int) -> None:
        """Count one more send of the same attempt."""
        self._connection.execute(
            update(attempts).where(self._one(found, no)).values(sends=attempts.c.sends + 1)
        )

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
    ) -> None:
        """Write what an attempt came to; PROCESSING is not yet the end.

        What an earlier answer told, as a debit's charge while it was under way, stays.
        """
        told = {
            "decline_class": decline_class,
            "decline_code": decline_code,
            "charge_id": charge_id,
            "answer_code": answer_code,
            "request_id": request_id,
        }
        self._connection.execute(
            update(attempts)
            .where(self._one(found, no))
            .values(
                state=state.value,
                settled_at=None if state is AttemptState.PROCESSING else now,
                **{name: value for name, value in told.items() if value},
            )
        )

    def _one(self, found: Case, no: int) -> ColumnElement[bool]:
        return and_(
            attempts.c.account_id == self._account,
            attempts.c.invoice_id == found.invoice_id,
            attempts.c.no == no,
        )

    def sent_since(self, kinds: Sequence[str], *, since: datetime) -> int:
        """Count attempts of *kinds*; the transaction lock makes concurrent callers exact."""
        self._connection.execute(
            text("SELECT pg_advisory_xact_lock(hashtext(:name))"),
            {"name": f"{self._account}:{'+'.join(sorted(kinds))}"},
        )
        return self._connection.execute(
            select(func.count())
            .select_from(attempts)
            .where(
                attempts.c.account_id == self._account,
                attempts.c.kind.in_(list(kinds)),
                attempts.c.sent_at > since,
                attempts.c.state != AttemptState.ABANDONED.value,
            )
        ).scalar_one()

    def unknown_keys(self, keys: Iterable[str]) -> list[str]:
        """Return those keys that no attempt of this ledger has."""
        wanted = set(keys)
        if not wanted:
            return []
        known = self._connection.execute(
            select(attempts.c.key).where(attempts.c.key.in_(sorted(wanted)))
        ).scalars()
        return sorted(wanted - set(known))
