"""What the mirrors are not certain of, by the object that must be read again."""

from typing import Any

from sqlalchemy import Column, Connection, select, update

from worker.store.mirror_tables import disputes, invoices, subscriptions

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


def settle_stale(connection: Connection, account_id: str, kind: str, object_id: str) -> None:
    """Mark the rows that an object was to be read for as certain."""
    column = _READ_BY[kind]
    connection.execute(
        update(column.table)
        .where(column.table.c.account_id == account_id, column == object_id)
        .values(stale=False)
    )
