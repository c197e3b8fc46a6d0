"""How the service stands, as rows: switch, processes, jobs, cases, letters. Read only."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, RowMapping, and_, func, or_, select

from worker.domain.canary import MARK
from worker.domain.case import CaseState, LetterState
from worker.domain.money import Money
from worker.store.cases import LATE_AFTER
from worker.store.job_tables import jobs, processes
from worker.store.mirror_tables import invoices
from worker.store.reading import case_money
from worker.store.sent_invoices import not_due
from worker.store.tables import cases, control, cursors, decisions, inbox, letters

FEED = "events"
"""The cursor of Stripe's event list."""


@dataclass(frozen=True, slots=True)
class Switch:
    """The control row as people ask about it."""

    charging: bool
    live: bool
    """The ledger began with a live key."""
    stopped_at: datetime | None
    cause: str
    detail: str
    changed_by: str
    business_at: datetime | None
    """The test clock's time; None where real time rules."""


@dataclass(frozen=True, slots=True)
class Living:
    """A process and when it was last heard of, in wall time."""

    name: str
    seen_at: datetime
    config_digest: str


@dataclass(frozen=True, slots=True)
class Signs:
    """What tells whether charges are made now."""

    switch: Switch
    alive: tuple[Living, ...]
    """Processes heard of lately, by name."""
    worker_seen_at: datetime | None
    """When any worker was last heard of, in wall time."""
    feed_at: datetime | None
    """Up to which instant, in business time, Stripe's events are read."""


@dataclass(frozen=True, slots=True)
class JobLine:
    """A scheduled job and how its last run ended, in wall time."""

    name: str
    ended_at: datetime | None
    outcome: str


@dataclass(frozen=True, slots=True)
class CaseCounts:
    """Cases by how they stand; `money` has one amount per currency and never a sum over them."""

    open: int
    held: int
    in_review: int
    closed: int
    late: int
    """Open and due for more than 15 minutes."""
    waiting: int
    """Open, and due or stopped by the switch."""
    money: tuple[Money, ...]
    reviews: tuple[tuple[int, str], ...]
    """Number and reason of cases that wait for a person, longest first."""
    not_due: int = 0
    """Open cases of invoices that are paid by hand and not due yet; no part of the others."""


@dataclass(frozen=True, slots=True)
class LetterCounts:
    """Letters by state, and when the next of those that wait may go."""

    by_state: dict[str, int]
    next_at: datetime | None


@dataclass(frozen=True, slots=True)
class LimitWait:
    """A cap that keeps cases or letters waiting."""

    limit: str
    waiting: int
    next_at: datetime
    """When the first of them looks again, business time."""
    letters: bool = False


def read_signs(
    connection: Connection, account_id: str, *, alive_since: datetime, runs: bool = True
) -> Signs | None:
    """Return the signs of life, or None while no worker has run.

    Args: runs: False where only this reading itself runs, so that no process counts.
    """
    switch = read_switch(connection, account_id)
    if switch is None:
        return None
    alive = read_processes(connection, account_id, since=alive_since) if runs else []
    return Signs(
        switch,
        tuple(alive),
        worker_seen_at=last_seen(connection, account_id, "worker"),
        feed_at=read_feed_position(connection, account_id),
    )


def read_switch(connection: Connection, account_id: str) -> Switch | None:
    """Return the control row, or None while no worker has run."""
    row = (
        connection.execute(select(control).where(control.c.account_id == account_id))
        .mappings()
        .one_or_none()
    )
    return _switch_of(row) if row is not None else None


def _switch_of(row: RowMapping) -> Switch:
    return Switch(
        charging=row["charging"],
        live=row["live"],
        stopped_at=row["stopped_at"],
        cause=row["stop_cause"],
        detail=row["stop_detail"],
        changed_by=row["changed_by"],
        business_at=row["business_at"],
    )


def read_feed_position(connection: Connection, account_id: str) -> datetime | None:
    """Return up to which instant, in business time, Stripe's events are read."""
    return connection.execute(
        select(cursors.c.position_at).where(
            cursors.c.account_id == account_id, cursors.c.name == FEED
        )
    ).scalar_one_or_none()


def read_processes(connection: Connection, account_id: str, *, since: datetime) -> list[Living]:
    """Return the processes heard of since *since*, by name."""
    query = (
        select(processes)
        .where(processes.c.account_id == account_id, processes.c.seen_at >= since)
        .order_by(processes.c.name)
    )
    return [
        Living(row["name"], row["seen_at"], row["config_digest"])
        for row in connection.execute(query).mappings()
    ]


def last_seen(connection: Connection, account_id: str, kind: str) -> datetime | None:
    """Return when a process of *kind* (`worker`, `scheduler`) was last heard of, in wall time."""
    return connection.execute(
        select(func.max(processes.c.seen_at)).where(
            processes.c.account_id == account_id, processes.c.name.startswith(f"{kind}-")
        )
    ).scalar_one_or_none()


def read_jobs(connection: Connection, account_id: str) -> list[JobLine]:
    """Return the scheduled jobs by name."""
    query = select(jobs).where(jobs.c.account_id == account_id).order_by(jobs.c.name)
    return [
        JobLine(row["name"], row["last_ended_at"], row["last_outcome"])
        for row in connection.execute(query).mappings()
    ]


def count_cases(connection: Connection, account_id: str, *, now: datetime) -> CaseCounts:
    """Return how many cases stand how at *now*, business time."""
    early = not_due(now)
    is_open = and_(cases.c.state == CaseState.OPEN.value, ~early)
    last_rule = (
        select(decisions.c.rule)
        .where(decisions.c.case_id == cases.c.id)
        .order_by(decisions.c.id.desc())
        .limit(1)
        .scalar_subquery()
    )
    waits = or_(cases.c.next_action_at <= now, last_rule == "stopped")
    late = cases.c.next_action_at < now - LATE_AFTER
    of_account = cases.c.account_id == account_id
    row = connection.execute(
        select(
            *(func.count().filter(cases.c.state == state.value) for state in CaseState),
            func.count().filter(and_(is_open, late)),
            func.count().filter(early),
        ).where(of_account)
    ).one()
    waiting = connection.execute(
        select(func.count()).select_from(cases).where(of_account, is_open, waits)
    ).scalar_one()
    invoice = and_(invoices.c.account_id == cases.c.account_id, invoices.c.id == cases.c.invoice_id)
    money = connection.execute(
        select(cases.c.currency, func.sum(case_money()))
        .outerjoin(invoices, invoice)
        .where(of_account, cases.c.state != CaseState.CLOSED.value, ~early)
        .group_by(cases.c.currency)
        .order_by(cases.c.currency)
    ).all()
    reviews = connection.execute(
        select(cases.c.id, cases.c.reason)
        .where(of_account, cases.c.state == CaseState.IN_REVIEW.value)
        .order_by(cases.c.failed_at, cases.c.id)
    ).all()
    counts = dict(zip(CaseState, row, strict=False))
    return CaseCounts(
        open=counts[CaseState.OPEN] - row[-1],
        held=counts[CaseState.HELD],
        in_review=counts[CaseState.IN_REVIEW],
        closed=counts[CaseState.CLOSED],
        late=row[-2],
        not_due=row[-1],
        waiting=waiting,
        money=tuple(Money(int(total), currency) for currency, total in money),
        reviews=tuple((number, reason) for number, reason in reviews),
    )


def count_letters(connection: Connection, account_id: str) -> LetterCounts:
    """Return how many letters are in each state, and when the next queued one may go out."""
    rows = connection.execute(
        select(letters.c.state, func.count().label("letters"))
        .where(letters.c.account_id == account_id)
        .group_by(letters.c.state)
    ).all()
    next_at = connection.execute(
        select(func.min(letters.c.next_action_at)).where(
            letters.c.account_id == account_id, letters.c.state == LetterState.QUEUED.value
        )
    ).scalar_one_or_none()
    return LetterCounts({row.state: row.letters for row in rows}, next_at)


def read_limits(connection: Connection, account_id: str) -> list[LimitWait]:
    """Return the caps that keep something back, and until when."""
    found = []
    for table in (cases, letters):
        query = (
            select(table.c.waits_for, func.count(), func.min(table.c.next_action_at))
            .where(
                table.c.account_id == account_id,
                table.c.waits_for != "",
                ~table.c.waits_for.startswith(MARK),
                table.c.next_action_at.isnot(None),
                table.c.state.in_((CaseState.OPEN.value, LetterState.QUEUED.value)),
            )
            .group_by(table.c.waits_for)
            .order_by(table.c.waits_for)
        )
        rows = connection.execute(query).all()
        found += [LimitWait(row[0], row[1], row[2], letters=table is letters) for row in rows]
    return found


def count_parked(connection: Connection, account_id: str) -> int:
    """Return how many of Stripe's events could not be applied and are put aside."""
    return connection.execute(
        select(func.count())
        .select_from(inbox)
        .where(inbox.c.account_id == account_id, inbox.c.error != "")
    ).scalar_one()
