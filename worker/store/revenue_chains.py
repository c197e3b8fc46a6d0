"""The chains of facts about subscriptions (ports.RevenueBook)."""

from collections.abc import Iterable, Mapping
from dataclasses import fields
from datetime import datetime
from typing import Any

from sqlalchemy import BigInteger, Connection, RowMapping, String, any_, cast, literal, select
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.dialects.postgresql import insert as upsert

from worker.domain.revenue_chain import CHAIN, ChainState, Link, link_of
from worker.domain.subscription_story import Told
from worker.store.revenue_tables import revenue_chains
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
        }

    def links(self, subscription_id: str, *, after_no: int) -> list[Link]:
        """Return the booked facts behind a place, in order of their places."""
        no = cast(events.c.data["no"].astext, BigInteger)
        query = (
            select(events.c.id, events.c.type, events.c.time, events.c.data)
            .where(
                events.c.account_id == self._account,
                events.c.subject == subscription_id,
                events.c.type.startswith(CHAIN),
                no > after_no,
            )
            .order_by(no)
        )
        return [
            link_of(fact_id=row.id, kind=row.type, time=row.time, data=row.data)
            for row in self._connection.execute(query)
        ]

    def owing(self, *, since: datetime) -> dict[str, ChainState]:
        """Return those that count, and have owed without a break since before *since*."""
        query = select(revenue_chains).where(
            revenue_chains.c.account_id == self._account, revenue_chains.c.owing_since < since
        )
        rows = self._connection.execute(query).mappings()
        return {row["subscription_id"]: _state_of(row) for row in rows}


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
