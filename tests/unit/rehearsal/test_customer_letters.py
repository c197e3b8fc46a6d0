"""What a customer sees of a mail: each shipped letter is known by its subject."""

from email.message import EmailMessage
from pathlib import Path

import pytest

from worker.rehearsal.customer_letters import ABOUT_UNPAID, read_letter
from worker.rehearsal.embedded.inbox import Mail

TEMPLATES = Path("templates/en")


def mail(subject: str, text: str = "Hello") -> Mail:
    message = EmailMessage()
    message["Subject"], message["Message-ID"] = subject, "<1@dunning.invalid>"
    message.set_content(text)
    message.add_alternative("<p>Hello</p>", subtype="html")
    return Mail(7, "billing@acme.example", ("A@Customers.example",), bytes(message), None)


@pytest.mark.parametrize(
    ("subject", "notice"),
    [
        ("We couldn’t take your payment of €29.00", "payment_failed_1"),
        ("Your payment of ¥4,800 is still open", "payment_failed_2"),
        ("Please check your payment of KWD10.000", "payment_failed_3"),
        ("Your Acme subscription ends on 3 November 2026", "payment_failed_final"),
        ("Your Acme subscription is paused on 3 November 2026", "payment_failed_final"),
        ("Your Acme plan changes on 3 November 2026", "payment_failed_final"),
        ("Last reminder: your payment of €29.00 is open", "payment_failed_final"),
        ("Please confirm your payment of €29.00", "action_required"),
        ("Thank you, your payment of €29.00 arrived", "payment_recovered"),
        ("Your Acme subscription has ended", "subscription_ended"),
        ("Your Acme subscription has been cancelled", "subscription_ended"),
        ("Your Acme subscription has been paused", "subscription_paused"),
        ("Your Acme invoices are on hold", "subscription_paused"),
        ("Your Acme plan has changed", "subscription_downgraded"),
        ("Your card expires before your next payment", "card_expiring"),
        ("Your Pro renews on 3 November 2026", "renewal_upcoming"),
        ("Your Acme trial ends on 3 November 2026", "trial_ending"),
        ("Your invoice over €29.00 is due on Friday 3 November", "invoice_due_soon"),
        ("Your invoice over €29.00 is due today", "invoice_due_today"),
        ("Your invoice over €29.00 was due on Friday 3 November", "invoice_due_today"),
        ("Your invoice over €29.00 is overdue", "invoice_overdue_1"),
        ("Please check your invoice over €29.00, due Friday 3 November", "invoice_overdue_2"),
        ("Unpaid invoice: your subscription ends on 3 November 2026", "invoice_overdue_final"),
        ("Last reminder: your invoice over €29.00 is open", "invoice_overdue_final"),
        ("Something new", ""),
    ],
)
def test_subjects_tell_the_notice(subject: str, notice: str) -> None:
    assert read_letter(mail(subject)).notice == notice


def test_every_shipped_letter_is_known() -> None:
    known = {
        "payment_failed_1", "payment_failed_2", "payment_failed_3", "payment_failed_final",
        "action_required", "payment_recovered", "subscription_ended", "card_expiring",
        "renewal_upcoming", "trial_ending", "invoice_due_soon", "invoice_due_today",
        "invoice_overdue_1", "invoice_overdue_2", "invoice_overdue_final",
        "subscription_paused", "subscription_downgraded",
    }  # fmt: skip
    assert {path.stem for path in TEMPLATES.glob("*.md")} == known
    assert known >= ABOUT_UNPAID


def test_links_tell_the_invoices_each_once_in_order() -> None:
    page = "http://127.0.0.1:1234/_sandbox/pay/"
    seen = read_letter(mail("x", f"pay {page}in_2\nand {page}in_1\nor {page}in_2\n"))
    assert seen.invoices == ("in_2", "in_1")
    assert (seen.number, seen.recipient) == (7, "a@customers.example")
    assert seen.message_id == "<1@dunning.invalid>"
