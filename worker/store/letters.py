"""Letters: unique by occasion, sent at most once (ports.LetterBook)."""

from collections.abc import Iterable
from datetime import datetime, timedelta

from sqlalchemy import (
    Connection,
    RowMapping,
    String,
    and_,
    any_,
    case,
    cast,
    func,
    literal,
    null,
    or_,
    select,
    update,
)
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.dialects.postgresql import insert as upsert

from worker.domain.case import LetterState
from worker.ports import LetterTask, NewLetter, Used
from worker.store.attempts import lock
from worker.store.forgotten import letter_of_forgotten
from worker.store.tables import letter_occasions, letters

_ON_THE_WAY = (LetterState.QUEUED.value, LetterState.SENDING.value)
_SURELY_NOT_SENT = (LetterState.QUEUED.value, LetterState.SUPPRESSED.value)
"""A mail server may have been asked, but took nothing; they take no room of a limit."""
_UNCERTAIN = (*_ON_THE_WAY, LetterState.UNKNOWN.value)


class Letters:
    """The letters of one account, within one transaction."""

    def __init__(self, connection: Connection, account_id: str) -> None:
        """Work on *connection*, for *account_id*."""
        self._connection = connection
        self._account = account_id

    def queue(self, letter: NewLetter, *, now: datetime) -> int | None:
        """Queue a letter, or return None where one of its occasions already has one."""
        savepoint = self._connection.begin_nested()
        letter_id: int | None = self._connection.execute(
            upsert(letters)
            .values(
                account_id=self._account,
                case_id=letter.case_id,
                customer_id=letter.customer_id,
                subscription_id=letter.subscription_id,
                invoice_id=letter.invoice_id,
                notice=letter.notice,
                step=letter.step,
                state=LetterState.QUEUED.value,
                queued_at=now,
                next_action_at=letter.send_at,
                send_by=letter.send_by,
                message_id=letter.message_id,
                context=dict(letter.context),
            )
            # The Message-ID is a function of the occasion, so it is what tells of a repeat first.
            .on_conflict_do_nothing(index_elements=["message_id"])
            .returning(letters.c.id)
        ).scalar_one_or_none()
        if letter_id is None:
            savepoint.rollback()
            return None
        taken = self._connection.execute(
            upsert(letter_occasions)
            .values(
                [
                    {"account_id": self._account, "occasion": occasion, "letter_id": letter_id}
                    # Sorted, so that two merged letters that share some cannot wait in a circle.
                    for occasion in sorted(letter.occasions)
                ]
            )
            .on_conflict_do_nothing()
            .returning(letter_occasions.c.occasion)
        )
        if len(taken.all()) != len(letter.occasions):
            savepoint.rollback()
            return None
        savepoint.commit()
        return letter_id

    def taken(self, occasions: Iterable[str]) -> set[str]:
        """Return those occasions that have a letter."""
        wanted = sorted(set(occasions))
        if not wanted:
            return set()
        query = select(letter_occasions.c.occasion).where(
            letter_occasions.c.account_id == self._account,
            letter_occasions.c.occasion == any_(literal(wanted, ARRAY(String))),
        )
        return set(self._connection.execute(query).scalars())

    def take_due(
        self, *, now: datetime, wall_now: datetime, limit: int, dispatch: timedelta
    ) -> list[int]:
        """Mark due letters as dispatched and return their ids, oldest first."""
        due = (
            select(letters.c.id)
            .where(
                letters.c.account_id == self._account,
                letters.c.next_action_at <= now,
                or_(letters.c.dispatched_until.is_(None), letters.c.dispatched_until < wall_now),
                or_(letters.c.lease_until.is_(None), letters.c.lease_until < wall_now),
            )
            .order_by(letters.c.next_action_at, letters.c.id)
            .limit(limit)
            .with_for_update(skip_locked=True)
        )
        ids = list(self._connection.execute(due).scalars())
        if ids:
            self._connection.execute(
                update(letters)
                .where(letters.c.id.in_(ids))
                .values(dispatched_until=wall_now + dispatch)
            )
        return ids

    def claim(
        self, letter_id: int, *, now: datetime, wall_now: datetime, token: str, lease: timedelta
    ) -> LetterTask | None:
        """Lease a queued and due letter, or return None."""
        statement = (
            update(letters)
            .where(
                letters.c.account_id == self._account,
                letters.c.id == letter_id,
                letters.c.state == LetterState.QUEUED.value,
                letters.c.next_action_at <= now,
                or_(letters.c.lease_until.is_(None), letters.c.lease_until < wall_now),
            )
            .values(lease_token=token, lease_until=wall_now + lease, dispatched_until=None)
            .returning(letters)
        )
        row = self._connection.execute(statement).mappings().one_or_none()
        return _task_of(row) if row is not None else None

    def begun_since(self, since: datetime) -> Used:
        """Count letters whose sending began since an instant; the lock makes callers exact."""
        lock(self._connection, f"{self._account}:letters")
        row = self._connection.execute(
            select(func.count(), func.min(letters.c.begun_at)).where(
                letters.c.account_id == self._account,
                letters.c.begun_at > since,
                letters.c.state.not_in(_SURELY_NOT_SENT),
            )
        ).one()
        return Used(row[0], row[1])

    def due_count(self, *, now: datetime) -> int:
        """Return how many letters are due at *now*, business time."""
        due = and_(letters.c.account_id == self._account, letters.c.next_action_at <= now)
        return self._connection.execute(
            select(func.count()).select_from(letters).where(due)
        ).scalar_one()

    def begin_sending(
        self, letter_id: int, *, token: str, now: datetime, wall_now: datetime
    ) -> bool:
        """Commit to sending: from here on it is never sent again."""
        statement = (
            update(letters)
            .where(
                letters.c.id == letter_id,
                letters.c.state == LetterState.QUEUED.value,
                letters.c.lease_token == token,
                letters.c.lease_until > wall_now,
            )
            .values(
                state=LetterState.SENDING.value,
                next_action_at=None,
                begun_at=now,
                waits_for="",
            )
        )
        return self._connection.execute(statement).rowcount == 1

    def settle(
        self,
        letter_id: int,
        state: LetterState,
        *,
        token: str,
        now: datetime,
        reason: str = "",
        locale: str = "",
        template_digest: str = "",
        recipient_hash: str = "",
        rendered: bytes | None = None,
    ) -> bool:
        """Write what became of a letter that *token* has; what is known for certain stays.

        An unknown end may still become known: the sender was only slow.
        """
        statement = (
            update(letters)
            .where(
                letters.c.id == letter_id,
                letters.c.lease_token == token,
                letters.c.state.in_(_UNCERTAIN),
            )
            .values(
                state=state.value,
                reason=reason,
                sent_at=now if state is LetterState.SENT else None,
                locale=locale,
                template_digest=template_digest,
                recipient_hash=case((letter_of_forgotten(), ""), else_=recipient_hash),
                rendered=case(
                    (letter_of_forgotten(), null()), else_=cast(rendered, letters.c.rendered.type)
                ),
                next_action_at=None,
                lease_token=None,
                lease_until=None,
            )
        )
        return self._connection.execute(statement).rowcount == 1

    def lose(self, letter_id: int, *, reason: str) -> bool:
        """Settle a letter as unknown whose sender was not heard of again.

        The token stays: a sender that was only slow may still say what became of the letter.
        """
        statement = (
            update(letters)
            .where(letters.c.id == letter_id, letters.c.state == LetterState.SENDING.value)
            .values(state=LetterState.UNKNOWN.value, reason=reason, lease_until=None)
        )
        return self._connection.execute(statement).rowcount == 1

    def postpone(
        self,
        letter_id: int,
        *,
        token: str,
        until: datetime,
        count_try: bool = False,
        paused_until: datetime | None = None,
        more_time: timedelta = timedelta(),
        waits_for: str = "",
    ) -> bool:
        """Put a letter that *token* has and that was surely not sent back into the queue.

        A letter that was dropped, or that another sender has, stays as it is. Args: until: when it
        may go out, business time; paused_until: no scan rings for it before, wall time; more_time:
        how much longer it has to go out; waits_for: the limit that keeps it back.
        """
        statement = (
            update(letters)
            .where(
                letters.c.id == letter_id,
                letters.c.lease_token == token,
                letters.c.state.in_(_ON_THE_WAY),
            )
            .values(
                state=LetterState.QUEUED.value,
                begun_at=None,
                next_action_at=until,
                send_by=letters.c.send_by + more_time,
                tries=letters.c.tries + (1 if count_try else 0),
                dispatched_until=paused_until,
                waits_for=waits_for,
                lease_token=None,
                lease_until=None,
            )
        )
        return self._connection.execute(statement).rowcount == 1

    def ring(self, case_id: int, *, now: datetime) -> None:
        """Make a case's waiting letters due; its row is locked."""
        statement = (
            update(letters)
            .where(letters.c.case_id == case_id, letters.c.state == LetterState.QUEUED.value)
            .values(next_action_at=func.least(letters.c.next_action_at, now))
        )
        self._connection.execute(statement)

    def suppress_queued(self, case_id: int, *, reason: str) -> list[LetterTask]:
        """Drop a case's letters that have not gone out, and return them."""
        statement = (
            update(letters)
            .where(letters.c.case_id == case_id, letters.c.state == LetterState.QUEUED.value)
            .values(state=LetterState.SUPPRESSED.value, reason=reason, next_action_at=None)
            .returning(letters)
        )
        return [_task_of(row) for row in self._connection.execute(statement).mappings()]

    def extend_waiting(self, *, by: timedelta) -> int:
        """After a stop: give waiting letters that much longer to go out."""
        statement = (
            update(letters)
            .where(
                letters.c.account_id == self._account,
                letters.c.state == LetterState.QUEUED.value,
                letters.c.send_by.isnot(None),
            )
            .values(send_by=letters.c.send_by + by)
        )
        return self._connection.execute(statement).rowcount

    def lost_sends(self, *, wall_now: datetime) -> list[LetterTask]:
        """Return letters whose sender died between `begin_sending` and the outcome."""
        query = (
            select(letters)
            .where(
                letters.c.account_id == self._account,
                letters.c.state == LetterState.SENDING.value,
                letters.c.lease_until < wall_now,
            )
            .order_by(letters.c.id)
            .with_for_update(skip_locked=True)
        )
        return [_task_of(row) for row in self._connection.execute(query).mappings()]


def _task_of(row: RowMapping) -> LetterTask:
    return LetterTask(
        id=row["id"],
        notice=row["notice"],
        step=row["step"],
        state=LetterState(row["state"]),
        customer_id=row["customer_id"],
        subscription_id=row["subscription_id"],
        invoice_id=row["invoice_id"],
        case_id=row["case_id"],
        message_id=row["message_id"],
        send_by=row["send_by"],
        tries=row["tries"],
        context=row["context"],
    )
