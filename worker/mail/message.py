"""One mail on its way to the mail server, and what became of it."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class OutgoingMail:
    """One mail to one customer; `message_id` has its angle brackets and stays the same for ever.

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
