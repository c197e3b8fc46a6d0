"""Figures for monitoring, as counts by closed sets of words. Read only."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, func, select

from worker.domain.case import CaseState
from worker.domain.sinks import SinkState
from worker.store.chain import Chain
from worker.store.reading_status import (
    JobLine,
    LetterCounts,
    Living,
    Switch,
    count_letters,
    count_parked,
    last_seen,
    read_feed_position,
    read_jobs,
    read_processes,
    read_switch,
)
from worker.store.sinks import Sinks
from worker.store.tables import attempts, cases, inbox


@dataclass(frozen=True, slots=True)
class Figures:
    """What a monitoring system is told, of one moment."""

    switch: Switch
    living: tuple[Living, ...]
    worker_seen_at: datetime | None
    feed_at: datetime | None
    due_at: datetime | None
    """When the case that has been due for longest became so; business time."""
    jobs: tuple[JobLine, ...]
    cases: dict[str, int]
    """By state."""
    outcomes: dict[str, int]
    """Closed cases by outcome."""
    attempts: dict[tuple[str, ...], int]
    """By (kind, state)."""
    letters: LetterCounts
    sinks: tuple[tuple[SinkState, int], ...]
    """Each with how many facts wait for it."""
    events_waiting: int
    events_parked: int


def read_figures(
    connection: Connection, account_id: str, *, alive_since: datetime
) -> Figures | None:
    """Return the figures, or None while no worker has begun the ledger.

    Args: alive_since: wall time since which a living process must have been heard of.
    """
    switch = read_switch(connection, account_id)
    if switch is None:
        return None
    of_account = cases.c.account_id == account_id
    by_state = connection.execute(
        select(cases.c.state, func.coalesce(cases.c.outcome, ""), func.count())
        .where(of_account)
        .group_by(cases.c.state, cases.c.outcome)
    ).all()
    by_kind = connection.execute(
        select(attempts.c.kind, attempts.c.state, func.count())
        .where(attempts.c.account_id == account_id)
        .group_by(attempts.c.kind, attempts.c.state)
    ).all()
    waiting = select(func.count()).where(inbox.c.account_id == account_id, inbox.c.waiting)
    return Figures(
        switch=switch,
        living=tuple(read_processes(connection, account_id, since=alive_since)),
        worker_seen_at=last_seen(connection, account_id, "worker"),
        feed_at=read_feed_position(connection, account_id),
        due_at=connection.execute(
            select(func.min(cases.c.next_action_at)).where(of_account)
        ).scalar_one(),
        jobs=tuple(read_jobs(connection, account_id)),
        cases={
            state.value: sum(count for found, _, count in by_state if found == state.value)
            for state in CaseState
        },
        outcomes={outcome: count for _, outcome, count in by_state if outcome},
        attempts={(kind, state): count for kind, state, count in by_kind},
        letters=count_letters(connection, account_id),
        sinks=_sinks(connection, account_id),
        events_waiting=connection.execute(waiting).scalar_one(),
        events_parked=count_parked(connection, account_id),
    )


def _sinks(connection: Connection, account_id: str) -> tuple[tuple[SinkState, int], ...]:
    head = Chain(connection, account_id).head().position
    states = Sinks(connection, account_id).states()
    return tuple((state, max(0, head - state.position)) for state in states)
