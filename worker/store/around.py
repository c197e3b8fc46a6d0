"""What the ledger knows around a case: leading case, our own endings, disputes, last try."""

from datetime import datetime, timedelta

from sqlalchemy import Connection, and_, func, or_, select

from worker.domain.case import CANCELS, AttemptKind, AttemptState, Case, CaseState, Surroundings
from worker.domain.readings import InvoiceReading, method_in_use
from worker.store.mirror_tables import disputes, payment_methods
from worker.store.tables import attempts, cases, network_attempts

DISPUTE_OPEN = (
    "needs_response",
    "under_review",
    "warning_needs_response",
    "warning_under_review",
)

DISPUTE_LOST = "lost"
"""Also how Stripe tells of a bank debit that was returned after it had succeeded."""


def surroundings_of(
    connection: Connection,
    account_id: str,
    found: Case,
    invoice: InvoiceReading,
    *,
    wall_now: datetime,
) -> Surroundings:
    """Return the surroundings of a case at decision time."""
    in_flight = found.in_flight
    email = invoice.customer.email if invoice.customer is not None else ""
    return Surroundings(
        leading_case=_leading_case(connection, account_id, found),
        ended_by_us=_ended_by_us(connection, account_id, found),
        dispute_open=_dispute_open(connection, account_id, found),
        payment_returned=_payment_returned(connection, account_id, invoice),
        last_try_at=_last_try_at(connection, account_id, found, invoice),
        method_changed_at=_method_changed_at(connection, account_id, invoice),
        can_be_written_to=bool(email),
        key_age=wall_now - in_flight.first_sent_at if in_flight is not None else timedelta(),
    )


def _leading_case(connection: Connection, account_id: str, found: Case) -> int | None:
    if not found.subscription_id:
        return None
    older = or_(
        cases.c.failed_at < found.failed_at,
        and_(cases.c.failed_at == found.failed_at, cases.c.id < found.id),
    )
    return connection.execute(
        select(cases.c.id)
        .where(
            cases.c.account_id == account_id,
            cases.c.subscription_id == found.subscription_id,
            cases.c.state != CaseState.CLOSED.value,
            older,
        )
        .order_by(cases.c.failed_at, cases.c.id)
        .limit(1)
    ).scalar_one_or_none()


def _ended_by_us(connection: Connection, account_id: str, found: Case) -> bool:
    if not found.subscription_id:
        return False
    query = (
        select(attempts.c.no)
        .join(cases, cases.c.id == attempts.c.case_id)
        .where(
            cases.c.account_id == account_id,
            cases.c.subscription_id == found.subscription_id,
            attempts.c.kind.in_([kind.value for kind in CANCELS]),
            attempts.c.state == AttemptState.SUCCEEDED.value,
        )
        .limit(1)
    )
    return connection.execute(query).first() is not None


def _dispute_open(connection: Connection, account_id: str, found: Case) -> bool:
    query = (
        select(disputes.c.id)
        .where(
            disputes.c.account_id == account_id,
            disputes.c.customer_id == found.customer_id,
            disputes.c.status.in_(DISPUTE_OPEN),
        )
        .limit(1)
    )
    return connection.execute(query).first() is not None


def _payment_returned(connection: Connection, account_id: str, invoice: InvoiceReading) -> bool:
    if invoice.payment is None or not invoice.payment.payment_intent_id:
        return False
    query = (
        select(disputes.c.id)
        .join(
            network_attempts,
            and_(
                network_attempts.c.account_id == disputes.c.account_id,
                network_attempts.c.charge_id == disputes.c.charge_id,
            ),
        )
        .where(
            disputes.c.account_id == account_id,
            disputes.c.status == DISPUTE_LOST,
            network_attempts.c.payment_intent_id == invoice.payment.payment_intent_id,
        )
        .limit(1)
    )
    return connection.execute(query).first() is not None


def _last_try_at(
    connection: Connection, account_id: str, found: Case, invoice: InvoiceReading
) -> datetime | None:
    """Return the newest of: the first failure, our charges, charges seen by the network ledger."""
    ours = connection.execute(
        select(func.max(attempts.c.sent_at)).where(
            attempts.c.case_id == found.id,
            attempts.c.kind == AttemptKind.CHARGE.value,
            attempts.c.state != AttemptState.ABANDONED.value,
        )
    ).scalar_one_or_none()
    seen: datetime | None = None
    if invoice.payment is not None and invoice.payment.payment_intent_id:
        seen = connection.execute(
            select(func.max(network_attempts.c.at)).where(
                network_attempts.c.account_id == account_id,
                network_attempts.c.payment_intent_id == invoice.payment.payment_intent_id,
            )
        ).scalar_one_or_none()
    return max(at for at in (found.failed_at, ours, seen) if at is not None)


def _method_changed_at(
    connection: Connection, account_id: str, invoice: InvoiceReading
) -> datetime | None:
    method = method_in_use(invoice)
    if method is None:
        return None
    return connection.execute(
        select(payment_methods.c.changed_at).where(
            payment_methods.c.account_id == account_id, payment_methods.c.id == method.id
        )
    ).scalar_one_or_none()
