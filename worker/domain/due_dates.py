"""Invoices that are sent to be paid by hand: their due date is what a case's timeline counts from.

Stripe calls them `collection_method: send_invoice`. Nothing of them ever fails, and nothing is ever
charged for them: the customer pays on the hosted page, by bank transfer or outside of Stripe.
"""

from dataclasses import replace
from datetime import datetime
from zoneinfo import ZoneInfo

from worker.domain.case import Case
from worker.domain.readings import InvoiceReading


def with_due_date(case: Case, invoice: InvoiceReading) -> Case:
    """Return *case* with the due date that *invoice*, read just now, shows.

    What is undone moves with it; what was done stays done, so no step happens twice.
    """
    if case.due_at is None or invoice.due_at is None or invoice.due_at == case.due_at:
        return case
    return replace(case, due_at=invoice.due_at)


def paid_on_time(case: Case, invoice: InvoiceReading, *, office_zone: str, now: datetime) -> bool:
    """Return whether a paid invoice was paid by the end of its due day, by the office's calendar.

    That is no recovery: nothing was lost yet. False for invoices that are charged automatically.
    """
    if case.due_at is None:
        return False
    here = ZoneInfo(office_zone)
    paid_at = invoice.paid_at or now
    return paid_at.astimezone(here).date() <= case.due_at.astimezone(here).date()


def days_overdue(due_at: datetime | None, *, now: datetime, zone: ZoneInfo) -> int:
    """Return how many days of *zone* the due date is past; 0 before it and on it."""
    if due_at is None:
        return 0
    return max(0, (now.astimezone(zone).date() - due_at.astimezone(zone).date()).days)
