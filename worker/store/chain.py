"""The chain over the facts (ports.ChainBook)."""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import Connection, RowMapping, any_, delete, insert, literal, select, text
from sqlalchemy.dialects.postgresql import ARRAY

from worker.domain.fact_chain import Head, Link, SealedFact
from worker.store.chain_tables import event_chain, unsealed_facts
from worker.store.tables import events


class Chain:
    """The chain of one account, within one transaction."""

    def __init__(self, connection: Connection, account_id: str) -> None:
        """Work on *connection*, for *account_id*."""
        self._connection = connection
        self._account = account_id

    def begin(self) -> bool:
        """Keep other sealers out until the commit; False where one is at work."""
        statement = text("SELECT pg_try_advisory_xact_lock(hashtext(:name))")
        locked = self._connection.execute(statement, {"name": f"{self._account}:seal"})
        return bool(locked.scalar_one())

    def head(self) -> Head:
        """Return the last place that is given."""
        query = (
            select(event_chain.c.position, event_chain.c.hash)
            .where(event_chain.c.account_id == self._account)
            .order_by(event_chain.c.position.desc())
            .limit(1)
        )
        row = self._connection.execute(query).one_or_none()
        return Head() if row is None else Head(row.position, row.hash)

    def after(self, position: int, *, limit: int) -> list[tuple[int, SealedFact]]:
        """Return sealed facts behind a position with theirs, in order."""
        query = (
            select(event_chain.c.position, events)
            .join(events, events.c.id == event_chain.c.fact_id)
            .where(event_chain.c.account_id == self._account, event_chain.c.position > position)
            .order_by(event_chain.c.position)
            .limit(limit)
        )
        rows = self._connection.execute(query).mappings()
        return [(row["position"], sealed_fact(row)) for row in rows]

    def sealed_at(self, position: int) -> datetime | None:
        """Return when (wall time) the fact at *position* was sealed; None where none is."""
        query = select(event_chain.c.sealed_at).where(
            event_chain.c.account_id == self._account, event_chain.c.position == position
        )
        return self._connection.execute(query).scalar_one_or_none()

    def unsealed(self, *, limit: int) -> list[tuple[int, SealedFact]]:
        """Return committed facts that have no place yet, by number, with their numbers."""
        query = (
            select(events)
            .join(unsealed_facts, unsealed_facts.c.seq == events.c.seq)
            .where(unsealed_facts.c.account_id == self._account)
            .order_by(unsealed_facts.c.seq)
            .limit(limit)
        )
        rows = self._connection.execute(query).mappings()
        return [(row["seq"], sealed_fact(row)) for row in rows]

    def add(self, links: Sequence[tuple[int, Link]], *, wall_now: datetime) -> None:
        """Give facts, told by number, their places."""
        if not links:
            return
        rows = [
            {
                "account_id": self._account,
                "position": link.position,
                "seq": seq,
                "fact_id": link.fact_id,
                "hash": link.hash,
                "previous_hash": link.previous_hash,
                "sealed_at": wall_now,
            }
            for seq, link in links
        ]
        self._connection.execute(insert(event_chain), rows)
        done = literal([seq for seq, _ in links], ARRAY(unsealed_facts.c.seq.type))
        self._connection.execute(
            delete(unsealed_facts).where(
                unsealed_facts.c.account_id == self._account, unsealed_facts.c.seq == any_(done)
            )
        )


def sealed_fact(row: RowMapping) -> SealedFact:
    """Return a row of `events` as the chain covers it."""
    return SealedFact(
        account_id=row["account_id"],
        id=row["id"],
        type=row["type"],
        subject=row["subject"],
        time=row["time"],
        recorded_at=row["recorded_at"],
        data=row["data"],
    )
