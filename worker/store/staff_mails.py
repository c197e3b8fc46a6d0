"""Mails to staff: queued once for each occasion, sent at most once (ports.StaffBook)."""

from collections.abc import Collection, Iterable
from datetime import datetime

from sqlalchemy import Connection, func, insert, select, update
from sqlalchemy.dialects.postgresql import insert as upsert

from worker.domain.identifiers import message_id, stable_id
from worker.domain.staff import StaffContent, StaffMailState, StaffTask
from worker.store.office_tables import staff_mails, staff_occasions


class StaffMails:
    """The mails to staff of one account, within one transaction."""

    def __init__(self, connection: Connection, account_id: str) -> None:
        """Work on *connection*, for *account_id*."""
        self._connection = connection
        self._account = account_id

    def queue(
        self,
        kind: str,
        to: str,
        occasions: Collection[str],
        content: StaffContent,
        *,
        sender: str,
        wall_now: datetime,
        send_by: datetime,
    ) -> int | None:
        """Queue one mail to one address; None where one of its occasions has one already."""
        mine = sorted(f"{occasion} to {stable_id(to)}" for occasion in occasions)
        savepoint = self._connection.begin_nested()
        mail_id: int = self._connection.execute(
            insert(staff_mails)
            .values(
                account_id=self._account,
                kind=kind,
                state=StaffMailState.QUEUED.value,
                recipient=to,
                content=content.plain(),
                message_id=message_id(self._account, "; ".join(mine), sender),
                queued_at=wall_now,
                next_action_at=wall_now,
                send_by=send_by,
            )
            .returning(staff_mails.c.id)
        ).scalar_one()
        rows = [
            {"account_id": self._account, "occasion": each, "mail_id": mail_id} for each in mine
        ]
        taken = self._connection.execute(
            upsert(staff_occasions)
            .values(rows)
            .on_conflict_do_nothing()
            .returning(staff_occasions.c.occasion)
        )
        if len(taken.all()) != len(mine):
            savepoint.rollback()
            return None
        savepoint.commit()
        return mail_id

    def untold(self, occasions: Iterable[str], *, to: str) -> set[str]:
        """Return those of *occasions* of which that address was not told."""
        named = {f"{occasion} to {stable_id(to)}": occasion for occasion in occasions}
        query = select(staff_occasions.c.occasion).where(
            staff_occasions.c.account_id == self._account,
            staff_occasions.c.occasion.in_(sorted(named)),
        )
        told = set(self._connection.execute(query).scalars())
        return {occasion for name, occasion in named.items() if name not in told}

    def state_of(self, occasion: str, *, to: str) -> StaffMailState | None:
        """Return how the mail about *occasion* to that address stands; None without one."""
        query = (
            select(staff_mails.c.state)
            .join(staff_occasions, staff_occasions.c.mail_id == staff_mails.c.id)
            .where(
                staff_occasions.c.account_id == self._account,
                staff_occasions.c.occasion == f"{occasion} to {stable_id(to)}",
            )
        )
        state = self._connection.execute(query).scalar_one_or_none()
        return None if state is None else StaffMailState(state)

    def withdraw(self, occasion: str, *, to: str, reason: str) -> StaffMailState | None:
        """Drop the mail about *occasion* if it still waits; return how it stands then."""
        mine = select(staff_occasions.c.mail_id).where(
            staff_occasions.c.account_id == self._account,
            staff_occasions.c.occasion == f"{occasion} to {stable_id(to)}",
        )
        self._connection.execute(
            update(staff_mails)
            .where(staff_mails.c.id.in_(mine), staff_mails.c.state == StaffMailState.QUEUED.value)
            .values(
                state=StaffMailState.DROPPED.value, next_action_at=None, reason=reason, content={}
            )
        )
        return self.state_of(occasion, to=to)

    def last_queued_at(self, kind: str, *, to: str) -> datetime | None:
        """Return when the last mail of *kind* to that address was queued, wall time."""
        query = select(func.max(staff_mails.c.queued_at)).where(
            staff_mails.c.account_id == self._account,
            staff_mails.c.kind == kind,
            staff_mails.c.recipient == to,
        )
        return self._connection.execute(query).scalar_one_or_none()

    def due(self, *, wall_now: datetime) -> list[int]:
        """Return the mails that wait to be sent, oldest first."""
        query = (
            select(staff_mails.c.id)
            .where(
                staff_mails.c.account_id == self._account,
                staff_mails.c.next_action_at <= wall_now,
            )
            .order_by(staff_mails.c.id)
        )
        return list(self._connection.execute(query).scalars())

    def begin_sending(self, mail_id: int, *, wall_now: datetime) -> StaffTask | None:
        """Commit to sending a mail that is due, or return None: somebody else has it."""
        statement = (
            update(staff_mails)
            .where(
                staff_mails.c.account_id == self._account,
                staff_mails.c.id == mail_id,
                staff_mails.c.state == StaffMailState.QUEUED.value,
                staff_mails.c.next_action_at <= wall_now,
            )
            .values(state=StaffMailState.SENDING.value, next_action_at=None, sending_at=wall_now)
            .returning(staff_mails)
        )
        row = self._connection.execute(statement).mappings().one_or_none()
        if row is None:
            return None
        return StaffTask(
            row["id"],
            row["kind"],
            row["recipient"],
            row["message_id"],
            StaffContent.of(row["content"]),
            row["send_by"],
        )

    def settle(self, mail_id: int, state: StaffMailState, *, reason: str = "") -> None:
        """Write what became of a mail; what it said is not kept any longer."""
        self._connection.execute(
            update(staff_mails)
            .where(
                staff_mails.c.id == mail_id,
                staff_mails.c.state.in_(
                    [StaffMailState.SENDING.value, StaffMailState.UNKNOWN.value]
                ),
            )
            .values(state=state.value, reason=reason, content={})
        )

    def put_back(self, mail_id: int, *, until: datetime, reason: str) -> None:
        """Let a mail wait that was surely not sent."""
        self._connection.execute(
            update(staff_mails)
            .where(
                staff_mails.c.id == mail_id,
                staff_mails.c.state == StaffMailState.SENDING.value,
            )
            .values(state=StaffMailState.QUEUED.value, next_action_at=until, reason=reason)
        )

    def lose(self, *, begun_before: datetime) -> list[str]:
        """Settle as unknown what a sender began and was not heard of again; return the kinds."""
        statement = (
            update(staff_mails)
            .where(
                staff_mails.c.account_id == self._account,
                staff_mails.c.state == StaffMailState.SENDING.value,
                staff_mails.c.sending_at < begun_before,
            )
            .values(state=StaffMailState.UNKNOWN.value, reason="its sender stopped", content={})
            .returning(staff_mails.c.kind)
        )
        return sorted(self._connection.execute(statement).scalars())
