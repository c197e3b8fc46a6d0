"""An invoice rebuilt from the mirrors, so that a story or a plan needs no call to Stripe."""

from typing import Any

from worker.domain.case import Case
from worker.domain.readings import (
    ChargeReading,
    CustomerReading,
    InvoiceReading,
    PaymentReading,
    SubscriptionReading,
)
from worker.store.rows import Row


def mirrored_invoice(
    case: Case,
    row: Row | None,
    *,
    payment: PaymentReading | None,
    subscription: SubscriptionReading | None,
    customer: CustomerReading | None,
) -> InvoiceReading:
    """Return a case's invoice as mirrored; where the mirror has none, as the case knew it."""
    known: dict[str, Any] = dict(row) if row is not None else {}
    return InvoiceReading(
        id=case.invoice_id,
        customer_id=case.customer_id,
        subscription_id=case.subscription_id,
        status=known.get("status", "open"),
        billing_reason=known.get("billing_reason", ""),
        collection_method=known.get("collection_method", ""),
        currency=case.currency,
        amount_due_minor=known.get("amount_due_minor", case.amount_minor),
        amount_paid_minor=known.get("amount_paid_minor", 0),
        amount_remaining_minor=known.get("amount_remaining_minor", case.amount_minor),
        attempted=known.get("attempted", True),
        attempt_count=0,
        created_at=known.get("created_at", case.failed_at),
        number=known.get("number", ""),
        next_payment_attempt_at=known.get("next_payment_attempt_at"),
        payment=payment,
        subscription=subscription,
        customer=customer,
    )


def payment_of(charge: ChargeReading) -> PaymentReading:
    """Return the payment whose last try failed with *charge*."""
    return PaymentReading(
        payment_intent_id=charge.payment_intent_id,
        status="requires_payment_method",
        latest_charge_id=charge.id,
        payment_method_id=charge.payment_method_id,
    )
