"""The chain as it is proved: every position with its fact, and what stands outside. Read only."""

from collections.abc import Generator

from sqlalchemy import ColumnElement, Connection, and_, exists, func, select

from worker.domain.fact_chain import Head, Link
from worker.store.chain import Chain, sealed_fact
from worker.store.chain_tables import event_chain, unsealed_facts
from worker.store.tables import events

BATCH = 2000


def read_links(connection: Connection, account_id: str) -> Generator[Link]:
    """Yield every position of the chain with the fact that it names, in batches.

    Whoever does not read to the end closes it, before the transaction ends.
    """
    query = (
        select(
            event_chain.c.position,
            event_chain.c.fact_id,
            event_chain.c.hash,
            event_chain.c.previous_hash,
            events,
        )
        .outerjoin(events, events.c.id == event_chain.c.fact_id)
        .where(event_chain.c.account_id == account_id)
        .order_by(event_chain.c.position)
    )
    with connection.execution_options(yield_per=BATCH).execute(query) as result:
        for row in result.mappings():
            yield Link(
                position=row["position"],
                fact_id=row["fact_id"],
                hash=row["hash"],
                previous_hash=row["previous_hash"],
                fact=sealed_fact(row) if row["id"] is not None else None,
            )


def read_head(connection: Connection, account_id: str) -> Head:
    """Return the last position of the chain."""
    return Chain(connection, account_id).head()


def count_unsealed(connection: Connection, account_id: str) -> int:
    """Return how many facts wait for their place."""
    query = select(func.count()).select_from(unsealed_facts)
    return connection.execute(query.where(unsealed_facts.c.account_id == account_id)).scalar_one()


def first_outside(connection: Connection, account_id: str) -> str:
    """Return the id of the first fact that neither has a place nor waits for one, or ``""``."""
    query = (
        select(events.c.id)
        .where(events.c.account_id == account_id, ~_has_a_place(), ~_waits())
        .order_by(events.c.seq)
        .limit(1)
    )
    return connection.execute(query).scalar_one_or_none() or ""


def _has_a_place() -> ColumnElement[bool]:
    return exists().where(event_chain.c.seq == events.c.seq)


def _waits() -> ColumnElement[bool]:
    return exists().where(
        and_(
            unsealed_facts.c.account_id == events.c.account_id,
            unsealed_facts.c.seq == events.c.seq,
        )
    )
