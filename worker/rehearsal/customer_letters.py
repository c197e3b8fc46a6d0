"""What a customer sees of a letter: who it is for, what it is about, which invoice it links to."""

import re
from dataclasses import dataclass

from worker.domain.letter_fields import DUE_NOTICES
from worker.rehearsal.embedded.inbox import Mail

_SUBJECTS = {
    "payment_failed_1": r"We couldn.t take your payment",
    "payment_failed_2": r"Your payment of .* is still open",
    "payment_failed_3": r"Please check your payment",
    "payment_failed_final": r"Your .* subscription (ends|is paused) on|Your .* plan changes on"
    r"|Last reminder: your payment",
    "action_required": r"Please confirm your payment",
    "invoice_due_soon": r"Your invoice over .* is due on",
    "invoice_due_today": r"Your invoice over .* (is due today|was due on)",
    "invoice_overdue_1": r"Your invoice over .* is overdue",
    "invoice_overdue_2": r"Please check your invoice",
    "invoice_overdue_final": r"Unpaid invoice: |Last reminder: your invoice",
    "payment_recovered": r"Thank you, your payment",
    "subscription_ended": r"Your .* subscription has (ended|been cancelled)",
    "subscription_paused": r"Your .* (subscription has been paused|invoices are on hold)",
    "subscription_downgraded": r"Your .* plan has changed",
    "card_expiring": r"Your card expires",
    "renewal_upcoming": r"Your .* renews on",
    "trial_ending": r"Your .* trial ends on",
}
_BY_SUBJECT = {notice: re.compile(pattern) for notice, pattern in _SUBJECTS.items()}
_INVOICE = re.compile(r"/_sandbox/pay/(in_\w+)")

ABOUT_UNPAID = frozenset(
    (
        "payment_failed_1",
        "payment_failed_2",
        "payment_failed_3",
        "payment_failed_final",
        "action_required",
        *DUE_NOTICES,
    )
)
"""Letters that ask for money or for a confirmation."""


@dataclass(frozen=True, slots=True)
class Letter:
    """One letter as it arrived; `notice` is empty where the subject is none of the shipped ones."""

    number: int
    recipient: str
    message_id: str
    subject: str
    notice: str
    invoices: tuple[str, ...]
    """Invoices it links to; the first is the one it is about."""


def read_letter(mail: Mail) -> Letter:
    """Return what is needed of one mail."""
    message = mail.message
    body = message.get_body(("plain", "html"))
    text = body.get_content() if body is not None else ""
    subject = str(message["Subject"])
    return Letter(
        number=mail.number,
        recipient=mail.recipients[0].lower() if mail.recipients else "",
        message_id=str(message["Message-ID"]),
        subject=subject,
        notice=next((name for name, said in _BY_SUBJECT.items() if said.match(subject)), ""),
        invoices=tuple(dict.fromkeys(_INVOICE.findall(text))),
    )
