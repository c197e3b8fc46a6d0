"""The inbox keeps what real SMTP clients send it, and fails the way real mail servers do."""

import smtplib
from email.message import EmailMessage
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from worker.rehearsal.embedded.inbox import Inbox


def send(inbox: Inbox, recipient: str = "anna@example.com", subject: str = "Hello") -> None:
    """Send one message over a connection of its own."""
    message = EmailMessage()
    message["From"], message["To"], message["Subject"] = "billing@example.com", recipient, subject
    message.set_content("Dear customer,\n.\nthe line above is a lone dot. Grüße")
    where = urlsplit(inbox.url)
    with smtplib.SMTP(where.hostname or "", where.port or 0, timeout=10) as client:
        client.send_message(message)


def test_messages_are_kept_in_order_with_names_made_of_number_and_subject(tmp_path: Path) -> None:
    with Inbox(tmp_path / "mail") as inbox:
        send(inbox, subject="Your payment of 12,00 € failed")
        send(inbox, "bert@example.com", subject="支払い")
        first, second = inbox.wait_for(2)
    assert [path.name for path in sorted((tmp_path / "mail").iterdir())] == [
        "00001-your-payment-of-12-00-failed.eml",
        "00002-message.eml",
    ]
    assert first.message.get_content().splitlines()[1] == "."
    assert first.path is not None
    assert first.path.read_bytes() == first.content
    assert (second.sender, second.recipients) == ("billing@example.com", ("bert@example.com",))
    assert second.message["subject"] == "支払い"


def test_numbers_go_on_where_an_earlier_run_ended(tmp_path: Path) -> None:
    for _ in range(2):
        with Inbox(tmp_path) as inbox:
            send(inbox)
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        "00001-hello.eml",
        "00002-hello.eml",
    ]


@pytest.mark.parametrize(("code", "reason"), [(550, "no such mailbox"), (451, "try later")])
def test_a_recipient_is_refused_until_accepted_again(
    smtp_inbox: Inbox, code: int, reason: str
) -> None:
    smtp_inbox.refuse("Anna@example.com", code, reason)
    with pytest.raises(smtplib.SMTPRecipientsRefused) as refusal:
        send(smtp_inbox)
    assert refusal.value.recipients == {"anna@example.com": (code, reason.encode())}
    send(smtp_inbox, "bert@example.com")

    smtp_inbox.accept("anna@example.com")
    send(smtp_inbox)

    assert [mail.recipients[0] for mail in smtp_inbox.mails] == [
        "bert@example.com",
        "anna@example.com",
    ]


@pytest.mark.parametrize(("keeping", "kept"), [(True, 1), (False, 0)])
def test_a_connection_is_cut_after_the_data(smtp_inbox: Inbox, keeping: bool, kept: int) -> None:
    smtp_inbox.drop_connections(keeping=keeping)
    with pytest.raises(smtplib.SMTPServerDisconnected):
        send(smtp_inbox)
    assert len(smtp_inbox.mails) == kept

    send(smtp_inbox)

    assert len(smtp_inbox.mails) == kept + 1


def test_stopping_closes_open_connections_and_the_port(tmp_path: Path) -> None:
    inbox = Inbox(tmp_path).start()
    where = urlsplit(inbox.url)
    with smtplib.SMTP(where.hostname or "", where.port or 0, timeout=10) as client:
        client.ehlo()
        inbox.stop()
        with pytest.raises(smtplib.SMTPServerDisconnected):
            client.noop()
    with pytest.raises(ConnectionRefusedError):
        smtplib.SMTP(where.hostname or "", where.port or 0, timeout=10)
    inbox.stop()
