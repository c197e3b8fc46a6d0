"""Who stopped charging or let it go on by hand, where the job log has not told it. Read only."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, select

from worker.store.job_tables import job_runs
from worker.store.tables import events

SWITCHES_MAX = 5
"""So many acts may lie between two looks; what is older is no news where nobody ever told it."""


@dataclass(frozen=True, slots=True)
class Switched:
    """One act of a person on the switch; why they did it is theirs and stays in the ledger."""

    fact_id: str
    stopped: bool
    cause: str
    """Of a stop `switch`; else what had stopped charging: `switch`, a trouble, or `canary`."""
    by: str
    at: datetime


def read_untold_switches(
    connection: Connection, account_id: str, *, told_as: str, nobody: str
) -> list[Switched]:
    """Return the last acts on the switch that no job run tells of yet, the first first.

    Args: told_as: name of the `job_runs` that have told one, by the fact's id; nobody: who acts
    in a fact where no person did.
    """
    found = connection.execute(
        select(
            events.c.id, events.c.type, events.c.time, events.c.data, job_runs.c.at.label("told_at")
        )
        .outerjoin(
            job_runs,
            (job_runs.c.account_id == events.c.account_id)
            & (job_runs.c.name == told_as)
            & (job_runs.c.period == events.c.id),
        )
        .where(
            events.c.account_id == account_id,
            events.c.subject == "account",
            events.c.type.in_(("charging.stopped", "charging.resumed")),
            events.c.data["by"].astext != nobody,
        )
        .order_by(events.c.seq.desc())
        .limit(SWITCHES_MAX)
    ).mappings()
    return [
        Switched(
            fact_id=row["id"],
            stopped=row["type"] == "charging.stopped",
            cause=str(row["data"]["cause"]),
            by=str(row["data"]["by"]),
            at=row["time"],
        )
        for row in reversed(list(found))
        if row["told_at"] is None
    ]
