"""Holds as people look them up: those in force, and what may be held without a case. Read only."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Select, func, literal, or_, select

from worker.domain.holds import HeldBy
from worker.store.holds import Holds, held_by
from worker.store.mirror_tables import customers, invoices, subscriptions
from worker.store.tables import holds


@dataclass(frozen=True, slots=True)
class HoldLine:
    """One hold with the cases that it keeps still."""

    hold: HeldBy
    case_ids: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Mirrored:
    """An object of Stripe's that the mirror knows, by the ids it may be held under."""

    customer_id: str
    subscription_id: str = ""
    invoice_id: str = ""


def holds_in_force(connection: Connection, account_id: str, *, now: datetime) -> Iterator[HoldLine]:
    """Yield the holds in force at *now*, business time, oldest first."""
    query = (
        select(holds)
        .where(
            holds.c.account_id == account_id,
            holds.c.released_at.is_(None),
            or_(holds.c.until.is_(None), holds.c.until > now),
        )
        .order_by(holds.c.id)
    )
    book = Holds(connection, account_id)
    for row in connection.execute(query).mappings().all():
        hold = held_by(dict(row))
        yield HoldLine(hold, tuple(book.concerned(hold.scope, hold.target)))


def mirrored(connection: Connection, account_id: str, wanted: str) -> list[Mirrored]:
    """Return what the mirror knows under an id, an invoice number or an e-mail address."""
    rows = connection.execute(_named(account_id, wanted.strip()))
    return [Mirrored(*row) for row in rows]


def _named(account_id: str, given: str) -> Select[Any]:
    nothing = literal("")
    people = select(customers.c.id, nothing, nothing).where(customers.c.account_id == account_id)
    if "@" in given:
        return people.where(func.lower(customers.c.email) == given.lower())
    if given.startswith("cus_"):
        return people.where(customers.c.id == given)
    if given.startswith("sub_"):
        return select(subscriptions.c.customer_id, subscriptions.c.id, nothing).where(
            subscriptions.c.account_id == account_id, subscriptions.c.id == given
        )
    by_id = invoices.c.id == given
    by_number = func.lower(invoices.c.number) == given.lower()
    return select(invoices.c.customer_id, invoices.c.subscription_id, invoices.c.id).where(
        invoices.c.account_id == account_id, by_id if given.startswith("in_") else by_number
    )
