"""Facts as people and scripts read them: in order of when they happened. Read only."""

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Connection, RowMapping, func, literal_column, or_, select

from worker.store.chain_tables import event_chain
from worker.store.erasable_tables import fact_words
from worker.store.tables import events

BATCH = 1000


@dataclass(frozen=True, slots=True)
class StoredFact:
    """One fact as the ledger holds it."""

    id: str
    type: str
    subject: str
    time: datetime
    data: Mapping[str, object]
    position: int | None = None
    """Its place in the chain; None where nobody asked for it, or it is not sealed yet."""


def told_data() -> ColumnElement[Any]:
    """Return the column `data` of `events` with what people typed, as long as it is not erased."""
    words = (
        select(fact_words.c.words)
        .where(fact_words.c.account_id == events.c.account_id, fact_words.c.fact_id == events.c.id)
        .scalar_subquery()
    )
    return events.c.data.op("||")(func.coalesce(words, literal_column("'{}'::jsonb"))).label("data")


FACT_COLUMNS = (
    events.c.seq,
    events.c.id,
    events.c.type,
    events.c.subject,
    events.c.time,
    told_data(),
)


def stored_fact(row: RowMapping) -> StoredFact:
    """Return a row of `events` as a value."""
    return StoredFact(row["id"], row["type"], row["subject"], row["time"], row["data"])


def read_facts(
    connection: Connection,
    account_id: str,
    *,
    since: datetime | None = None,
    types: Collection[str] = (),
) -> Iterator[StoredFact]:
    """Yield facts by time, subject and type, in batches, whatever their number.

    Args: since: aware, by when they happened; types: whole types (`payment.failed`) or families
    (`payment`); none means all.
    """
    query = (
        select(*FACT_COLUMNS, event_chain.c.position)
        .outerjoin(event_chain, event_chain.c.seq == events.c.seq)
        .where(events.c.account_id == account_id)
    )
    if since is not None:
        query = query.where(events.c.time >= since)
    if types:
        chosen = [
            or_(events.c.type == kind, events.c.type.startswith(f"{kind}.", autoescape=True))
            for kind in sorted(types)
        ]
        query = query.where(or_(*chosen))
    ordered = query.order_by(events.c.time, events.c.subject, events.c.type, events.c.seq)
    result = connection.execution_options(yield_per=BATCH).execute(ordered)
    for row in result.mappings():
        yield replace(stored_fact(row), position=row["position"])
