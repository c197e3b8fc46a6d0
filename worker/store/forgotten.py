"""Whom to store nothing of: asked wherever data of people comes in."""

from collections.abc import Collection, Mapping, Sequence

from sqlalchemy import ColumnElement, Connection, String, any_, exists, literal, select, union
from sqlalchemy.dialects.postgresql import ARRAY

from worker.domain.forgetting import names_in, without_person
from worker.ports import Json
from worker.store.erasable_tables import forgotten_customers
from worker.store.tables import letters, network_attempts

_CUSTOMERS, _CHARGES = ("cus_",), ("ch_", "py_", "pi_")


def forgotten_among(connection: Connection, account_id: str, ids: Collection[str]) -> set[str]:
    """Return those of *ids* (customers) that are forgotten."""
    wanted = sorted(set(ids) - {""})
    if not wanted:
        return set()
    query = select(forgotten_customers.c.customer_id).where(
        forgotten_customers.c.account_id == account_id,
        forgotten_customers.c.customer_id == any_(literal(wanted, ARRAY(String))),
    )
    return set(connection.execute(query).scalars())


def letter_of_forgotten() -> ColumnElement[bool]:
    """Return whether a letter's customer is forgotten, for a statement about `letters`."""
    return exists().where(
        forgotten_customers.c.account_id == letters.c.account_id,
        forgotten_customers.c.customer_id == letters.c.customer_id,
    )


def keepable(connection: Connection, account_id: str, raw_events: Sequence[Json]) -> list[Json]:
    """Return *raw_events* in their order, those of forgotten people without what tells of them.

    A dispute names no customer but its charge, which the ledger knows.
    """
    mentioned = [names_in(raw, (*_CUSTOMERS, *_CHARGES)) for raw in raw_events]
    gone = _gone(connection, account_id, set().union(*mentioned))
    if not gone:
        return list(raw_events)
    return [
        _without(raw) if names & gone else raw
        for raw, names in zip(raw_events, mentioned, strict=True)
    ]


def _without(raw: Json) -> Json:
    without = without_person(raw)
    if not isinstance(without, Mapping):
        raise TypeError("an event is an object")
    return without


def _gone(connection: Connection, account_id: str, ids: set[str]) -> set[str]:
    customers = sorted(name for name in ids if name.startswith(_CUSTOMERS))
    charges = literal(sorted(ids - set(customers)), ARRAY(String))
    if not ids:
        return set()
    known = (
        network_attempts.c.account_id == forgotten_customers.c.account_id,
        network_attempts.c.customer_id == forgotten_customers.c.customer_id,
        forgotten_customers.c.account_id == account_id,
    )
    query = union(
        select(forgotten_customers.c.customer_id).where(
            forgotten_customers.c.account_id == account_id,
            forgotten_customers.c.customer_id == any_(literal(customers, ARRAY(String))),
        ),
        select(network_attempts.c.charge_id).where(
            *known, network_attempts.c.charge_id == any_(charges)
        ),
        select(network_attempts.c.payment_intent_id).where(
            *known, network_attempts.c.payment_intent_id == any_(charges)
        ),
    )
    return set(connection.execute(query).scalars())
