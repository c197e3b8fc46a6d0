"""Charges in the network ledger: who made them, what came of them, and since when we know that."""

from dataclasses import asdict, dataclass
from datetime import datetime

from sqlalchemy import Connection, and_, case, func, literal, or_, select
from sqlalchemy.dialects.postgresql import insert as upsert

from worker.domain.network_rules import MadeBy
from worker.domain.readings import ChargeReading
from worker.store.rows import charge_columns, charge_of
from worker.store.tables import network_attempts


@dataclass(frozen=True, slots=True)
class Told:
    """What is told of a charge beside what it is like."""

    customer_id: str
    at: datetime
    """When it was made, business time."""
    made_by: MadeBy | None
    """None where only its event will tell."""
    key: str = ""
    """Our idempotency key that its event names, if any."""
    may_be_of: str = ""
    """The key of our attempt that it may be, where its event has not come yet."""


def put_charge(
    connection: Connection, account_id: str, charge: ChargeReading, told: Told, *, now: datetime
) -> None:
    """Record a charge, once; what came of it may change, and who made it be told later.

    Args: now: business time at which this is learnt.
    """
    said: dict[str, object] = {"status": charge.status, "signals": asdict(charge.signals)}
    also = {"request_key": told.key} if told.key else {}
    also |= {"made_by": told.made_by.value} if told.made_by is not None else {}
    row = network_attempts.c
    statement = upsert(network_attempts).values(
        account_id=account_id,
        customer_id=told.customer_id,
        at=told.at,
        learnt_at=now,
        said_at=now,
        may_be_of=told.may_be_of,
        **charge_columns(charge),
        **said,
        **also,
    )
    # An event may bear fewer of a network's own fields than a read did, and say no other thing.
    codes = {"code": charge.signals.code, "decline_code": charge.signals.decline_code}
    is_news = or_(
        row.status != charge.status,
        *(func.coalesce(row.signals[name].astext, "") != code for name, code in codes.items()),
    )
    was_read = and_(row.made_by == "", literal(told.made_by is not None))
    counts_now = and_(was_read, row.may_be_of != "")
    changed = {
        **said,
        **also,
        "at": case((was_read, told.at), else_=row.at),
        "learnt_at": case((counts_now, now), else_=row.learnt_at),
        "said_at": case((is_news, now), else_=row.said_at),
    }
    connection.execute(
        statement.on_conflict_do_update(index_elements=["account_id", "charge_id"], set_=changed)
    )


def find_charge(connection: Connection, account_id: str, charge_id: str) -> ChargeReading | None:
    """Return a charge as its event or a read told of it."""
    row = (
        connection.execute(
            select(network_attempts).where(
                network_attempts.c.account_id == account_id,
                network_attempts.c.charge_id == charge_id,
            )
        )
        .mappings()
        .one_or_none()
    )
    return charge_of(row) if row is not None else None
