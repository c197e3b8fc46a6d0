"""What people look up: cases by any id they may hold, and lists of them. Read only.

Every reading works on a `snapshot`, so that all its figures belong to one moment.
"""

from collections.abc import Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import ColumnElement, Connection, RowMapping, Select, and_, func, or_, select, text

from worker.domain.identifiers import parse_case_name
from worker.domain.money import Money
from worker.store.ledger import PostgresLedger
from worker.store.mirror_tables import customers, invoices
from worker.store.tables import cases

Snapshot = Connection
"""What `snapshot` gives, for whoever hands it on."""


@contextmanager
def snapshot(ledger: PostgresLedger) -> Iterator[Snapshot]:
    """Give a connection that sees one moment and cannot write.

    Raises: ServiceUnavailable: the database is away.
    """
    with ledger.connection() as connection:
        connection.execute(text("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY"))
        yield connection


@dataclass(frozen=True, slots=True)
class CaseLine:
    """One case as a list shows it."""

    id: int
    state: str
    outcome: str
    """Empty while the case is not closed."""
    reason: str
    owed: Money
    """What is left to pay, or was owed at the start where the mirror does not say."""
    customer_id: str
    customer_name: str
    """Personal data: for a terminal, never for a log or a file."""
    invoice_id: str
    invoice_number: str
    subscription_id: str
    decline_class: str
    decline_code: str
    next_step: str
    next_action_at: datetime | None
    failed_at: datetime
    closed_at: datetime | None
    due_at: datetime | None = None
    """Of an invoice that is paid by hand; nothing of it has failed."""


def find_cases(connection: Connection, account_id: str, wanted: str) -> list[int]:
    """Return the numbers of the cases that *wanted* names, lowest first; empty where none does.

    *wanted* is a case number (`C-1042`, `1042`), an id (`in_`, `sub_`, `cus_`), an invoice number
    or an e-mail address. Figures alone are a case number first, an invoice number second.
    """
    given = wanted.strip()
    number = parse_case_name(given if not given.isdecimal() else f"C-{given}")
    if number is not None and number < 2**63:
        found = _ids(connection, account_id, cases.c.id == number)
        if found or not given.isdecimal():
            return found
    return _ids(connection, account_id, _named_by(account_id, given))


def _named_by(account_id: str, given: str) -> ColumnElement[bool]:
    if "@" in given:
        people = select(customers.c.id).where(
            customers.c.account_id == account_id, func.lower(customers.c.email) == given.lower()
        )
        return cases.c.customer_id.in_(people)
    for prefix, column in (
        ("in_", cases.c.invoice_id),
        ("sub_", cases.c.subscription_id),
        ("cus_", cases.c.customer_id),
    ):
        if given.startswith(prefix):
            return column == given
    return func.lower(cases.c.invoice_number) == given.lower()


def _ids(connection: Connection, account_id: str, condition: ColumnElement[bool]) -> list[int]:
    query = select(cases.c.id).where(cases.c.account_id == account_id, condition)
    return list(connection.execute(query.order_by(cases.c.id)).scalars())


def list_cases(
    connection: Connection,
    account_id: str,
    *,
    ids: Collection[int] | None = None,
    words: Collection[str] | None = None,
) -> Iterator[CaseLine]:
    """Yield cases by number; None means no restriction.

    Args: words: states or outcomes, of which a case must have one.
    """
    query = _lines(account_id).order_by(cases.c.id)
    if ids is not None:
        query = query.where(cases.c.id.in_(sorted(ids)))
    if words is not None:
        query = query.where(or_(cases.c.state.in_(words), cases.c.outcome.in_(words)))
    for row in connection.execute(query).mappings():
        yield _line_of(row)


def _lines(account_id: str) -> Select[tuple[object, ...]]:
    invoice = and_(invoices.c.account_id == cases.c.account_id, invoices.c.id == cases.c.invoice_id)
    customer = and_(
        customers.c.account_id == cases.c.account_id, customers.c.id == cases.c.customer_id
    )
    remaining = case_money()
    return (
        select(cases, remaining.label("owed_minor"), customers.c.name.label("customer_name"))
        .outerjoin(invoices, invoice)
        .outerjoin(customers, customer)
        .where(cases.c.account_id == account_id)
    )


def case_money() -> ColumnElement[int]:
    """Return the column of what an unpaid case is about; needs `cases` joined with `invoices`.

    A closed case shows what it was about from the start, since its invoice has nothing left.
    """
    left = func.nullif(invoices.c.amount_remaining_minor, 0)
    return func.coalesce(left, cases.c.amount_minor)


def _line_of(row: RowMapping) -> CaseLine:
    failure = row["failure"]
    return CaseLine(
        id=row["id"],
        state=row["state"],
        outcome=row["outcome"] or "",
        reason=row["reason"],
        owed=Money(row["owed_minor"], row["currency"]),
        customer_id=row["customer_id"],
        customer_name=row["customer_name"] or "",
        invoice_id=row["invoice_id"],
        invoice_number=row["invoice_number"],
        subscription_id=row["subscription_id"],
        decline_class=failure.get("decline_class", ""),
        decline_code=failure.get("code", ""),
        next_step=row["next_step"],
        next_action_at=row["next_action_at"],
        failed_at=row["failed_at"],
        closed_at=row["closed_at"],
        due_at=row["due_at"],
    )
