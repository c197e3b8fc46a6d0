"""One mail on its way to the mail server, and what became of it."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Attachment:
    """One file that goes with a mail: its name, its media type in two parts, its bytes."""

    name: str
    maintype: str
    subtype: str
    content: bytes


@dataclass(frozen=True, slots=True)
class OutgoingMail:
    """One mail to one address; `message_id` has its angle brackets and stays the same for ever.

    `reply_to` may be empty; `cc` are further recipients, whose refusal does not matter.
    """

    message_id: str
    to: str
    from_: str
    reply_to: str
    subject: str
    text: str
    html: str
    cc: tuple[str, ...] = ()
    attachments: tuple[Attachment, ...] = ()
