"""A letter from its content to the inbox."""

import re
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from worker.domain.money import Money
from worker.domain.notices import LetterContent
from worker.domain.policy import Brand, Sender
from worker.domain.readings import CustomerReading
from worker.mail.post_office import PostOffice
from worker.mail.render import LetterRenderer
from worker.mail.smtp import SmtpMailer
from worker.ports import SendOutcome

if TYPE_CHECKING:
    from tests.integration.mail.conftest import MailServer

NOW = datetime(2026, 12, 1, 12, tzinfo=UTC)


def test_letter_arrives_as_it_was_rendered(server: "MailServer", mailer: SmtpMailer) -> None:
    letters = PostOffice(
        LetterRenderer(Path(__file__).parents[3] / "templates", Brand("Acme", "help@acme.example")),
        mailer,
        Sender("Acme Billing <billing@acme.example>", "help@acme.example"),
        office_zone="Europe/Berlin",
        portal_url="",
    )
    customer = CustomerReading("cus_1", email="ada@customer.example", name="Ada", country="IS")
    rendered = letters.render(
        LetterContent(
            "trial_ending",
            customer,
            NOW,
            amount=Money(123400, "isk"),
            trial_ends_at=NOW + timedelta(days=7),
        )
    )

    outcome = letters.send(message_id="<a-1@acme.example>", customer=customer, rendered=rendered)

    assert outcome.outcome is SendOutcome.SENT
    [mail] = server.inbox.mails
    assert mail["To"] == "ada@customer.example"
    assert mail["Reply-To"] == "help@acme.example"
    assert mail["Subject"] == "Your Acme trial ends on Tuesday, 8 December"
    text, html = mail.iter_parts()
    assert text.get_content().replace("\r\n", "\n") == rendered.text
    assert html.get_content().replace("\r\n", "\n").rstrip() == rendered.html
    assert re.search("ISK.?1,234 is charged", rendered.text)
