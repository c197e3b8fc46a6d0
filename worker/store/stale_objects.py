"""What the mirrors are not certain of, by the object that must be read again."""

from typing import Any

from sqlalchemy import Column, Connection, and_, or_, select, update

from worker.domain.case import CaseState, Outcome
from worker.domain.engine_truth import PAID
from worker.store.mirror_tables import disputes, invoices, subscriptions
from worker.store.tables import cases

_READ_BY: dict[str, Column[Any]] = {
    "charge": disputes.c.charge_id,
    "invoice": invoices.c.id,
    "subscription": subscriptions.c.id,
}
"""By which of its columns a stale row is read again: of a dispute it is the charge."""


def stale_objects(connection: Connection, account_id: str, *, limit: int) -> list[tuple[str, str]]:
    """Return (kind, id) of at most *limit* objects of each kind, by id."""
    found: list[tuple[str, str]] = []
    for kind, column in _READ_BY.items():
        query = (
            select(column)
            .where(column.table.c.account_id == account_id, column.table.c.stale)
            .distinct()
            .order_by(column)
            .limit(limit)
        )
        found += [(kind, object_id) for object_id in connection.execute(query).scalars()]
    return found


def doubt_ended(connection: Connection, account_id: str) -> int:
    """Mark mirrored invoices as stale whose closed case came out otherwise; return how many.

    An invoice that was credited in full is called paid and its case is voided.
    """
    differs = or_(
        and_(cases.c.outcome.in_([each.value for each in PAID]), invoices.c.status != "paid"),
        and_(cases.c.outcome == Outcome.VOIDED.value, invoices.c.status.not_in(["void", "paid"])),
    )
    statement = (
        update(invoices)
        .where(
            invoices.c.account_id == account_id,
            ~invoices.c.stale,
            cases.c.account_id == invoices.c.account_id,
            cases.c.invoice_id == invoices.c.id,
            cases.c.state == CaseState.CLOSED.value,
            differs,
        )
        .values(stale=True)
    )
    return connection.execute(statement).rowcount


def settle_stale(connection: Connection, account_id: str, kind: str, object_id: str) -> None:
    """Mark the rows that an object was to be read for as certain."""
    column = _READ_BY[kind]
    connection.execute(
        update(column.table)
        .where(column.table.c.account_id == account_id, column == object_id)
        .values(stale=False)
    )
