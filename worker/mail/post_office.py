"""Letters from end to end: plain values in, worded, rendered and handed to the mail server."""

from collections.abc import Mapping
from zoneinfo import ZoneInfo

from worker.domain.money import Money
from worker.domain.notices import LetterContent
from worker.domain.policy import Sender
from worker.domain.readings import CustomerReading, InvoiceReading
from worker.mail.formatting import day_text, expiry_text, money_text
from worker.mail.message import OutgoingMail
from worker.mail.render import LetterRenderer
from worker.mail.smtp import SmtpMailer
from worker.mail.words import Words
from worker.mail.zones import locale_for, zone_for
from worker.ports import RenderedNotice, SendOutcome

ZONE_KEY = "time_zone"
"""Metadata key of a Stripe customer that names an IANA zone."""


class PostOffice:
    """Words, renders and sends letters (ports.Letters); safe to share between threads."""

    def __init__(
        self,
        renderer: LetterRenderer,
        mailer: SmtpMailer,
        sender: Sender,
        *,
        office_zone: str,
        portal_url: str,
    ) -> None:
        """Take the parts.

        Args: portal_url: page where customers change their card; `{customer}` in it becomes the
        customer's id. Empty where there is none: letters then say whom to ask.
        """
        self._renderer = renderer
        self._mailer = mailer
        self._sender = sender
        self._office_zone = office_zone
        self._portal_url = portal_url

    def zone_of(self, customer: CustomerReading | None) -> str:
        """Return the IANA zone the customer lives in, as far as known; else the office's."""
        return self._zone(customer).key

    def _zone(self, customer: CustomerReading | None) -> ZoneInfo:
        if customer is None:
            return ZoneInfo(self._office_zone)
        return zone_for(customer.country, customer.metadata.get(ZONE_KEY), self._office_zone)

    def locale_of(self, customer: CustomerReading) -> str:
        """Return the locale the customer reads."""
        return locale_for(customer.locales, customer.country)

    def render(self, content: LetterContent) -> RenderedNotice:
        """Return the letter. Raises: ConfigError: the template is missing or broken; operator."""
        locale = self.locale_of(content.customer)
        words = self._renderer.words(content.notice, locale)
        fields = self._fields(content, words, locale)
        letter = self._renderer.render(content.notice, locale, fields)
        return RenderedNotice(letter.subject, letter.html, letter.text, letter.template_digest)

    def _fields(self, content: LetterContent, words: Words, locale: str) -> Mapping[str, object]:
        written = self._renderer.formatting_locale(content.notice, locale)
        zone = self._zone(content.customer)
        first = content.invoices[0] if content.invoices else None
        method = content.method
        portal = self._portal_url.replace("{customer}", content.customer.id)
        pay_url = first.hosted_invoice_url if first is not None else ""
        days = {
            "failed_on": content.failed_at,
            "next_try_on": content.next_try_at,
            "ends_on": content.ends_at,
            "ended_on": content.ended_at,
            "paid_on": content.paid_at,
            "renews_on": content.renews_at,
            "renews_until": content.renews_until,
            "trial_ends_on": content.trial_ends_at,
        }
        fields: dict[str, object] = {
            name: day_text(at, zone, written) if at is not None else "" for name, at in days.items()
        }
        fields |= {
            "customer_name": content.customer.name,
            "plan_name": content.plan_name,
            "amount": money_text(content.amount, written) if content.amount is not None else "",
            "card": words.payment_method(method.type, brand=method.brand, last4=method.last4)
            if method is not None
            else "",
            "expires": expiry_text(method.exp_month, method.exp_year)
            if method is not None and method.exp_year
            else "",
            "pay_url": pay_url,
            "update_url": portal or pay_url,
            "manage_url": portal,
            "invoice_number": first.number if first is not None else "",
            "reason_for_customer": words.reason(content.decline_class.value)
            if content.decline_class is not None
            else "",
            "invoices": [
                self._invoice(invoice, content, zone, written) for invoice in content.invoices
            ],
        }
        return fields

    def _invoice(
        self, invoice: InvoiceReading, content: LetterContent, zone: ZoneInfo, locale: str
    ) -> dict[str, str]:
        owed = invoice.amount_remaining_minor or invoice.amount_due_minor
        failed_at = content.failed_at or invoice.created_at
        return {
            "number": invoice.number,
            "amount": money_text(Money(owed, invoice.currency), locale),
            "failed_on": day_text(failed_at, zone, locale),
            "pay_url": invoice.hosted_invoice_url,
        }

    def send(
        self, *, message_id: str, customer: CustomerReading, rendered: RenderedNotice
    ) -> SendOutcome:
        """Hand one letter to the mail server, once."""
        result = self._mailer.send(
            OutgoingMail(
                message_id=message_id,
                to=customer.email,
                from_=self._sender.from_address,
                reply_to=self._sender.reply_to or "",
                subject=rendered.subject,
                text=rendered.text,
                html=rendered.html,
            )
        )
        return SendOutcome(result.outcome)
