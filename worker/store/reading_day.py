"""What a span of time came to, and what waits for a person. Read only."""

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, and_, select

from worker.domain.case import AttemptKind, AttemptState, Outcome
from worker.domain.money import Money
from worker.store.job_tables import job_runs
from worker.store.reading_facts import told_data
from worker.store.tables import events, holds

LIMIT_RUNS = "limit "
"""How the names of `job_runs` begin by which a cap is told once in its window."""

_COUNTED = (
    "case.opened",
    "payment.recovered",
    "payment.retried",
    "notice.sent",
    "case.closed",
    "case.in_review",
)
_TRIED = frozenset((AttemptState.SUCCEEDED.value, AttemptState.DECLINED.value))


@dataclass(frozen=True, slots=True)
class DayResult:
    """Counts and money of a span; money has one amount per currency and no sum over them."""

    failed: int
    failed_money: tuple[Money, ...]
    retries: int
    recovered: int
    recovered_money: tuple[Money, ...]
    letters: int
    ended: int
    reviews: int


@dataclass(frozen=True, slots=True)
class EndingHold:
    """A hold that ends by itself soon; then its cases go on."""

    scope: str
    target: str
    kind: str
    owner: str
    reason: str
    until: datetime


@dataclass(frozen=True, slots=True)
class Told:
    """Something that staff is told of at once: what makes it one occasion, and what it is about."""

    occasion: str
    subject: str
    at: datetime
    data: dict[str, object]


def read_day(
    connection: Connection, account_id: str, *, from_at: datetime, to_at: datetime
) -> DayResult:
    """Return what happened from *from_at* on and before *to_at*, in business time."""
    query = select(events.c.type, events.c.data).where(
        events.c.account_id == account_id,
        events.c.time >= from_at,
        events.c.time < to_at,
        events.c.type.in_(_COUNTED),
    )
    counts: dict[str, int] = defaultdict(int)
    money: dict[str, dict[str, int]] = defaultdict(lambda: defaultdict(int))
    for kind, data in connection.execute(query):
        if kind == "case.opened" and "amount_minor" not in data:
            continue  # a case that was taken up again; its failure was told before
        if kind == "payment.retried" and not _is_try(data):
            continue
        counts[kind] += 1
        if data.get("amount_minor") is not None and data.get("currency"):
            money[kind][data["currency"]] += int(data["amount_minor"])
        if kind == "case.closed" and data.get("outcome") == Outcome.ENDED.value:
            counts["ended"] += 1
    return DayResult(
        failed=counts["case.opened"],
        failed_money=_amounts(money["case.opened"]),
        retries=counts["payment.retried"],
        recovered=counts["payment.recovered"],
        recovered_money=_amounts(money["payment.recovered"]),
        letters=counts["notice.sent"],
        ended=counts["ended"],
        reviews=counts["case.in_review"],
    )


def _is_try(data: Mapping[str, object]) -> bool:
    """Return whether `payment.retried` tells of a try, in the words of the metrics views: a bank
    debit counts once, by its outcome, and a request that was refused or given up not at all."""
    is_charge = data.get("kind", AttemptKind.CHARGE.value) == AttemptKind.CHARGE.value
    return is_charge and data.get("outcome") in _TRIED


def _amounts(sums: dict[str, int]) -> tuple[Money, ...]:
    return tuple(Money(sums[currency], currency) for currency in sorted(sums))


def read_ending_holds(
    connection: Connection, account_id: str, *, now: datetime, before: datetime
) -> list[EndingHold]:
    """Return the holds that end by themselves before *before*, the first first."""
    query = (
        select(holds)
        .where(
            holds.c.account_id == account_id,
            holds.c.released_at.is_(None),
            holds.c.until > now,
            holds.c.until < before,
        )
        .order_by(holds.c.until, holds.c.id)
    )
    return [
        EndingHold(
            row["scope"], row["target"], row["kind"], row["owner"], row["reason"], row["until"]
        )
        for row in connection.execute(query).mappings()
    ]


def read_told_facts(
    connection: Connection, account_id: str, kind: str, *, since: datetime
) -> list[Told]:
    """Return each fact of one type from *since* on, in business time, the first first."""
    query = (
        select(events.c.id, events.c.subject, events.c.time, told_data())
        .where(events.c.account_id == account_id, events.c.time >= since, events.c.type == kind)
        .order_by(events.c.time, events.c.seq)
    )
    return [
        Told(f"fact {row['id']}", row["subject"], row["time"], dict(row["data"]))
        for row in connection.execute(query).mappings()
    ]


def read_switch_facts(
    connection: Connection, account_id: str, *, since: datetime
) -> list[tuple[str, Told]]:
    """Return type and fact of each stop and start of charging from *since* on, as written.

    The last one before *since* comes first: a stop that held then has no other in the span.
    """
    query = (
        select(events.c.id, events.c.subject, events.c.type, events.c.time, told_data())
        .where(
            events.c.account_id == account_id,
            events.c.subject == "account",
            events.c.type.in_(("charging.stopped", "charging.resumed")),
        )
        .order_by(events.c.seq.desc())
    )
    found: list[tuple[str, Told]] = []
    for row in connection.execute(query).mappings():
        told = Told(f"fact {row['id']}", row["subject"], row["time"], dict(row["data"]))
        found.insert(0, (row["type"], told))
        if row["time"] < since:
            break
    return found


def read_limits_reached(connection: Connection, account_id: str, *, since: datetime) -> list[Told]:
    """Return each cap that was reached from *since* on, once for each of its windows."""
    query = (
        select(job_runs.c.name, job_runs.c.period, job_runs.c.at)
        .where(
            and_(
                job_runs.c.account_id == account_id,
                job_runs.c.name.startswith(LIMIT_RUNS, autoescape=True),
                job_runs.c.at >= since,
            )
        )
        .order_by(job_runs.c.at, job_runs.c.name)
    )
    return [
        Told(f"{row['name']} {row['period']}", row["name"].removeprefix(LIMIT_RUNS), row["at"], {})
        for row in connection.execute(query).mappings()
    ]
