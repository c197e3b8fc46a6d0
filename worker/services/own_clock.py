"""Which of Stripe's events are about objects of the test clock that is followed (D14).

Stripe's list of events knows no test clocks, and several workers, or people, may share one
sandbox: what belongs to another clock, or to none, is neither mirrored nor told nor dunned.
Customers, subscriptions and invoices carry their clock; other objects name one of those.
"""

from collections.abc import Mapping, Sequence
from typing import Any, cast

from worker.ports import Json, Tx


def only_of_clock(tx: Tx, events: Sequence[Json], test_clock: str) -> list[Json]:
    """Return the events of *test_clock*'s objects, or all where no clock is followed.

    An event that is about nobody's object, or cannot be read, stays: it does no harm, or is parked.
    """
    if not test_clock:
        return list(events)
    subjects = [_subject(event) for event in events]
    own = [one for one in subjects if one.get("test_clock") == test_clock]
    customers, invoices = (
        {_id_of(one, kind) for one in own} - {""} for kind in ("customer", "invoice")
    )
    named = [one for one in subjects if "test_clock" not in one]
    customers |= tx.mirror.known_customers({_id_of(one, "customer") for one in named} - customers)
    invoices |= tx.mirror.known_invoices({_id_of(one, "invoice") for one in named} - invoices)
    return [
        event
        for event, one in zip(events, subjects, strict=True)
        if _belongs(one, test_clock, customers, invoices)
    ]


def _belongs(
    subject: Mapping[str, Any], test_clock: str, customers: set[str], invoices: set[str]
) -> bool:
    if "test_clock" in subject:
        return bool(subject["test_clock"] == test_clock)
    customer, invoice = _id_of(subject, "customer"), _id_of(subject, "invoice")
    return customers >= {customer} - {""} and invoices >= {invoice} - {""}


def _subject(event: Json) -> Mapping[str, Any]:
    data = event.get("data")
    subject = data.get("object") if isinstance(data, Mapping) else None
    return cast(Mapping[str, Any], subject) if isinstance(subject, Mapping) else {}


def _id_of(subject: Mapping[str, Any], kind: str) -> str:
    """Return the id of the subject's customer or invoice, which it may be itself."""
    named = subject if subject.get("object") == kind else subject.get(kind)
    found = named.get("id") if isinstance(named, Mapping) else named
    return found if isinstance(found, str) else ""


def says_time_moved(event: Json) -> bool:
    """Return whether an event only says that a test clock moved."""
    return str(event.get("type", "")).startswith("test_helpers.")
