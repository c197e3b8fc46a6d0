"""A real SMTP server on a free port, told by each test how to answer."""

import asyncio
import shutil
import ssl
import subprocess
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from email import message_from_bytes, policy
from email.message import EmailMessage
from pathlib import Path
from typing import Any

import pytest
from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session

from worker.mail.message import OutgoingMail
from worker.mail.smtp import SmtpMailer

WRITTEN_AT = datetime(2026, 12, 1, 9, 30, tzinfo=UTC)


@dataclass
class Inbox:
    """What the server has seen, and how it answers; replies are given per recipient."""

    rcpt_replies: dict[str, str] = field(default_factory=dict)
    data_reply: str = "250 2.0.0 OK"
    cut_after_data: bool = False
    mails: list[EmailMessage] = field(default_factory=list)
    recipients: list[list[str]] = field(default_factory=list)
    connections: int = 0
    sessions: list[SMTP] = field(default_factory=list)

    async def handle_EHLO(  # noqa: N802
        self, server: SMTP, session: Session, _envelope: Envelope, hostname: str, answers: list[str]
    ) -> list[str]:
        """Count the connection."""
        session.host_name = hostname
        self.connections += 1
        self.sessions.append(server)
        return answers

    async def handle_RCPT(  # noqa: N802
        self, server: SMTP, _session: Session, envelope: Envelope, address: str, _options: list[str]
    ) -> str:
        """Answer as the test wants for this recipient."""
        reply = self.rcpt_replies.get(address, "250 2.1.5 OK")
        if reply.startswith("250"):
            envelope.rcpt_tos.append(address)
        if reply == "cut":
            _abort(server)
        return reply

    async def handle_DATA(  # noqa: N802
        self, server: SMTP, _session: Session, envelope: Envelope
    ) -> str:
        """Take the mail, then answer, or cut the connection without a word."""
        assert isinstance(envelope.content, bytes)
        parsed = message_from_bytes(envelope.content, policy=policy.default)
        assert isinstance(parsed, EmailMessage)
        self.mails.append(parsed)
        self.recipients.append(list(envelope.rcpt_tos))
        if self.cut_after_data:
            _abort(server)
        return self.data_reply


def _abort(server: SMTP) -> None:
    assert isinstance(server.transport, asyncio.Transport)
    server.transport.abort()


@dataclass
class MailServer:
    """A running server: its port, what it has seen, and a way to act on its own thread."""

    port: int
    inbox: Inbox
    loop: asyncio.AbstractEventLoop

    @property
    def url(self) -> str:
        return f"smtp://127.0.0.1:{self.port}"

    def hang_up(self) -> None:
        """Close every connection from the server's side and return when that is done."""
        done = threading.Event()

        def close_all() -> None:
            for server in self.inbox.sessions:
                if server.transport is not None:
                    server.transport.close()
            self.loop.call_soon(done.set)

        self.loop.call_soon_threadsafe(close_all)
        assert done.wait(5)


def _accept_login(
    server: SMTP, session: Session, envelope: Envelope, mechanism: str, data: LoginPassword
) -> AuthResult:
    """Let in whoever says the right password."""
    return AuthResult(success=data == LoginPassword(b"acme", b"right"), handled=False)


@pytest.fixture
def start_server() -> Iterator[Callable[..., MailServer]]:
    """Start servers; keyword arguments go to aiosmtpd. All end with the test."""
    running: list[tuple[asyncio.AbstractEventLoop, threading.Thread, asyncio.Server]] = []

    def start(*, login: bool = False, **options: Any) -> MailServer:
        if login:
            options |= {"authenticator": _accept_login, "auth_required": True}
        loop = asyncio.new_event_loop()
        inbox = Inbox()
        # aiosmtpd's own Controller dials port 0 to check itself, so the loop is ours.
        listening = loop.run_until_complete(
            loop.create_server(lambda: SMTP(inbox, loop=loop, **options), "127.0.0.1", 0)
        )
        thread = threading.Thread(target=loop.run_forever, daemon=True)
        thread.start()
        running.append((loop, thread, listening))
        return MailServer(listening.sockets[0].getsockname()[1], inbox, loop)

    yield start
    for loop, thread, listening in running:
        asyncio.run_coroutine_threadsafe(_end(listening), loop).result(5)
        loop.call_soon_threadsafe(loop.stop)
        thread.join(5)
        loop.close()


async def _end(listening: asyncio.Server) -> None:
    listening.close()
    others = [task for task in asyncio.all_tasks() if task is not asyncio.current_task()]
    for task in others:
        task.cancel()
    await asyncio.gather(*others, return_exceptions=True)
    await asyncio.sleep(0)


@pytest.fixture
def server(start_server: Callable[..., MailServer]) -> MailServer:
    """A plain server that takes everything until the test says otherwise."""
    return start_server()


@pytest.fixture
def mailer(server: MailServer, mailer_for: Callable[..., SmtpMailer]) -> SmtpMailer:
    """A mailer for `server`."""
    return mailer_for(server.url, read_timeout_seconds=5)


@pytest.fixture
def letter() -> Callable[..., OutgoingMail]:
    """Make the mail of a number to Ada; keyword arguments replace its parts."""

    def make(number: int = 1, **changes: Any) -> OutgoingMail:
        mail = OutgoingMail(
            message_id=f"<letter-{number}@acme.example>",
            to="ada@customer.example",
            from_="Acme Billing <billing@acme.example>",
            reply_to="help@acme.example",
            subject="We couldn’t take your payment",
            text="Hello Ada,\n.a line with a dot\n",
            html="<p>Hello Ada – 20,00 €</p>",
        )
        return replace(mail, **changes)

    return make


@pytest.fixture
def mailer_for() -> Iterator[Callable[..., SmtpMailer]]:
    """Make mailers for any URL; all are closed with the test."""
    made: list[SmtpMailer] = []

    def make(url: str, **options: Any) -> SmtpMailer:
        mailer = SmtpMailer(url, now=lambda: WRITTEN_AT, **options)
        made.append(mailer)
        return mailer

    yield make
    for each in made:
        each.close()


@dataclass
class OwnCertificate:
    """A certificate for localhost that nobody knows, as the server and a trusting client use it."""

    server: ssl.SSLContext
    client: ssl.SSLContext


@pytest.fixture
def own_certificate(tmp_path: Path) -> OwnCertificate:
    """Make a certificate with openssl, valid for a day."""
    openssl = shutil.which("openssl")
    if openssl is None:
        pytest.skip("needs openssl to make a certificate")
    key, certificate = tmp_path / "key.pem", tmp_path / "certificate.pem"
    made = subprocess.run(
        [
            *(openssl, "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "1"),
            *("-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost"),
            *("-keyout", str(key), "-out", str(certificate)),
        ],
        capture_output=True,
        timeout=60,
        check=False,
    )
    assert made.returncode == 0, made.stderr
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server.load_cert_chain(certificate, key)
    return OwnCertificate(server, ssl.create_default_context(cafile=str(certificate)))
