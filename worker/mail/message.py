"""One mail on its way to the mail server, and what became of it."""

from dataclasses import dataclass

from worker.ports import SendOutcome


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


@dataclass(frozen=True, slots=True)
class SendResult:
    """What became of one mail.

    `sent`: the server took it. `refused`: it never will, for this recipient. `not_sent`: surely
    not taken, so it may be tried again. `unknown`: the answer was lost after the mail was handed
    over; it may have arrived, so it is never sent again.
    `detail` is a phrase for people and logs, without any address.
    """

    outcome: SendOutcome
    detail: str
