"""A letter's content as a person reads it: the values of its merge fields."""

from collections.abc import Callable
from datetime import datetime
from zoneinfo import ZoneInfo

from worker.domain.due_dates import days_overdue
from worker.domain.money import Money
from worker.domain.notices import ENDING_NOTICES, LetterContent
from worker.domain.policy import EndingAct
from worker.domain.readings import InvoiceReading, PaymentMethodReading
from worker.mail.formatting import day_text, expiry_text, money_text
from worker.mail.words import Words

_UNDECIDED = {
    EndingAct.CANCEL: "ends",
    EndingAct.PAUSE: "pauses",
    EndingAct.HOLD_INVOICES: "pauses",
    EndingAct.DOWNGRADE: "downgrades",
}
"""What a person may decide about a subscription, as templates ask for it."""


def letter_values(
    content: LetterContent, *, words: Words, locale: str, zone: ZoneInfo, portal_url: str
) -> dict[str, object]:
    """Return the value of every merge field, empty where the content has nothing for it.

    Amounts and days are written for *locale* and *zone*, a day of another year with its year.
    *portal_url* is the page where customers change their card and cancel, or empty.
    """

    def day(at: datetime | None) -> str:
        if at is None:
            return ""
        elsewhen = at.astimezone(zone).year != content.now.astimezone(zone).year
        return day_text(at, zone, locale, with_year=elsewhen)

    method = content.method
    first = content.invoices[0] if content.invoices else None
    renews_at = content.renews_at
    return {
        "customer_name": content.customer.name,
        "plan_name": content.plan_name,
        "amount": money_text(content.amount, locale) if content.amount is not None else "",
        "card": (
            words.payment_method(method.type, brand=method.brand, last4=method.last4)
            if method is not None
            else ""
        ),
        "expires": _expires(method),
        "pay_url": _pay_url(content, first),
        "update_url": portal_url,
        "manage_url": portal_url,
        "invoice_number": first.number if first is not None else "",
        "invoices": [
            _invoice(invoice, day, locale, failed_at=content.failed_at if not at else None)
            for at, invoice in enumerate(content.invoices)
        ],
        "reason_for_customer": words.reason(content.decline_class or ""),
        "failed_on": day(content.failed_at),
        "due_on": day(first.due_at) if first is not None else "",
        "days_overdue": _days_overdue(first, content, zone),
        "paid_so_far": _paid_so_far(first, locale),
        "next_try_on": day(content.next_try_at),
        "ends_on": day(content.ends_at),
        "pauses_on": day(content.pauses_at),
        "downgrades_on": day(content.downgrades_at),
        "undecided": _UNDECIDED[content.undecided] if content.undecided is not None else "",
        "offer_coupon": content.offer.coupon if content.offer is not None else "",
        "offer_days": str(content.offer.days or "") if content.offer is not None else "",
        "ended_on": day(content.ended_at or content.now),
        "runs_until": day(content.runs_until),
        "paused_on": day(content.ended_at or content.now),
        "held_on": day(content.held_at),
        "downgraded_on": day(content.ended_at or content.now),
        "goes_on": "yes" if content.goes_on else "",
        "paid_on": day(content.paid_at or content.now),
        "renews_on": day(renews_at) if renews_at is not None and renews_at > content.now else "",
        "renews_until": day(content.renews_until),
        "trial_ends_on": day(content.trial_ends_at),
    }


def _days_overdue(invoice: InvoiceReading | None, content: LetterContent, zone: ZoneInfo) -> str:
    if invoice is None:
        return ""
    return str(days_overdue(invoice.due_at, now=content.now, zone=zone) or "")


def _paid_so_far(invoice: InvoiceReading | None, locale: str) -> str:
    if invoice is None or invoice.status != "open" or invoice.amount_paid_minor <= 0:
        return ""
    return money_text(Money(invoice.amount_paid_minor, invoice.currency), locale)


def _expires(method: PaymentMethodReading | None) -> str:
    if method is None or method.exp_month == 0:
        return ""
    return expiry_text(method.exp_month, method.exp_year)


def _pay_url(content: LetterContent, invoice: InvoiceReading | None) -> str:
    """Return the invoice's hosted page, but none that could not be paid after the end."""
    if invoice is None:
        return ""
    if content.notice in ENDING_NOTICES and invoice.status != "open":
        return ""
    return invoice.hosted_invoice_url


def _invoice(
    invoice: InvoiceReading,
    day: Callable[[datetime | None], str],
    locale: str,
    *,
    failed_at: datetime | None,
) -> dict[str, str]:
    minor = invoice.amount_remaining_minor or invoice.amount_paid_minor
    return {
        "number": invoice.number or invoice.id,
        "amount": money_text(Money(minor, invoice.currency), locale),
        "failed_on": day(failed_at or invoice.created_at),
        "due_on": day(invoice.due_at),
        "pay_url": invoice.hosted_invoice_url,
    }
