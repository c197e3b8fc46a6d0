"""Append-only facts and what they tell of a subscription (ports.FactBook)."""

from collections.abc import Sequence
from datetime import datetime, timedelta

from sqlalchemy import Connection, bindparam, or_, select, text, update
from sqlalchemy.dialects.postgresql import insert as upsert

from worker.domain.case import CANCELS, AttemptKind, AttemptState
from worker.domain.facts import Fact
from worker.store.mirror_tables import subscriptions
from worker.store.tables import attempts, cases, events

_APPEND = upsert(events).on_conflict_do_nothing(index_elements=["id"]).returning(events.c.seq)
_ASKED_WITHIN = timedelta(hours=25)
"""A request of ours is carried out within this time of its first send, or never."""

_FACT_STATE = select(subscriptions.c.fact_state, subscriptions.c.fact_mrr_minor).where(
    subscriptions.c.account_id == bindparam("account"), subscriptions.c.id == bindparam("id")
)


class Facts:
    """The facts of one account, within one transaction."""

    def __init__(self, connection: Connection, account_id: str) -> None:
        """Work on *connection*, for *account_id*."""
        self._connection = connection
        self._account = account_id

    def append(self, facts: Sequence[Fact], *, wall_now: datetime) -> int:
        """Write facts; one that is already there stays as it is."""
        if not facts:
            return 0
        rows = [
            {
                "account_id": self._account,
                "id": fact.id_in(self._account),
                "type": fact.type,
                "subject": fact.subject,
                "time": fact.time,
                "recorded_at": wall_now,
                "data": dict(fact.data),
            }
            for fact in facts
        ]
        return len(self._connection.execute(_APPEND, rows).all())

    def fold_alone(self) -> None:
        """Wait until nobody else folds events, and let nobody begin before the commit."""
        self._connection.execute(
            text("SELECT pg_advisory_xact_lock(hashtext(:name))"),
            {"name": f"{self._account}:fold"},
        )

    def fact_state(self, subscription_id: str) -> tuple[str, int]:
        """Return (state, mrr_minor) as the facts tell it."""
        asked = {"account": self._account, "id": subscription_id}
        row = self._connection.execute(_FACT_STATE, asked).one_or_none()
        return (row.fact_state, row.fact_mrr_minor) if row is not None else ("", 0)

    def set_fact_state(self, subscription_id: str, state: str, mrr_minor: int) -> None:
        """Remember what the facts now tell."""
        self._connection.execute(
            update(subscriptions)
            .where(
                subscriptions.c.account_id == self._account, subscriptions.c.id == subscription_id
            )
            .values(fact_state=state, fact_mrr_minor=mrr_minor)
        )

    def in_dunning(self, subscription_id: str, *, at: datetime) -> bool:
        """Return whether a case of this subscription was open at *at*."""
        query = (
            select(cases.c.id)
            .where(
                cases.c.account_id == self._account,
                cases.c.subscription_id == subscription_id,
                cases.c.opened_at <= at,
                or_(cases.c.closed_at.is_(None), cases.c.closed_at >= at),
            )
            .limit(1)
        )
        return self._connection.execute(query).first() is not None

    def ending_of(self, subscription_id: str) -> str:
        """Return the decline class of a case of ours that cancelled this subscription."""
        failure = self._connection.execute(
            select(cases.c.failure)
            .join(attempts, attempts.c.case_id == cases.c.id)
            .where(
                cases.c.account_id == self._account,
                cases.c.subscription_id == subscription_id,
                attempts.c.kind.in_([kind.value for kind in CANCELS]),
                attempts.c.state.in_([AttemptState.SUCCEEDED.value, AttemptState.SENDING.value]),
            )
            .limit(1)
        ).scalar_one_or_none()
        return "" if failure is None else str(failure.get("decline_class", "unclear"))

    def held_by_us(self, subscription_id: str, *, at: datetime) -> bool:
        """Return whether an ending of ours held the subscription's new invoices back just then."""
        query = (
            select(attempts.c.no)
            .join(cases, attempts.c.case_id == cases.c.id)
            .where(
                cases.c.account_id == self._account,
                cases.c.subscription_id == subscription_id,
                attempts.c.kind == AttemptKind.HOLD_INVOICES.value,
                attempts.c.state.in_([AttemptState.SUCCEEDED.value, AttemptState.SENDING.value]),
                attempts.c.sent_at.between(at - _ASKED_WITHIN, at + _ASKED_WITHIN),
            )
            .limit(1)
        )
        return self._connection.execute(query).first() is not None
