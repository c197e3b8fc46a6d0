"""A mail as bytes: headers, plain text and HTML, in a form that every server takes."""

import hashlib
import re
from datetime import datetime
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime, parseaddr

from worker.mail.message import OutgoingMail

_MESSAGE_ID = re.compile(r"<[A-Za-z0-9!#$%&'*+/=?^_`{|}~.:-]+@[A-Za-z0-9.:-]+>")


class UnwritableMailError(ValueError):
    """The mail cannot be written down; the text says what about it, without any address."""


def build_message(mail: OutgoingMail, written_at: datetime) -> EmailMessage:
    """Return *mail* as a message; the same mail at the same instant gives the same bytes.

    Bodies are quoted-printable, so that no server on the way has to know 8BITMIME.
    Raises: UnwritableMailError: an address or header is malformed or holds a line break.
    """
    if not _MESSAGE_ID.fullmatch(mail.message_id):
        raise UnwritableMailError("the Message-ID is malformed")
    message = EmailMessage(policy=SMTP)
    try:
        message["From"] = _address(mail.from_)
        message["To"] = _address(mail.to)
        if mail.cc:
            message["Cc"] = [_address(each) for each in mail.cc]
        if mail.reply_to:
            message["Reply-To"] = _address(mail.reply_to)
        message["Subject"] = mail.subject
    except UnwritableMailError:
        raise
    except ValueError:
        raise UnwritableMailError("a header holds a line break") from None
    message["Date"] = format_datetime(written_at)
    message["Message-ID"] = mail.message_id
    # RFC 3834 keeps holiday answers away; the second header does so at Exchange.
    message["Auto-Submitted"] = "auto-generated"
    message["X-Auto-Response-Suppress"] = "All"
    message.set_content(mail.text, cte="quoted-printable")
    message.add_alternative(mail.html, subtype="html", cte="quoted-printable")
    message.set_boundary(_boundary(mail))
    for number, attached in enumerate(mail.attachments, start=1):
        message.add_attachment(
            attached.content,
            maintype=attached.maintype,
            subtype=attached.subtype,
            filename=attached.name,
        )
        message.set_boundary(f"{_boundary(mail)}.{number}")
    return message


def _boundary(mail: OutgoingMail) -> str:
    return "=_" + hashlib.sha256(mail.message_id.encode()).hexdigest()[:32]


def envelope_address(address: str) -> str:
    """Return the bare `local@domain` of *address*, the domain in ASCII (IDNA).

    Raises: UnwritableMailError: it is no single address, or its local part is not ASCII.
    """
    return _address(address).addr_spec


def _address(text: str) -> Address:
    if "\r" in text or "\n" in text:
        raise UnwritableMailError("an address holds a line break")
    name, bare = parseaddr(text)
    local, at, domain = bare.rpartition("@")
    if not (local and at and domain) or (not name and bare != text.strip()):
        raise UnwritableMailError("an address is malformed")
    if not local.isascii():
        raise UnwritableMailError("the local part of an address is not ASCII")
    try:
        return Address(name, addr_spec=f"{local}@{domain.encode('idna').decode('ascii')}")
    except Exception as error:
        # The standard library's parser raises a dozen types of error for odd addresses.
        raise UnwritableMailError("an address is malformed") from error
