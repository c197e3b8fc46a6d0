"""What the ledger knows around a case: leading case, our own endings, disputes, last try."""

from dataclasses import replace
from datetime import datetime, timedelta

from sqlalchemy import Connection, and_, func, or_, select

from worker.domain.case import CANCELS, AttemptKind, AttemptState, Case, CaseState, Surroundings
from worker.domain.network_rules import NetworkTry
from worker.domain.outages import outage_of
from worker.domain.readings import InvoiceReading, PaymentMethodReading, method_in_use
from worker.store.mirror_tables import customers, disputes, payment_methods
from worker.store.network import fingerprints_of, recent_tries, tries_of
from worker.store.operator_acts import waiting_retry
from worker.store.rows import payment_method_of
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
    now: datetime,
    wall_now: datetime,
) -> Surroundings:
    """Return the surroundings of a case at decision time."""
    in_flight = found.in_flight
    email = invoice.customer.email if invoice.customer is not None else ""
    in_use = method_in_use(invoice)
    methods, changes = _methods(connection, account_id, found.customer_id)
    held = [*methods, *([in_use] if in_use is not None else [])]
    tries = tries_of(
        connection,
        account_id,
        fingerprints=fingerprints_of(held),
        customer_id=found.customer_id,
        now=now,
    )
    recent = recent_tries(connection, account_id, in_use, now=now) if in_use else ()
    return Surroundings(
        leading_case=_leading_case(connection, account_id, found),
        ended_by_us=_ended_by_us(connection, account_id, found),
        dispute_open=_dispute_open(connection, account_id, found),
        payment_returned=_payment_returned(connection, account_id, invoice),
        last_try_at=_last_try_at(found, invoice, tries),
        other_try_at=_other_try_at(connection, account_id, found),
        tries=_with_debt(tries, found, invoice),
        methods=methods,
        method_changes=changes,
        default_changed_at=_default_changed_at(connection, account_id, found.customer_id),
        outage=outage_of(recent, in_use, now=now) if in_use is not None and recent else None,
        retry_request=waiting_retry(connection, found.id),
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


def _with_debt(
    tries: tuple[NetworkTry, ...], found: Case, invoice: InvoiceReading
) -> tuple[NetworkTry, ...]:
    """Name the debt of our own untold tries of this invoice as Stripe's charges name it."""
    payment = invoice.payment
    if payment is None or not payment.payment_intent_id:
        return tries
    return tuple(
        replace(each, debt=payment.payment_intent_id) if each.debt == found.invoice_id else each
        for each in tries
    )


def _last_try_at(
    found: Case, invoice: InvoiceReading, tries: tuple[NetworkTry, ...]
) -> datetime | None:
    """Return the newest of: the first failure, our charges, charges of this debt by anybody."""
    ours = [each.sent_at for each in found.charges]
    intent = invoice.payment.payment_intent_id if invoice.payment is not None else ""
    seen = [each.at for each in tries if each.debt in {found.invoice_id, intent} - {""}]
    return max((found.failed_at, *ours, *seen))


def _other_try_at(connection: Connection, account_id: str, found: Case) -> datetime | None:
    """Return when we last charged the customer for another invoice."""
    return connection.execute(
        select(func.max(attempts.c.sent_at)).where(
            attempts.c.account_id == account_id,
            attempts.c.customer_id == found.customer_id,
            attempts.c.invoice_id != found.invoice_id,
            attempts.c.kind == AttemptKind.CHARGE.value,
            attempts.c.state != AttemptState.ABANDONED.value,
        )
    ).scalar_one_or_none()


def _methods(
    connection: Connection, account_id: str, customer_id: str
) -> tuple[tuple[PaymentMethodReading, ...], dict[str, datetime]]:
    """Return the customer's payment methods, oldest first, and when each last changed."""
    query = (
        select(payment_methods)
        .where(
            payment_methods.c.account_id == account_id,
            payment_methods.c.customer_id == customer_id,
        )
        .order_by(payment_methods.c.created_at, payment_methods.c.id)
    )
    rows = connection.execute(query).mappings().all()
    changes = {row["id"]: row["changed_at"] for row in rows if row["changed_at"] is not None}
    return tuple(payment_method_of(row) for row in rows), changes


def _default_changed_at(
    connection: Connection, account_id: str, customer_id: str
) -> datetime | None:
    return connection.execute(
        select(customers.c.default_changed_at).where(
            customers.c.account_id == account_id, customers.c.id == customer_id
        )
    ).scalar_one_or_none()
