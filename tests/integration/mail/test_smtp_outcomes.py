"""What becomes of a mail is told truly for everything a server can do."""

import socket
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest

from worker.errors import ServiceUnavailable
from worker.mail import smtp
from worker.mail.message import OutgoingMail
from worker.mail.smtp import SmtpMailer

if TYPE_CHECKING:
    from tests.integration.mail.conftest import MailServer, OwnCertificate


Letter = Callable[..., OutgoingMail]
MailerFor = Callable[..., SmtpMailer]


def test_accepted_mail_is_sent_with_all_its_headers(
    server: "MailServer", mailer: SmtpMailer, letter: Letter
) -> None:
    result = mailer.send(letter(cc=("books@customer.example",)))

    assert (result.outcome, result.detail) == ("sent", "accepted (250 2.0.0)")
    [mail] = server.inbox.mails
    assert server.inbox.recipients == [["ada@customer.example", "books@customer.example"]]
    assert mail["Message-ID"] == "<letter-1@acme.example>"
    assert mail["From"] == "Acme Billing <billing@acme.example>"
    assert mail["Reply-To"] == "help@acme.example"
    assert mail["To"] == "ada@customer.example"
    assert mail["Cc"] == "books@customer.example"
    assert mail["Subject"] == "We couldn’t take your payment"
    assert mail["Auto-Submitted"] == "auto-generated"
    assert mail["X-Auto-Response-Suppress"] == "All"
    assert mail["Date"].datetime == datetime(2026, 12, 1, 9, 30, tzinfo=UTC)
    assert mail.get_content_type() == "multipart/alternative"
    text, html = mail.iter_parts()
    assert text.get_content() == "Hello Ada,\r\n.a line with a dot\r\n"
    assert html.get_content() == "<p>Hello Ada – 20,00 €</p>\r\n"


@pytest.mark.parametrize(
    ("reply", "outcome"),
    [
        ("550 5.1.1 <ada@customer.example> is unknown", "refused"),
        ("551 5.1.6 moved", "refused"),
        ("553 5.1.3 bad syntax", "refused"),
        ("550 5.7.1 <ada@customer.example>: Relaying denied", "not_sent"),
        ("554 5.7.1 Relay access denied", "not_sent"),
        ("530 5.7.0 Authentication required", "not_sent"),
        ("450 4.2.0 greylisted", "not_sent"),
        ("451 4.3.0 try later", "not_sent"),
        ("452 4.2.2 mailbox full", "not_sent"),
        ("421 4.3.2 shutting down", "not_sent"),
        ("cut", "not_sent"),
    ],
)
def test_refused_recipient(
    server: "MailServer", mailer: SmtpMailer, reply: str, outcome: str, letter: Letter
) -> None:
    server.inbox.rcpt_replies["ada@customer.example"] = reply

    result = mailer.send(letter())

    assert result.outcome == outcome
    assert "ada" not in result.detail
    assert "@" not in result.detail
    assert server.inbox.mails == []


@pytest.mark.parametrize(
    ("reply", "outcome"),
    [
        ("554 5.6.0 content refused", "refused"),
        ("552 5.3.4 too big", "refused"),
        ("451 4.3.0 try later", "not_sent"),
        ("421 4.3.2 shutting down", "not_sent"),
    ],
)
def test_answer_to_the_mail_itself(
    server: "MailServer", mailer: SmtpMailer, reply: str, outcome: str, letter: Letter
) -> None:
    server.inbox.data_reply = reply

    assert mailer.send(letter()).outcome == outcome


def test_next_mail_goes_out_after_a_refusal_on_the_same_connection(
    server: "MailServer", mailer: SmtpMailer, letter: Letter
) -> None:
    server.inbox.rcpt_replies["ada@customer.example"] = "550 5.1.1 unknown"

    first = mailer.send(letter(1))
    second = mailer.send(letter(2, to="grace@customer.example"))

    assert (first.outcome, second.outcome) == ("refused", "sent")
    assert server.inbox.recipients == [["grace@customer.example"]]
    assert server.inbox.connections == 1


def test_connection_cut_after_data_is_unknown_and_not_sent_again(
    server: "MailServer", mailer: SmtpMailer, letter: Letter
) -> None:
    mailer.send(letter(1))
    server.inbox.cut_after_data = True

    result = mailer.send(letter(2))

    assert result.outcome == "unknown"
    ids = [mail["Message-ID"] for mail in server.inbox.mails]
    assert ids == ["<letter-1@acme.example>", "<letter-2@acme.example>"]

    server.inbox.cut_after_data = False
    assert mailer.send(letter(3)).outcome == "sent"


def test_silence_after_data_is_unknown(letter: Letter, mailer_for: MailerFor) -> None:
    with silent_after_data() as (url, taken):
        mailer = mailer_for(url, read_timeout_seconds=0.3)

        result = mailer.send(letter())

    assert result.outcome == "unknown"
    assert taken.is_set()


def test_server_that_went_away_between_two_mails_costs_nothing(
    server: "MailServer", mailer: SmtpMailer, letter: Letter
) -> None:
    mailer.send(letter(1))
    server.hang_up()

    result = mailer.send(letter(2))

    assert result.outcome == "sent"
    assert len(server.inbox.mails) == 2
    assert server.inbox.connections == 2


def test_nobody_listens(letter: Letter, mailer_for: MailerFor) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        mailer = mailer_for(f"smtp://127.0.0.1:{taken.getsockname()[1]}")

        result = mailer.send(letter())

    assert result.outcome == "not_sent"
    assert result.detail == "no connection to the mail server (ConnectionRefusedError)"
    with pytest.raises(ServiceUnavailable, match="no connection to the mail server"):
        mailer.probe()


def test_server_that_never_greets_is_not_sent(letter: Letter, mailer_for: MailerFor) -> None:
    with socket.create_server(("127.0.0.1", 0)) as mute:
        mailer = mailer_for(
            f"smtp://127.0.0.1:{mute.getsockname()[1]}", connect_timeout_seconds=0.3
        )

        assert mailer.send(letter()).outcome == "not_sent"


def test_missing_starttls_is_not_sent(
    server: "MailServer", letter: Letter, mailer_for: MailerFor
) -> None:
    mailer = mailer_for(f"{server.url}?starttls=required")

    result = mailer.send(letter())

    assert result.outcome == "not_sent"
    assert "offers no STARTTLS" in result.detail
    assert server.inbox.mails == []


def test_refused_copy_is_left_out_and_told(
    server: "MailServer", mailer: SmtpMailer, letter: Letter
) -> None:
    server.inbox.rcpt_replies["books@customer.example"] = "550 5.1.1 unknown"

    result = mailer.send(letter(cc=("books@customer.example", "boss@customer.example")))

    assert (result.outcome, result.detail) == (
        "sent",
        "accepted (250 2.0.0); 1 of 2 copies refused",
    )
    assert server.inbox.recipients == [["ada@customer.example", "boss@customer.example"]]


@pytest.mark.parametrize(
    "changes",
    [
        {"subject": "Hello\r\nBcc: eve@evil.example"},
        {"subject": "Hello\nBcc: eve@evil.example"},
        {"to": "ada@customer.example\r\nRCPT TO:<eve@evil.example>"},
        {"to": "ada@customer.example, eve@evil.example"},
        {"reply_to": "help@acme.example\r\nX-Evil: 1"},
        {"from_": "Acme\r\nX-Evil: 1 <billing@acme.example>"},
        {"cc": ("books@customer.example\nX-Evil: 1",)},
        {"message_id": "<a@b>\r\nX-Evil: 1"},
        {"message_id": "no brackets"},
        {"to": ""},
        {"to": "ada"},
        {"to": "ädå@customer.example"},
    ],
)
def test_malformed_mail_never_reaches_the_server(
    server: "MailServer", mailer: SmtpMailer, changes: dict[str, object], letter: Letter
) -> None:
    result = mailer.send(letter(**changes))

    assert result.outcome == "refused"
    assert "@" not in result.detail
    assert server.inbox.connections == 0


def test_foreign_domain_is_written_in_ascii(
    server: "MailServer", mailer: SmtpMailer, letter: Letter
) -> None:
    assert mailer.send(letter(to="ada@bücher.example")).outcome == "sent"
    assert server.inbox.recipients == [["ada@xn--bcher-kva.example"]]


def test_one_connection_carries_many_mails_and_is_renewed(
    server: "MailServer", mailer: SmtpMailer, letter: Letter
) -> None:
    mails = smtp.MAILS_PER_CONNECTION_MAX + 1

    outcomes = {mailer.send(letter(number)).outcome for number in range(mails)}

    assert outcomes == {"sent"}
    assert len(server.inbox.mails) == mails
    assert server.inbox.connections == 2


def test_eight_threads_each_with_a_connection_of_its_own(
    server: "MailServer", mailer: SmtpMailer, letter: Letter
) -> None:
    together = threading.Barrier(8)

    def send_some(thread: int) -> list[str]:
        together.wait(10)
        return [mailer.send(letter(100 * thread + each)).outcome for each in range(10)]

    with ThreadPoolExecutor(8) as threads:
        outcomes = [outcome for some in threads.map(send_some, range(8)) for outcome in some]

    assert outcomes == ["sent"] * 80
    assert len({mail["Message-ID"] for mail in server.inbox.mails}) == 80
    assert server.inbox.connections == 8


def test_probe_connects_and_keeps_the_connection(
    server: "MailServer", mailer: SmtpMailer, letter: Letter
) -> None:
    mailer.probe()
    mailer.probe()

    assert mailer.send(letter()).outcome == "sent"
    assert server.inbox.connections == 1


class silent_after_data:  # noqa: N801 - reads as a context
    """A server of one connection that takes a mail and says nothing more."""

    def __enter__(self) -> tuple[str, threading.Event]:
        self._listening = socket.create_server(("127.0.0.1", 0))
        self._taken = threading.Event()
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()
        return f"smtp://127.0.0.1:{self._listening.getsockname()[1]}", self._taken

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join(5)
        self._listening.close()

    def _serve(self) -> None:
        replies = {
            b"EHLO": b"250 hello",
            b"MAIL": b"250 ok",
            b"RCPT": b"250 ok",
            b"DATA": b"354 go",
        }
        connection, _ = self._listening.accept()
        with connection, connection.makefile("rwb", buffering=0) as stream:
            stream.write(b"220 hello\r\n")
            while (word := stream.readline()[:4].upper()) in replies:
                stream.write(replies[word] + b"\r\n")
                if word == b"DATA":
                    while stream.readline() != b".\r\n":
                        pass
                    self._taken.set()
                    self._over.wait(10)
                    return


def test_login_over_starttls(
    start_server: "Callable[..., MailServer]",
    own_certificate: "OwnCertificate",
    letter: Letter,
    mailer_for: MailerFor,
) -> None:
    server = start_server(login=True, tls_context=own_certificate.server)
    trusting = {"tls_context": own_certificate.client}
    host = f"localhost:{server.port}?starttls=required"
    good = mailer_for(f"smtp://acme:right@{host}", **trusting)
    bad = mailer_for(f"smtp://acme:wrong@{host}", **trusting)
    nobody = mailer_for(f"smtp://{host}", **trusting)
    distrusting = mailer_for(f"smtp://acme:right@{host}")

    results = [mailer.send(letter()) for mailer in (good, bad, nobody, distrusting)]

    assert [result.outcome for result in results] == ["sent", "not_sent", "not_sent", "not_sent"]
    assert results[1].detail == "the mail server refused the login (535)"
    assert results[3].detail == "TLS with the mail server failed (CERTIFICATE_VERIFY_FAILED)"
    assert len(server.inbox.mails) == 1
