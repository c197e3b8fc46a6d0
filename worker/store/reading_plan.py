"""Every case that is not closed with what a forecast needs, in a handful of queries. Read only.

Invoices are rebuilt from the mirrors as for a story (`reading_case`), so a plan needs no call to
Stripe; what is around each case is asked with the very query that precedes its decisions.
"""

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, TypeVar

from sqlalchemy import Connection, RowMapping, Select, Table, select

from worker.domain.case import (
    Attempt,
    AttemptState,
    Case,
    CaseLetter,
    CaseState,
    StepRecord,
    Surroundings,
)
from worker.domain.policy import Policy
from worker.domain.policy_text import from_plain
from worker.domain.readings import (
    CustomerReading,
    InvoiceReading,
    PaymentMethodReading,
    PaymentReading,
    SubscriptionReading,
)
from worker.store.around import surroundings_of
from worker.store.config_tables import policies
from worker.store.mirror_tables import customers, invoices, payment_methods, subscriptions
from worker.store.mirrored_invoice import mirrored_invoice, payment_of
from worker.store.network import RecentTries
from worker.store.reading import CaseLine, list_cases
from worker.store.rows import (
    attempt_of,
    case_of,
    charge_of,
    customer_of,
    letter_of,
    payment_method_of,
    step_of,
    subscription_of,
)
from worker.store.tables import attempts, cases, letters, network_attempts, steps

UNFINISHED = tuple(state for state in CaseState if state is not CaseState.CLOSED)

Part = TypeVar("Part")


@dataclass(frozen=True, slots=True)
class OpenCase:
    """One case that is not closed, as a forecast begins with it."""

    line: CaseLine
    case: Case
    policy: Policy | None
    """The version it began with; None for one that is not kept any more."""
    invoice: InvoiceReading
    around: Surroundings
    queued: Mapping[int, datetime]
    """Its letters that wait -> when they may go out."""


@dataclass(frozen=True, slots=True)
class WaitingLetter:
    """A letter of a closed case, such as its thanks, that waits for the customer's hours."""

    line: CaseLine
    customer: CustomerReading | None
    step: str
    notice: str
    queued_at: datetime
    send_at: datetime


@dataclass(frozen=True, slots=True)
class Mirrored:
    """What the mirrors hold of the cases' objects, by id."""

    invoices: Mapping[str, RowMapping]
    subscriptions: Mapping[str, SubscriptionReading]
    customers: Mapping[str, CustomerReading]
    charges: Mapping[str, RowMapping]


def read_open_cases(
    connection: Connection, account_id: str, *, now: datetime, wall_now: datetime
) -> list[OpenCase]:
    """Return every case that is not closed, by number, as things stand at *now*."""
    lines = {
        line.id: line
        for line in list_cases(connection, account_id, words=[state.value for state in UNFINISHED])
    }
    found = _cases(connection, account_id)
    mirrored = _mirrored(connection, account_id, found)
    kept = _policies(connection, account_id)
    queued = _queued(connection, account_id)
    recent = RecentTries(connection, account_id, now=now)
    return [
        OpenCase(
            line=lines[case.id],
            case=case,
            policy=kept.get(case.policy_digest),
            invoice=(invoice := _invoice(case, mirrored)),
            around=surroundings_of(
                connection,
                account_id,
                case,
                invoice,
                now=now,
                wall_now=wall_now,
                of_many=recent,
            ),
            queued=queued.get(case.id, {}),
        )
        for case in found
    ]


def read_closing_letters(connection: Connection, account_id: str) -> list[WaitingLetter]:
    """Return the letters of closed cases that are still to go out, by case."""
    query = (
        select(letters)
        .join(cases, cases.c.id == letters.c.case_id)
        .where(
            letters.c.account_id == account_id,
            letters.c.next_action_at.is_not(None),
            cases.c.state == CaseState.CLOSED.value,
        )
        .order_by(letters.c.case_id, letters.c.id)
    )
    rows = connection.execute(query).mappings().all()
    lines = {
        line.id: line
        for line in list_cases(connection, account_id, ids={row["case_id"] for row in rows})
    }
    people = _rows(connection, account_id, customers, sorted({row["customer_id"] for row in rows}))
    return [
        WaitingLetter(
            lines[row["case_id"]],
            customer_of(person, None) if (person := people.get(row["customer_id"])) else None,
            row["step"],
            row["notice"],
            row["queued_at"],
            row["next_action_at"],
        )
        for row in rows
    ]


def _unfinished(account_id: str, column: str) -> Select[tuple[Any]]:
    """Return one column of the cases that are not closed."""
    return select(cases.c[column]).where(
        cases.c.account_id == account_id, cases.c.state != CaseState.CLOSED.value
    )


def _cases(connection: Connection, account_id: str) -> list[Case]:
    query = (
        select(cases)
        .where(cases.c.account_id == account_id, cases.c.state != CaseState.CLOSED.value)
        .order_by(cases.c.id)
    )
    rows = connection.execute(query).mappings().all()
    tried: Mapping[int, list[Attempt]] = _parts(
        connection, account_id, attempts, attempts.c.no.name, attempt_of
    )
    done: Mapping[int, list[StepRecord]] = _parts(
        connection, account_id, steps, steps.c.at.name, step_of
    )
    written: Mapping[int, list[CaseLetter]] = _parts(
        connection, account_id, letters, letters.c.id.name, letter_of
    )
    return [
        case_of(
            row,
            attempts=tuple(tried.get(row["id"], ())),
            steps=tuple(done.get(row["id"], ())),
            letters=tuple(written.get(row["id"], ())),
        )
        for row in rows
    ]


def _parts(
    connection: Connection,
    account_id: str,
    table: Table,
    order: str,
    part_of: Callable[[RowMapping], Part],
) -> dict[int, list[Part]]:
    """Return the rows of *table* that belong to the cases, by case, in *order*."""
    query = (
        select(table)
        .where(table.c.case_id.in_(_unfinished(account_id, "id")))
        .order_by(table.c.case_id, table.c[order])
    )
    found: dict[int, list[Part]] = defaultdict(list)
    for row in connection.execute(query).mappings():
        found[row["case_id"]].append(part_of(row))
    return found


def _queued(connection: Connection, account_id: str) -> dict[int, dict[int, datetime]]:
    query = select(letters.c.case_id, letters.c.id, letters.c.next_action_at).where(
        letters.c.case_id.in_(_unfinished(account_id, "id")),
        letters.c.next_action_at.is_not(None),
    )
    found: dict[int, dict[int, datetime]] = defaultdict(dict)
    for case_id, letter_id, at in connection.execute(query):
        found[case_id][letter_id] = at
    return found


def _policies(connection: Connection, account_id: str) -> dict[str, Policy]:
    query = select(policies.c.digest, policies.c.text).where(
        policies.c.account_id == account_id,
        policies.c.digest.in_(_unfinished(account_id, "policy_digest")),
    )
    return {digest: from_plain(text) for digest, text in connection.execute(query)}


def _mirrored(connection: Connection, account_id: str, found: Iterable[Case]) -> Mirrored:
    bills = _rows(connection, account_id, invoices, _unfinished(account_id, "invoice_id"))
    plans = _rows(connection, account_id, subscriptions, _unfinished(account_id, "subscription_id"))
    people = _rows(connection, account_id, customers, _unfinished(account_id, "customer_id"))
    used = {row["default_payment_method_id"] for row in [*plans.values(), *people.values()]}
    methods: dict[str, PaymentMethodReading] = {
        key: payment_method_of(row)
        for key, row in _rows(connection, account_id, payment_methods, sorted(used - {""})).items()
    }
    failed = sorted({case.failure.charge_id for case in found if case.failure is not None} - {""})
    query = select(network_attempts).where(
        network_attempts.c.account_id == account_id, network_attempts.c.charge_id.in_(failed)
    )
    return Mirrored(
        invoices=bills,
        subscriptions={
            key: subscription_of(row, methods.get(row["default_payment_method_id"]))
            for key, row in plans.items()
        },
        customers={
            key: customer_of(row, methods.get(row["default_payment_method_id"]))
            for key, row in people.items()
        },
        charges={row["charge_id"]: row for row in connection.execute(query).mappings()},
    )


def _rows(
    connection: Connection,
    account_id: str,
    table: Table,
    wanted: Select[tuple[Any]] | list[str],
) -> dict[str, RowMapping]:
    query = select(table).where(table.c.account_id == account_id, table.c.id.in_(wanted))
    return {row["id"]: row for row in connection.execute(query).mappings()}


def _invoice(case: Case, mirrored: Mirrored) -> InvoiceReading:
    return mirrored_invoice(
        case,
        mirrored.invoices.get(case.invoice_id),
        payment=_payment(case, mirrored),
        subscription=mirrored.subscriptions.get(case.subscription_id),
        customer=mirrored.customers.get(case.customer_id),
    )


def _payment(case: Case, mirrored: Mirrored) -> PaymentReading | None:
    if case.in_flight is not None and case.in_flight.state is AttemptState.PROCESSING:
        return PaymentReading("", "processing")  # a bank debit; its outcome takes days
    charge = mirrored.charges.get(case.failure.charge_id) if case.failure is not None else None
    return payment_of(charge_of(charge)) if charge is not None else None
