"""Everybody's tries and the changes of cards, for the proof to the networks. Read only."""

from collections import defaultdict
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, or_, select

from worker.domain.network_rules import NetworkTry
from worker.store.mirror_tables import payment_methods
from worker.store.network import all_tries
from worker.store.tables import inbox

UPDATED_BY_NETWORK = "payment_method.automatically_updated"
UPDATED = "payment_method.updated"


@dataclass(frozen=True, slots=True)
class NetworkRecord:
    """What the ledger knows of tries and cards up to the end of a period."""

    tries: tuple[NetworkTry, ...]
    """Also those before the period that still fill its windows, or stop a card in it."""
    changes: dict[str, tuple[datetime, ...]]
    """When the data of each card changed, by payment method id, oldest first."""


def read_network(connection: Connection, account_id: str, *, to_at: datetime) -> NetworkRecord:
    """Return every try before *to_at*, however old, and the changes of cards."""
    return NetworkRecord(
        tries=all_tries(connection, account_id, to_at=to_at),
        changes=changes_of(connection, account_id),
    )


def changes_of(connection: Connection, account_id: str) -> dict[str, tuple[datetime, ...]]:
    """Return every change that an event told of, and the last one that the mirror knows."""
    before = inbox.c.payload["data"]["previous_attributes"]
    told = select(inbox.c.object_id, inbox.c.created_at).where(
        inbox.c.account_id == account_id,
        or_(
            inbox.c.type == UPDATED_BY_NETWORK,
            (inbox.c.type == UPDATED) & before.has_key("card"),
        ),
    )
    known = select(payment_methods.c.id, payment_methods.c.changed_at).where(
        payment_methods.c.account_id == account_id, payment_methods.c.changed_at.isnot(None)
    )
    found: dict[str, set[datetime]] = defaultdict(set)
    for method_id, at in [*connection.execute(told), *connection.execute(known)]:
        found[method_id].add(at)
    return {method_id: tuple(sorted(instants)) for method_id, instants in found.items()}
