"""Sending over SMTP with an honest answer: sent, refused, not sent, or unknown.

The steps of a transaction are taken one by one, since smtplib's `sendmail` does not tell a
connection that broke before the mail was handed over from one that broke after it.
"""

import contextlib
import re
import smtplib
import socket
import ssl
import threading
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from worker.errors import ServiceUnavailable
from worker.mail.message import OutgoingMail
from worker.mail.mime import UnwritableMailError, build_message, envelope_address
from worker.mail.smtp_url import SmtpServer, read_smtp_url
from worker.ports import SendOutcome, SendResult

MAILS_PER_CONNECTION_MAX = 100

_ENHANCED_CODE = re.compile(rb"\b[245]\.\d{1,3}\.\d{1,3}\b")
# A server that wants a login, or does not relay for us, is set up wrongly: that is no verdict on
# the recipient, so the letter may be tried again once somebody has put it right.
_LOGIN_WANTED = frozenset((503, 530, 534, 535, 538))
_NO_RELAY = re.compile(rb"\brelay", re.IGNORECASE)
_CLOSING = 421


@dataclass(slots=True)
class _Kept:
    """A connection that stays open between mails, and how many it has carried."""

    smtp: smtplib.SMTP
    mails: int = 0


@dataclass(frozen=True, slots=True)
class _Envelope:
    sender: str
    recipient: str
    copies: tuple[str, ...]
    body: bytes


class _ConnectionLostError(Exception):
    """The connection broke, or the server closed it, before the mail was handed over."""


class SmtpMailer:
    """Sends mails to one server; safe to share, each thread keeps a connection of its own."""

    def __init__(
        self,
        smtp_url: str,
        *,
        now: Callable[[], datetime],
        connect_timeout_seconds: float = 10,
        read_timeout_seconds: float = 30,
        tls_context: ssl.SSLContext | None = None,
    ) -> None:
        """Read the address; nothing is connected before the first mail.

        *now* gives the aware instant for the Date header. Raises: ConfigError: the URL is wrong.
        """
        self._server = read_smtp_url(smtp_url)
        self._now = now
        self._connect_timeout_seconds = connect_timeout_seconds
        self._read_timeout_seconds = read_timeout_seconds
        self._tls_context = tls_context or ssl.create_default_context()
        self._thread = threading.local()
        self._lock = threading.Lock()
        self._all: list[_Kept] = []

    def send(self, mail: OutgoingMail) -> SendResult:
        """Hand *mail* to the server once and say what became of it; never raises for the network.

        A kept connection that the server has closed meanwhile is opened anew, which is safe
        because nothing was handed over on it.
        """
        try:
            envelope = _Envelope(
                sender=envelope_address(mail.from_),
                recipient=envelope_address(mail.to),
                copies=tuple(envelope_address(each) for each in mail.cc),
                body=_wire_body(build_message(mail, self._now()).as_bytes()),
            )
        except UnwritableMailError as error:
            return SendResult(SendOutcome.REFUSED, f"the mail was not written: {error}")
        used_before = self._kept() is not None
        try:
            return self._transact(envelope)
        except _ConnectionLostError as error:
            if not used_before:
                return SendResult(SendOutcome.NOT_SENT, str(error))
        try:
            return self._transact(envelope)
        except _ConnectionLostError as error:
            return SendResult(SendOutcome.NOT_SENT, str(error))

    def probe(self) -> None:
        """Connect and log in, and return nothing if that works.

        Raises: ServiceUnavailable: with the reason, for `dunning doctor`.
        """
        try:
            kept = self._kept() or self._open()
            _reply(kept.smtp.noop)
        except _ConnectionLostError as error:
            self._drop()
            raise ServiceUnavailable(
                f"{self._server.host} port {self._server.port}: {error}; check SMTP_URL."
            ) from error

    def close(self) -> None:
        """Close the connections of all threads; the next mail opens one again."""
        with self._lock:
            kept, self._all = self._all, []
        for each in kept:
            each.smtp.close()
        self._thread = threading.local()

    def _kept(self) -> _Kept | None:
        kept: _Kept | None = getattr(self._thread, "kept", None)
        return kept

    def _transact(self, envelope: _Envelope) -> SendResult:
        """Run one transaction. Raises: _ConnectionLostError: before the mail was handed over."""
        kept = self._kept() or self._open()
        kept.mails += 1
        try:
            result = _run(kept.smtp, envelope)
        except _ConnectionLostError:
            self._drop()
            raise
        if result.outcome is SendOutcome.UNKNOWN:
            self._drop()
        elif kept.mails >= MAILS_PER_CONNECTION_MAX:
            with contextlib.suppress(OSError, smtplib.SMTPException):
                kept.smtp.quit()
            self._drop()
        elif result.outcome is not SendOutcome.SENT:
            self._reset(kept)
        return result

    def _reset(self, kept: _Kept) -> None:
        """Clear a transaction that was not finished, or give the connection up."""
        try:
            if _reply(kept.smtp.rset)[0] != 250:
                self._drop()
        except _ConnectionLostError:
            self._drop()

    def _drop(self) -> None:
        kept = self._kept()
        if kept is not None:
            kept.smtp.close()
            self._thread.kept = None
            with self._lock:
                if kept in self._all:
                    self._all.remove(kept)

    def _open(self) -> _Kept:
        try:
            smtp = _connect(self._server, self._tls_context, self._connect_timeout_seconds)
            if smtp.sock is not None:
                smtp.sock.settimeout(self._read_timeout_seconds)
        except smtplib.SMTPAuthenticationError as error:
            raise _ConnectionLostError(
                f"the mail server refused the login ({error.smtp_code})"
            ) from None
        except smtplib.SMTPNotSupportedError:
            raise _ConnectionLostError(
                "the mail server offers no STARTTLS or no login, which SMTP_URL asks for"
            ) from None
        except ssl.SSLError as error:
            raise _ConnectionLostError(
                f"TLS with the mail server failed ({error.reason or 'no reason given'})"
            ) from None
        except (OSError, smtplib.SMTPException) as error:
            raise _ConnectionLostError(
                f"no connection to the mail server ({type(error).__name__})"
            ) from None
        kept = _Kept(smtp)
        self._thread.kept = kept
        with self._lock:
            self._all.append(kept)
        return kept


def _connect(server: SmtpServer, context: ssl.SSLContext, timeout_seconds: float) -> smtplib.SMTP:
    """Return a connection that is greeted, protected and logged in."""
    name = _own_name()
    smtp: smtplib.SMTP
    if server.protection == "tls":
        smtp = smtplib.SMTP_SSL(
            server.host, server.port, name, timeout=timeout_seconds, context=context
        )
    else:
        smtp = smtplib.SMTP(server.host, server.port, name, timeout=timeout_seconds)
    try:
        smtp.ehlo_or_helo_if_needed()
        if server.protection == "starttls":
            smtp.starttls(context=context)
            smtp.ehlo_or_helo_if_needed()
        if server.user:
            smtp.login(server.user, server.password)
    except BaseException:
        smtp.close()
        raise
    return smtp


def _own_name() -> str:
    """Return the name for EHLO without asking the DNS, which smtplib would wait for."""
    name = socket.gethostname()
    return name if "." in name else "[127.0.0.1]"


def _run(smtp: smtplib.SMTP, envelope: _Envelope) -> SendResult:
    code, text = _reply(lambda: smtp.mail(envelope.sender))
    if code != 250:
        # The sender is ours, so a refusal here is never the recipient's fault.
        return SendResult(
            SendOutcome.NOT_SENT, f"the server refused the sender ({_codes(code, text)})"
        )
    code, text = _reply(lambda: smtp.rcpt(envelope.recipient))
    if code not in (250, 251):
        return _refusal("the recipient", code, text)
    left_out = 0
    for copy in envelope.copies:
        code, _ = _reply(lambda: smtp.rcpt(copy))  # noqa: B023
        left_out += code not in (250, 251)
    code, text = _reply(lambda: smtp.docmd("DATA"))
    if code != 354:
        return _refusal("the mail", code, text)
    note = f"; {left_out} of {len(envelope.copies)} copies refused" if left_out else ""
    return _hand_over(smtp, envelope.body, note)


def _hand_over(smtp: smtplib.SMTP, body: bytes, note: str) -> SendResult:
    """Send the body and read the verdict; without one nobody knows whether the mail arrived."""
    try:
        smtp.send(body)
        code, text = smtp.getreply()
    except (OSError, smtplib.SMTPException) as error:
        return SendResult(
            SendOutcome.UNKNOWN,
            f"the answer was lost after the mail was handed over ({type(error).__name__})",
        )
    if 200 <= code < 300:
        return SendResult(SendOutcome.SENT, f"accepted ({_codes(code, text)}){note}")
    if 400 <= code < 600:
        return _refusal("the mail", code, text)
    return SendResult(SendOutcome.UNKNOWN, "the server's answer to the mail cannot be read")


def _reply(command: Callable[[], tuple[int, bytes]]) -> tuple[int, bytes]:
    """Return the server's reply to one command before the mail is handed over.

    Raises: _ConnectionLostError: there is none, it is unreadable, or the server says good-bye.
    """
    try:
        code, text = command()
    except (OSError, smtplib.SMTPException) as error:
        raise _ConnectionLostError(
            f"the connection broke before the mail was handed over ({type(error).__name__})"
        ) from None
    if code == _CLOSING or not 200 <= code < 600:
        raise _ConnectionLostError(f"the server closed the connection ({_codes(code, text)})")
    return code, text


def _refusal(what: str, code: int, text: bytes) -> SendResult:
    codes = _codes(code, text)
    if code >= 500 and code not in _LOGIN_WANTED and not _NO_RELAY.search(text):
        return SendResult(SendOutcome.REFUSED, f"the server refused {what} for good ({codes})")
    return SendResult(SendOutcome.NOT_SENT, f"the server did not take {what} now ({codes})")


def _codes(code: int, text: bytes) -> str:
    """Return the reply's codes only: its words often repeat the address."""
    enhanced = _ENHANCED_CODE.search(text)
    return f"{code} {enhanced[0].decode()}" if enhanced else str(code)


def _wire_body(message: bytes) -> bytes:
    """Return the message with dots doubled at line starts and the end mark (RFC 5321, 4.5.2)."""
    return re.sub(rb"(?m)^\.", b"..", message).removesuffix(b"\r\n") + b"\r\n.\r\n"
