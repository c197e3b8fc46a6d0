"""From a letter's content to the letter: each notice, with the least and the most that is known."""

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from worker.domain.letter_fields import NOTICES
from worker.domain.money import Money
from worker.domain.notices import ENDING_NOTICES, LetterContent
from worker.domain.policy import Brand, DeclineClass, Sender
from worker.domain.readings import CustomerReading, InvoiceReading, PaymentMethodReading
from worker.errors import ConfigError
from worker.mail.post_office import ZONE_KEY, PostOffice
from worker.mail.render import LetterRenderer
from worker.mail.smtp import SmtpMailer
from worker.ports import Letters

NOW = datetime(2026, 12, 1, 2, 0, tzinfo=UTC)
ADA = CustomerReading("cus_1", email="ada@customer.example", name="Ada", country="US")
VISA = PaymentMethodReading("pm_1", "card", "visa", "4242", exp_month=1, exp_year=2027)


def invoice(number: str, minor: int, *, status: str = "open") -> InvoiceReading:
    return InvoiceReading(
        id=f"in_{number}",
        customer_id="cus_1",
        subscription_id="sub_1",
        status=status,
        billing_reason="subscription_cycle",
        collection_method="charge_automatically",
        currency="eur",
        amount_due_minor=minor,
        amount_paid_minor=0 if status == "open" else minor,
        amount_remaining_minor=minor if status == "open" else 0,
        attempted=True,
        attempt_count=1,
        created_at=NOW - timedelta(days=40),
        due_at=NOW - timedelta(days=3),
        number=number,
        hosted_invoice_url=f"https://invoice.stripe.com/i/{number}",
    )


def least(notice: str) -> LetterContent:
    """What is always known for a notice, and nothing more."""
    content = LetterContent(notice, ADA, NOW)
    if notice == "card_expiring":
        return replace(content, method=VISA, renews_at=NOW + timedelta(days=62))
    if notice == "renewal_upcoming":
        return replace(content, renews_at=NOW + timedelta(days=30))
    if notice == "trial_ending":
        return replace(content, trial_ends_at=NOW + timedelta(days=7))
    return replace(
        content,
        amount=Money(2000, "eur"),
        invoices=(invoice("A-1", 2000),),
        failed_at=NOW - timedelta(days=3),
    )


def most(notice: str) -> LetterContent:
    """Everything at once."""
    return LetterContent(
        notice,
        ADA,
        NOW,
        amount=Money(2000, "eur"),
        invoices=(invoice("A-1", 2000), invoice("A-2", 850)),
        method=VISA,
        decline_class=DeclineClass.FUNDS,
        plan_name="Team",
        failed_at=NOW - timedelta(days=3),
        next_try_at=NOW + timedelta(days=4),
        ends_at=NOW + timedelta(days=40),
        ended_at=NOW,
        paid_at=NOW,
        renews_at=NOW + timedelta(days=50),
        renews_until=NOW + timedelta(days=400),
        trial_ends_at=NOW + timedelta(days=7),
    )


@pytest.fixture
def letters(shipped: Path, brand: Brand) -> PostOffice:
    letters = PostOffice(
        LetterRenderer(shipped, brand),
        SmtpMailer("smtp://127.0.0.1:9", now=lambda: NOW),
        Sender("Acme <billing@acme.example>"),
        office_zone="Europe/Berlin",
        portal_url="https://pay.acme.example/{customer}",
    )
    as_port: Letters = letters
    assert as_port is letters
    return letters


@pytest.mark.parametrize("notice", NOTICES)
@pytest.mark.parametrize("content_of", [least, most])
def test_every_notice_from_its_content(
    notice: str, content_of: Callable[[str], LetterContent], letters: PostOffice
) -> None:
    rendered = letters.render(content_of(notice))

    assert rendered.subject
    assert rendered.text.startswith("Hello Ada,\n")
    assert "{" not in rendered.text


def test_days_are_the_customers_and_carry_a_year_only_when_it_is_another(
    letters: PostOffice,
) -> None:
    text = letters.render(most("payment_failed_3")).text

    # 02:00 UTC is still the day before in New York.
    assert "has been open since Friday, November 27" in text
    assert "we try again on Friday, December 4." in text
    assert "open on Saturday, January 9, 2027," in text


def test_zone_from_metadata_then_country_then_office(letters: PostOffice) -> None:
    in_tokyo = replace(ADA, metadata={ZONE_KEY: "Asia/Tokyo"})

    assert letters.zone_of(in_tokyo) == "Asia/Tokyo"
    assert letters.zone_of(ADA) == "America/New_York"
    assert letters.zone_of(replace(ADA, country="")) == "Europe/Berlin"
    assert letters.zone_of(None) == "Europe/Berlin"


def test_portal_page_is_the_customers_own(letters: PostOffice) -> None:
    assert "https://pay.acme.example/cus_1" in letters.render(most("card_expiring")).text


def test_amounts_follow_the_customers_country(letters: PostOffice) -> None:
    german = replace(ADA, country="DE", locales=("de",))
    content = replace(most("payment_failed_1"), customer=german)

    assert letters.locale_of(german) == "de_DE"
    assert "20,00\u00a0€" in letters.render(content).text
    assert "Friday, 27 November" not in letters.render(replace(content, customer=ADA)).text


def test_every_invoice_is_named_with_its_own_day_and_amount(letters: PostOffice) -> None:
    text = letters.render(most("payment_failed_2")).text

    assert "- €20.00, open since Friday, November 27, invoice A-1: https://" in text
    assert "- €8.50, open since Wednesday, October 21, invoice A-2: https://" in text


@pytest.mark.parametrize("kind", [DeclineClass.FRAUD, DeclineClass.CONSENT_WITHDRAWN, None])
def test_reason_that_must_not_be_told_is_not(
    kind: DeclineClass | None, letters: PostOffice
) -> None:
    content = replace(most("payment_failed_1"), decline_class=kind)

    text = letters.render(content).text

    assert "bank" not in text
    assert "4242.\n" in text


def test_ended_letter_offers_no_payment_for_a_written_off_invoice(
    letters: PostOffice,
) -> None:
    still_open = letters.render(most("subscription_ended")).text
    written_off = replace(
        most("subscription_ended"), invoices=(invoice("A-1", 2000, status="uncollectible"),)
    )

    assert "https://invoice.stripe.com/i/A-1" in still_open
    assert "https://invoice.stripe.com" not in letters.render(written_off).text


def test_recovered_letter_names_what_was_paid_and_no_date_of_the_past(
    letters: PostOffice,
) -> None:
    content = replace(
        most("payment_recovered"),
        invoices=(invoice("A-1", 2000, status="paid"),),
        renews_at=NOW - timedelta(days=1),
    )

    text = letters.render(content).text

    assert "your payment of €20.00 for Team arrived on Monday, November 30" in text
    assert "next payment" not in text


@pytest.mark.parametrize("goes_on", [True, False])
def test_recovered_letter_says_that_the_subscription_goes_on_only_where_it_does(
    letters: PostOffice, goes_on: bool
) -> None:
    """Who pays after the end is not told that all is as before."""
    rendered = letters.render(replace(most("payment_recovered"), goes_on=goes_on))

    assert ("subscription goes on as before" in rendered.text) is goes_on
    assert ("Everything is in order." in rendered.html) is goes_on
    assert "ou need not do anything." in rendered.text


def test_ended_letter_names_the_day_that_is_still_to_come(letters: PostOffice) -> None:
    """After a cancel for the end of the paid period the subscription has not ended yet."""
    ends_at = NOW + timedelta(days=9)
    content = replace(most("subscription_ended"), runs_until=ends_at)

    rendered = letters.render(content)
    at_once = letters.render(most("subscription_ended"))

    assert rendered.subject == "Your Acme & Sons subscription has been cancelled"
    assert "to Team ends on Wednesday, December 9, because" in rendered.text
    assert "ended" not in rendered.text
    assert at_once.subject == "Your Acme & Sons subscription has ended"
    assert "to Team ended on Monday, November 30, because" in at_once.text


@pytest.mark.parametrize("notice", sorted(ENDING_NOTICES))
def test_letter_about_an_ending_can_be_without_an_amount(letters: PostOffice, notice: str) -> None:
    """What was credited in full since is owed no more."""
    text = letters.render(replace(most(notice), amount=None)).text

    assert "we could not collect your last payment." in text.replace("\n", " ").lower()
    assert "€20" not in text


def test_letter_without_its_invoice_page_is_not_written(letters: PostOffice) -> None:
    content = most("payment_failed_1")
    bare = replace(content.invoices[0], hosted_invoice_url="")

    with pytest.raises(ConfigError, match=r"pay_url is no https:// address"):
        letters.render(replace(content, invoices=(bare,)))


def test_mail_that_nobody_takes_is_told_with_its_detail(letters: PostOffice) -> None:
    rendered = letters.render(most("payment_failed_1"))
    without_address = replace(ADA, email="")

    result = letters.send(
        message_id="<a@acme.example>", customer=without_address, rendered=rendered
    )

    assert result.outcome == "refused"
    assert result.detail == "the mail was not written: an address is malformed"
