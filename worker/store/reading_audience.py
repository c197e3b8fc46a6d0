"""Who is who: open cases and live subscriptions with everything that tells them apart. Read only.

One query each, read as it comes, so that a big book costs time and no memory.
"""

from collections.abc import Iterator
from datetime import datetime
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Connection,
    FromClause,
    Label,
    RowMapping,
    Select,
    Table,
    and_,
    select,
)

from worker.domain.case import CaseState
from worker.domain.case_filter import Candidate
from worker.domain.money import Money
from worker.domain.policy_match import Traits, traits_around
from worker.domain.readings import CustomerReading, PaymentMethodReading, SubscriptionReading
from worker.store.config_tables import policies
from worker.store.mirror_tables import customers, invoices, payment_methods, subscriptions
from worker.store.reading import case_money
from worker.store.rows import customer_of, payment_method_of, subscription_of
from worker.store.tables import cases

ROWS_AT_ONCE = 500

BILLED = ("active", "past_due", "unpaid")
"""Statuses of subscriptions whose next invoice may fail; trials come to it with their end."""

_OWN_METHOD = payment_methods.alias("own_method")
_CUSTOMERS_METHOD = payment_methods.alias("customers_method")
_PARTS: tuple[FromClause, ...] = (subscriptions, customers, _OWN_METHOD, _CUSTOMERS_METHOD)


def open_candidates(
    connection: Connection, account_id: str, *, now: datetime
) -> Iterator[Candidate]:
    """Yield every case that is not closed as a filter sees it, by number."""
    source = (
        cases.outerjoin(invoices, _same(cases, invoices, "invoice_id"))
        .outerjoin(subscriptions, _same(cases, subscriptions, "subscription_id"))
        .outerjoin(customers, _same(cases, customers, "customer_id"))
        .outerjoin(
            policies,
            and_(
                policies.c.account_id == cases.c.account_id,
                policies.c.digest == cases.c.policy_digest,
            ),
        )
    )
    query = (
        select(
            *cases.c,
            invoices.c.collection_method,
            case_money().label("owed_minor"),
            policies.c.text["name"].astext.label("policy_name"),
            *_labelled(),
        )
        .select_from(_with_methods(source))
        .where(cases.c.account_id == account_id, cases.c.state != CaseState.CLOSED.value)
        .order_by(cases.c.id)
    )
    for row in _streamed(connection, query):
        failure = row["failure"]
        yield Candidate(
            case_id=row["id"],
            state=row["state"],
            policy=row["policy_name"] or "",
            decline_class=failure.get("decline_class", ""),
            decline_code=failure.get("code", ""),
            failed_at=row["failed_at"],
            customer_id=row["customer_id"],
            subscription_id=row["subscription_id"],
            traits=traits_around(
                Money(row["owed_minor"], row["currency"]),
                row["collection_method"] or "",
                subscription=_subscription(row),
                customer=_customer(row),
                now=now,
            ),
        )


def live_traits(connection: Connection, account_id: str, *, now: datetime) -> Iterator[Traits]:
    """Yield what a policy would match if the next invoice of each billed subscription failed."""
    source = subscriptions.outerjoin(customers, _same(subscriptions, customers, "customer_id"))
    query = (
        select(*_labelled())
        .select_from(_with_methods(source))
        .where(subscriptions.c.account_id == account_id, subscriptions.c.status.in_(BILLED))
    )
    for row in _streamed(connection, query):
        found = _subscription(row)
        if found is not None:
            amount = Money(
                sum(i.unit_amount_minor * i.quantity for i in found.items), found.currency
            )
            yield traits_around(
                amount,
                found.collection_method,
                subscription=found,
                customer=_customer(row),
                now=now,
            )


def _same(left: Table, right: Table, name: str) -> ColumnElement[bool]:
    return and_(right.c.account_id == left.c.account_id, right.c.id == left.c[name])


def _with_methods(source: FromClause) -> FromClause:
    """Join the payment methods that the subscription and its customer name as their default."""
    joined = source
    for owner, method in ((subscriptions, _OWN_METHOD), (customers, _CUSTOMERS_METHOD)):
        joined = joined.outerjoin(
            method,
            and_(
                method.c.account_id == owner.c.account_id,
                method.c.id == owner.c.default_payment_method_id,
            ),
        )
    return joined


def _labelled() -> list[Label[Any]]:
    """Return the columns of all parts, each under its part's name."""
    return [column.label(_label(part, column.name)) for part in _PARTS for column in part.c]


def _label(part: FromClause, column: str) -> str:
    return f"{part.description}__{column}"


def _part(row: RowMapping, part: FromClause) -> dict[str, Any] | None:
    """Return one part's columns, or None where the join found no row."""
    found = {column.name: row[_label(part, column.name)] for column in part.c}
    return found if found["id"] is not None else None


def _subscription(row: RowMapping) -> SubscriptionReading | None:
    found = _part(row, subscriptions)
    return subscription_of(found, _method(row, _OWN_METHOD)) if found is not None else None


def _customer(row: RowMapping) -> CustomerReading | None:
    found = _part(row, customers)
    return customer_of(found, _method(row, _CUSTOMERS_METHOD)) if found is not None else None


def _method(row: RowMapping, part: FromClause) -> PaymentMethodReading | None:
    found = _part(row, part)
    return payment_method_of(found) if found is not None else None


def _streamed(connection: Connection, query: Select[Any]) -> Iterator[RowMapping]:
    streamed = query.execution_options(stream_results=True, yield_per=ROWS_AT_ONCE)
    yield from connection.execute(streamed).mappings()
