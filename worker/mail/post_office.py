"""Letters from end to end: plain values in, worded, rendered and handed to the mail server."""

from zoneinfo import ZoneInfo

from worker.domain.notices import LetterContent
from worker.domain.policy import Sender
from worker.domain.readings import CustomerReading
from worker.mail.letter_values import letter_values
from worker.mail.message import OutgoingMail
from worker.mail.render import LetterRenderer
from worker.mail.smtp import SmtpMailer
from worker.mail.zones import locale_for, zone_for
from worker.ports import RenderedNotice, SendResult

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
        values = letter_values(
            content,
            words=self._renderer.words(content.notice, locale),
            locale=self._renderer.formatting_locale(content.notice, locale),
            zone=self._zone(content.customer),
            portal_url=self._portal_url.replace("{customer}", content.customer.id),
        )
        return self._renderer.render(content.notice, locale, values)

    def send(
        self, *, message_id: str, customer: CustomerReading, rendered: RenderedNotice
    ) -> SendResult:
        """Hand one letter to the mail server, once, and say what became of it."""
        return self._mailer.send(
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
