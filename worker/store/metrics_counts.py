"""Everything that the metrics of a period are computed from, in a handful of queries. Read only."""

from datetime import datetime

from sqlalchemy import Connection, text

from worker.domain.metric import Period
from worker.domain.metric_counts import Counts
from worker.domain.metric_groups import GroupBy
from worker.store.metric_sources import Sources, read_sources
from worker.store.metrics_groups import read_groups
from worker.store.metrics_imported import read_costs, read_health, read_tickets, read_voices
from worker.store.metrics_payments import read_failures, read_recoveries, read_renewals
from worker.store.metrics_revenue import read_revenue


def read_counts(
    connection: Connection,
    account_id: str,
    period: Period,
    *,
    by: GroupBy | None = None,
    now: datetime,
    sources: Sources | None = None,
) -> Counts:
    """Return the counts of a period; give a connection that sees one moment (`snapshot`).

    Args: now: business time; what is not decided by then is pending. sources: where to
    read the views; left out, from what is kept of them and the facts since.
    """
    # Sorts of this reading stay in memory, and its plans are not worth compiling.
    connection.execute(text("SET LOCAL work_mem = '128MB'"))
    connection.execute(text("SET LOCAL jit = off"))
    sources = sources or read_sources(connection, account_id)
    groups = read_groups(connection, account_id, period, by, sources)
    return Counts(
        revenue=tuple(read_revenue(connection, account_id, period, groups, sources)),
        renewals=tuple(read_renewals(connection, account_id, period, groups, sources, now=now)),
        failures=tuple(read_failures(connection, account_id, period, groups, sources, now=now)),
        recoveries=tuple(read_recoveries(connection, account_id, period, groups, sources)),
        voices=tuple(read_voices(connection, account_id, period, groups)),
        tickets=tuple(read_tickets(connection, account_id, period, groups, now=now)),
        health=tuple(read_health(connection, account_id, period, groups)),
        costs=tuple(read_costs(connection, account_id, period)) if by is None else (),
    )
