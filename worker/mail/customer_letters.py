"""Letters to customers, from content to mail server: what the services know as `Letters`."""

from zoneinfo import ZoneInfo

from worker.domain.notices import LetterContent
from worker.domain.policy import Sender
from worker.domain.readings import CustomerReading
from worker.mail.letter_values import letter_values
from worker.mail.message import OutgoingMail, SendResult
from worker.mail.render import LetterRenderer
from worker.mail.smtp import SmtpMailer
from worker.mail.zones import locale_for, zone_for
from worker.ports import RenderedNotice, SendOutcome

TIME_ZONE_METADATA = "time_zone"
"""The key of a customer's metadata that names their zone; Stripe's customer has none itself."""


class CustomerLetters:
    """Words, renders and sends letters; safe to share between threads."""

    def __init__(
        self,
        *,
        renderer: LetterRenderer,
        mailer: SmtpMailer,
        sender: Sender,
        office_zone: str,
        portal_url: str = "",
    ) -> None:
        """Bind the parts; *portal_url* is an https page where customers change and cancel."""
        self._renderer = renderer
        self._mailer = mailer
        self._sender = sender
        self._office_zone = office_zone
        self._portal_url = portal_url

    def zone_of(self, customer: CustomerReading | None) -> str:
        """Return the IANA zone the customer lives in: metadata, else country, else the office's."""
        if customer is None:
            return self._office_zone
        named = customer.metadata.get(TIME_ZONE_METADATA)
        return zone_for(customer.country, named, self._office_zone).key

    def locale_of(self, customer: CustomerReading) -> str:
        """Return the customer's locale, from Stripe's `preferred_locales` and their country."""
        return locale_for(customer.locales, customer.country)

    def render(self, content: LetterContent) -> RenderedNotice:
        """Return the letter. Raises: ConfigError: the template is missing or broken; operator."""
        wanted = self.locale_of(content.customer)
        values = letter_values(
            content,
            words=self._renderer.words(content.notice, wanted),
            locale=self._renderer.formatting_locale(content.notice, wanted),
            zone=ZoneInfo(self.zone_of(content.customer)),
            portal_url=self._portal_url,
        )
        return self._renderer.render(content.notice, wanted, values)

    def send(
        self, *, message_id: str, customer: CustomerReading, rendered: RenderedNotice
    ) -> SendOutcome:
        """Hand one letter to the mail server, once."""
        return self.deliver(message_id=message_id, customer=customer, rendered=rendered).outcome

    def deliver(
        self, *, message_id: str, customer: CustomerReading, rendered: RenderedNotice
    ) -> SendResult:
        """Hand one letter to the mail server, once, and say with which detail it ended."""
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
