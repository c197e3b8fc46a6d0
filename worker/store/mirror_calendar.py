"""What the mirrors say about the calendar: renewals, ends of trials, cards that expire."""

from datetime import datetime

from sqlalchemy import ColumnElement, Connection, and_, func, select, tuple_

from worker.domain.readings import PaymentMethodReading, SubscriptionReading
from worker.store.mirror_tables import customers, payment_methods, subscriptions
from worker.store.rows import payment_method_of, subscription_of

LIVE = ("active", "past_due", "trialing")


def renewing(
    connection: Connection, account_id: str, from_at: datetime, to_at: datetime
) -> list[SubscriptionReading]:
    """Return active subscriptions whose period ends in [from_at, to_at), by id."""
    ends_at = subscriptions.c.period_end_at
    due = (subscriptions.c.status == "active", ends_at >= from_at, ends_at < to_at)
    return _going_on(connection, account_id, and_(*due))


def trials_ending(
    connection: Connection, account_id: str, from_at: datetime, to_at: datetime
) -> list[SubscriptionReading]:
    """Return trials that end in [from_at, to_at), by id."""
    ends_at = subscriptions.c.trial_end_at
    due = (subscriptions.c.status == "trialing", ends_at >= from_at, ends_at < to_at)
    return _going_on(connection, account_id, and_(*due))


def _going_on(
    connection: Connection, account_id: str, due: ColumnElement[bool]
) -> list[SubscriptionReading]:
    query = (
        select(subscriptions)
        .where(
            subscriptions.c.account_id == account_id,
            due,
            subscriptions.c.cancel_at_period_end.is_(False),
            subscriptions.c.cancel_at.is_(None),
            subscriptions.c.collection_paused.is_(False),
        )
        .order_by(subscriptions.c.id)
    )
    return [subscription_of(row) for row in connection.execute(query).mappings()]


def cards_in_use(
    connection: Connection,
    account_id: str,
    expiring_from: tuple[int, int],
    expiring_to: tuple[int, int],
) -> list[tuple[PaymentMethodReading, SubscriptionReading]]:
    """Return cards that live subscriptions use, expiring in the (year, month) range."""
    own = subscriptions.c.default_payment_method_id
    used = func.coalesce(func.nullif(own, ""), customers.c.default_payment_method_id)
    query = (
        select(subscriptions, payment_methods.c.id.label("method_id"))
        .join(
            customers,
            and_(
                customers.c.account_id == subscriptions.c.account_id,
                customers.c.id == subscriptions.c.customer_id,
            ),
        )
        .join(
            payment_methods,
            and_(
                payment_methods.c.account_id == subscriptions.c.account_id,
                payment_methods.c.id == used,
            ),
        )
        .where(
            subscriptions.c.account_id == account_id,
            subscriptions.c.status.in_(LIVE),
            payment_methods.c.type == "card",
            tuple_(payment_methods.c.exp_year, payment_methods.c.exp_month) >= expiring_from,
            tuple_(payment_methods.c.exp_year, payment_methods.c.exp_month) <= expiring_to,
        )
        .order_by(subscriptions.c.id)
    )
    rows = connection.execute(query).mappings().all()
    methods = _methods(connection, account_id, {row["method_id"] for row in rows})
    return [
        (methods[row["method_id"]], subscription_of(row, methods[row["method_id"]])) for row in rows
    ]


def _methods(
    connection: Connection, account_id: str, ids: set[str]
) -> dict[str, PaymentMethodReading]:
    query = select(payment_methods).where(
        payment_methods.c.account_id == account_id, payment_methods.c.id.in_(sorted(ids))
    )
    return {row["id"]: payment_method_of(row) for row in connection.execute(query).mappings()}
