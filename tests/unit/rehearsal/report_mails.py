"""Mails as the inbox keeps them."""

from datetime import UTC, datetime
from email.message import EmailMessage
from pathlib import Path


def put_mail(
    folder: Path, number: int, *, message_id: str, subject: str, to: str, html: str
) -> None:
    """Write one mail as the inbox keeps it."""
    message = EmailMessage()
    message["From"] = "Acme Billing <billing@acme.example>"
    message["To"] = to
    message["Subject"] = subject
    message["Date"] = datetime(2026, 12, 2, 1, 0, tzinfo=UTC)
    message["Message-ID"] = message_id
    message.set_content("Hello in plain text")
    message.add_alternative(html, subtype="html")
    (folder / f"{number:05d}-letter.eml").write_bytes(message.as_bytes())
