"""The chains of facts about subscriptions (ports.RevenueBook)."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import fields, replace
from datetime import datetime
from itertools import groupby
from typing import Any

from sqlalchemy import BigInteger, Connection, RowMapping, String, any_, cast, literal, select, text
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.dialects.postgresql import insert as upsert

from worker.domain.readings import SubscriptionReading
from worker.domain.revenue_chain import CHAIN, ChainState, Link, link_of
from worker.domain.subscription_story import Told
from worker.store.mirror_tables import subscriptions
from worker.store.priced_items import discounts_of, items_of, look_of, look_to_json
from worker.store.revenue_tables import revenue_chains
from worker.store.rows import subscription_of
from worker.store.tables import events


class RevenueChains:
    """The chains of one account, within one transaction."""

    def __init__(self, connection: Connection, account_id: str) -> None:
        """Work on *connection*, for *account_id*."""
        self._connection = connection
        self._account = account_id

    def load(self, subscription_ids: Iterable[str]) -> dict[str, ChainState]:
        """Return how far these have been told; one without any fact is left out."""
        wanted = sorted(set(subscription_ids) - {""})
        if not wanted:
            return {}
        among = revenue_chains.c.subscription_id == any_(literal(wanted, ARRAY(String)))
        query = select(revenue_chains).where(revenue_chains.c.account_id == self._account, among)
        rows = self._connection.execute(query).mappings()
        return {row["subscription_id"]: _state_of(row) for row in rows}

    def keep(self, states: Mapping[str, ChainState]) -> None:
        """Remember how far these have been told now."""
        if not states:
            return
        rows = [self._row(name, states[name]) for name in sorted(states)]
        statement = upsert(revenue_chains)
        changed = {name: statement.excluded[name] for name in rows[0] if name not in _KEY}
        self._connection.execute(
            statement.on_conflict_do_update(index_elements=list(_KEY), set_=changed), rows
        )

    def _row(self, subscription_id: str, state: ChainState) -> dict[str, Any]:
        return {
            "account_id": self._account,
            "subscription_id": subscription_id,
            "told": _told_to_json(state.told),
            "no": state.no,
            "looked_at": state.looked_at,
            "owing_since": state.told.owing_since if state.told.state == "started" else None,
            "traits": dict(state.traits),
            "base": _told_to_json(state.base),
            "base_at": state.base_at,
            "base_no": state.base_no,
            "base_shown": look_to_json(state.base_shown),
        }

    def links(self, subscription_id: str, *, after_no: int) -> list[Link]:
        """Return the booked facts behind a place, in order of their places."""
        query = (
            select(events.c.id, events.c.type, events.c.time, events.c.data)
            .where(
                events.c.account_id == self._account,
                events.c.subject == subscription_id,
                events.c.type.startswith(CHAIN),
                after_no < _NO,
            )
            .order_by(_NO)
        )
        return [
            link_of(fact_id=row.id, kind=row.type, time=row.time, data=row.data)
            for row in self._connection.execute(query)
        ]

    def all_links(self) -> Iterator[tuple[str, list[Link]]]:
        """Yield each subscription with all its booked facts, in order of their places."""
        query = (
            select(events.c.subject, events.c.id, events.c.type, events.c.time, events.c.data)
            .where(
                events.c.account_id == self._account,
                events.c.type.startswith(CHAIN),
                events.c.data.has_key("no"),
            )
            .order_by(events.c.subject, _NO, events.c.seq)
            .execution_options(yield_per=5000)
        )
        rows = self._connection.execute(query)
        for subscription_id, found in groupby(rows, key=lambda row: str(row.subject)):
            yield (
                subscription_id,
                [link_of(fact_id=r.id, kind=r.type, time=r.time, data=r.data) for r in found],
            )

    def mirrored(self, *, seen_until: datetime) -> list[SubscriptionReading]:
        """Return the subscriptions of which nothing newer was seen, with what they cost."""
        query = select(subscriptions).where(
            subscriptions.c.account_id == self._account,
            subscriptions.c.seen_at <= seen_until,
            ~subscriptions.c.stale,
            subscriptions.c.priced.isnot(None),
        )
        return [
            replace(
                subscription_of(row),
                items=items_of(row["priced"]),
                discounts=discounts_of(row["discount_ids"]),
            )
            for row in self._connection.execute(query).mappings()
        ]

    def of_customers(self, customer_ids: Iterable[str]) -> list[str]:
        """Return the subscriptions of these customers of which anything was told, by id."""
        wanted = sorted(set(customer_ids))
        if not wanted:
            return []
        among = subscriptions.c.customer_id == any_(literal(wanted, ARRAY(String)))
        query = (
            select(subscriptions.c.id)
            .join(
                revenue_chains,
                (revenue_chains.c.account_id == subscriptions.c.account_id)
                & (revenue_chains.c.subscription_id == subscriptions.c.id),
            )
            .where(subscriptions.c.account_id == self._account, among)
            .order_by(subscriptions.c.id)
        )
        return list(self._connection.execute(query).scalars())

    def payments_differing(self, *, seen_until: datetime) -> list[str]:
        """Return subscriptions whose renewals tell another amount than their invoices, or of which
        a paid invoice was not told."""
        asked = {"account": self._account, "until": seen_until}
        return list(self._connection.execute(_PAYMENTS, asked).scalars())

    def owing(self, *, since: datetime) -> dict[str, ChainState]:
        """Return those that count, and have owed without a break since before *since*."""
        query = select(revenue_chains).where(
            revenue_chains.c.account_id == self._account, revenue_chains.c.owing_since < since
        )
        rows = self._connection.execute(query).mappings()
        return {row["subscription_id"]: _state_of(row) for row in rows}


_NO = cast(events.c.data["no"].astext, BigInteger)
_PAYMENTS = text("""
    WITH told AS (
        SELECT data ->> 'invoice_id' AS invoice_id, (data ->> 'amount_minor')::bigint AS amount
        FROM events WHERE account_id = :account AND type = 'subscription.renewed')
    SELECT DISTINCT invoices.subscription_id
    FROM invoices LEFT JOIN told ON told.invoice_id = invoices.id
    LEFT JOIN revenue_chains AS chains ON chains.account_id = invoices.account_id
      AND chains.subscription_id = invoices.subscription_id
    WHERE invoices.account_id = :account AND invoices.status = 'paid'
      AND invoices.subscription_id <> '' AND invoices.billing_reason = 'subscription_cycle'
      AND invoices.seen_at <= :until AND NOT invoices.stale
      AND told.amount IS DISTINCT FROM invoices.amount_paid_minor
      AND (told.invoice_id IS NOT NULL OR chains.base_at IS NULL
        OR invoices.created_at > chains.base_at)
    ORDER BY 1
""")
_KEY = ("account_id", "subscription_id")


def _state_of(row: RowMapping) -> ChainState:
    return ChainState(
        told=_told_of(row["told"]),
        no=row["no"],
        looked_at=row["looked_at"],
        traits=row["traits"],
        base=_told_of(row["base"]),
        base_at=row["base_at"],
        base_no=row["base_no"],
        base_shown=look_of(row["subscription_id"], row["base_shown"]),
    )


_INSTANTS = ("churned_at", "owing_since")


def _told_to_json(told: Told) -> dict[str, object]:
    row: dict[str, object] = {each.name: getattr(told, each.name) for each in fields(told)}
    for name in _INSTANTS:
        at = row[name]
        row[name] = at.isoformat() if isinstance(at, datetime) else None
    return row


def _told_of(stored: Mapping[str, Any]) -> Told:
    row = dict(stored)
    for name in _INSTANTS:
        if row.get(name):
            row[name] = datetime.fromisoformat(row[name])
    return Told(**row)
