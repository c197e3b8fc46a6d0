"""Which invoices become cases: failed ones, and sent ones that are due (architecture.md 5, D16)."""

from datetime import datetime

from worker.domain.readings import InvoiceReading

DUNNED_REASONS = frozenset(
    (
        "subscription_cycle",
        "subscription_update",
        "subscription_threshold",
        "automatic_pending_invoice_item_invoice",
    )
)
"""Billing reasons of invoices for a subscription that already runs; others only by policy."""


def opens_case(invoice: InvoiceReading, *, failed_at: datetime, go_live_at: datetime) -> bool:
    """Return whether a failure of *invoice* at *failed_at* opens a case.

    A sent invoice needs no failure: it opens one as soon as it is final, where its due date is not
    before *go_live_at* and a policy serves it (choose_policy).
    """
    if invoice.status != "open" or invoice.amount_remaining_minor <= 0:
        return False
    if invoice.is_sent:
        due_at = invoice.due_at
        return bool(invoice.subscription_id) and due_at is not None and due_at >= go_live_at
    return (
        failed_at >= go_live_at
        and invoice.attempted
        and invoice.collection_method == "charge_automatically"
        and invoice.billing_reason in DUNNED_REASONS
    )
