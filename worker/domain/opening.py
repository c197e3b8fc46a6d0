"""Which failed invoices become cases (architecture.md 5 and D16)."""

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
    """Return whether a failure of *invoice* at *failed_at* opens a case."""
    return (
        failed_at >= go_live_at
        and invoice.status == "open"
        and invoice.attempted
        and invoice.collection_method == "charge_automatically"
        and invoice.amount_remaining_minor > 0
        and invoice.billing_reason in DUNNED_REASONS
    )
