"""Append-only facts and what they tell of a subscription (ports.FactBook)."""

from collections.abc import Sequence
from datetime import datetime, timedelta

from sqlalchemy import Connection, and_, exists, func, literal, or_, select, text
from sqlalchemy.dialects.postgresql import insert as upsert

from worker.domain.case import AttemptKind, AttemptState
from worker.domain.engine_truth import recovered_by_step
from worker.domain.facts import Fact
from worker.domain.policy import DeclineClass
from worker.domain.revenue_chain import RENEWED
from worker.domain.subscription_story import Dunned
from worker.store.cancels import is_shown
from worker.store.erasable_tables import fact_words
from worker.store.tables import attempts, cases, events

_APPEND = upsert(events).on_conflict_do_nothing(index_elements=["id"]).returning(events.c.seq)
_SPEAK = upsert(fact_words).on_conflict_do_nothing()
_ASKED_WITHIN = timedelta(hours=25)
"""A request of ours is carried out within this time of its first send, or never."""
_PAUSES = (AttemptKind.PAUSE.value, AttemptKind.HOLD_INVOICES.value)


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
                "data": fact.kept,
            }
            for fact in facts
        ]
        written = len(self._connection.execute(_APPEND, rows).all())
        spoken = [
            {"account_id": self._account, "fact_id": fact.id_in(self._account), "words": fact.words}
            for fact in facts
            if fact.words
        ]
        if spoken:
            self._connection.execute(_SPEAK, spoken)
        return written

    def fold_alone(self) -> None:
        """Wait until nobody else folds events, and let nobody begin before the commit."""
        self._connection.execute(
            text("SELECT pg_advisory_xact_lock(hashtext(:name))"),
            {"name": f"{self._account}:fold"},
        )

    def dunned(
        self, subscription_id: str, *, at: datetime, canceled_at: datetime | None = None
    ) -> list[Dunned]:
        """Return its cases that were open at *at*, and those whose ending of ours cancelled it."""
        shown_since = literal(canceled_at, attempts.c.sent_at.type)
        is_open = and_(
            cases.c.opened_at <= at, or_(cases.c.closed_at.is_(None), cases.c.closed_at >= at)
        )
        cancelled = exists().where(
            attempts.c.case_id == cases.c.id,
            is_shown(shown_since),
            attempts.c.state.in_([AttemptState.SUCCEEDED.value, AttemptState.SENDING.value]),
            attempts.c.sent_at <= at + _ASKED_WITHIN,
        )
        query = (
            select(
                is_open.label("is_open"),
                cancelled.label("ended_by_us"),
                func.coalesce(cases.c.failure["decline_class"].astext, "unclear").label("kind"),
                cases.c.policy_digest,
            )
            .where(
                cases.c.account_id == self._account,
                cases.c.subscription_id == subscription_id,
                or_(is_open, cancelled),
            )
            .order_by(cases.c.id)
        )
        return [
            Dunned(row.is_open, row.ended_by_us, DeclineClass(row.kind), row.policy_digest)
            for row in self._connection.execute(query)
        ]

    def paused_by_us(self, subscription_id: str, *, at: datetime) -> bool:
        """Return whether an ending of ours paused it, or held its invoices back, just then."""
        query = (
            select(attempts.c.no)
            .join(cases, attempts.c.case_id == cases.c.id)
            .where(
                cases.c.account_id == self._account,
                cases.c.subscription_id == subscription_id,
                attempts.c.kind.in_(_PAUSES),
                attempts.c.state.in_([AttemptState.SUCCEEDED.value, AttemptState.SENDING.value]),
                attempts.c.sent_at.between(at - _ASKED_WITHIN, at + _ASKED_WITHIN),
            )
            .limit(1)
        )
        return self._connection.execute(query).first() is not None

    def renewal_told(self, subscription_id: str, invoice_id: str) -> bool:
        """Return whether a fact tells that this invoice renewed the subscription."""
        query = select(events.c.seq).where(
            events.c.account_id == self._account,
            events.c.subject == subscription_id,
            events.c.type == RENEWED,
            events.c.data["invoice_id"].astext == invoice_id,
        )
        return self._connection.execute(query.limit(1)).first() is not None

    def recovered_by(self, invoice_id: str, no: int) -> str:
        """Return what paid the invoice where attempt *no* of ours did; empty for an unknown one."""
        step = self._connection.execute(
            select(attempts.c.step).where(
                attempts.c.account_id == self._account,
                attempts.c.invoice_id == invoice_id,
                attempts.c.no == no,
                attempts.c.kind == AttemptKind.CHARGE.value,
            )
        ).scalar_one_or_none()
        return "" if step is None else recovered_by_step(step).value
