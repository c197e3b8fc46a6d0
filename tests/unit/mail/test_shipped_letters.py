"""The letters as shipped: each reads well, full or bare, in both parts."""

import re
from datetime import UTC, datetime
from html.parser import HTMLParser
from pathlib import Path

import pytest

from worker.domain.letter_fields import NOTICES, bare_fields, fields_of, sample_fields
from worker.domain.money import Money
from worker.domain.policy import Brand
from worker.mail.formatting import day_text, money_text
from worker.mail.lint import lint_templates
from worker.mail.render import LetterRenderer
from worker.mail.zones import locale_for, zone_for

_CUSTOMERS = [("en-US", "US"), ("de", "DE"), ("ja", "JP"), ("ar", "AE"), ("pt-BR", "BR")]
_VOID = frozenset(("meta", "img", "br", "hr", "link"))


class Balance(HTMLParser):
    """Checks that elements close in the order in which they open, and collects links and text."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.links: list[str] = []
        self.elements: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Remember an element and its link."""
        self.elements.append(tag)
        self.links += [value or "" for name, value in attrs if name == "href"]
        if tag not in _VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        """Close the last element."""
        assert self.open.pop() == tag


def read(html: str) -> Balance:
    balance = Balance()
    balance.feed(html)
    balance.close()
    assert balance.open == []
    return balance


def test_shipped_templates_have_no_problem(shipped: Path) -> None:
    assert lint_templates(shipped) == []


def test_every_notice_has_a_letter_and_every_letter_a_notice(shipped: Path) -> None:
    assert {path.stem for path in (shipped / "en").glob("*.md")} == set(NOTICES)


@pytest.mark.parametrize("fill", [sample_fields, bare_fields])
@pytest.mark.parametrize("notice", NOTICES)
def test_letter_is_whole(notice: str, fill: object, shipped: Path, brand: Brand) -> None:
    fields = sample_fields(notice) if fill is sample_fields else bare_fields(notice)

    letter = LetterRenderer(shipped, brand).render(notice, "en", fields)

    page = read(letter.html)
    for part in (letter.subject, letter.html, letter.text):
        assert "{{" not in part
        assert "{%" not in part
        assert "None" not in part
        assert "Undefined" not in part
    assert not re.search(r"zq\d+x\d+qz", letter.html + letter.text)
    assert not re.search(r"[ \t]\n|\n{3,}", letter.text.replace("-- \n", ""))
    assert "<p></p>" not in letter.html
    # Sentences whose middle is left out must not leave a gap before their end.
    assert not re.search(r"\w [.,]\s|\s,\s|\.\.|\(\)", letter.text)
    assert set(page.links) <= {
        *(str(value) for value in fields.values() if str(value).startswith("https://")),
        "https://invoice.stripe.com/i/acct_1/1",
        "mailto:help@acme.example",
    }
    assert page.elements.count("a") >= 2
    assert "Acme & Sons" in letter.text
    assert "Acme &amp; Sons" in letter.html
    assert 'lang="en"' in letter.html
    assert len(letter.subject) <= 70
    assert len(letter.html) < 20_000


@pytest.mark.parametrize("notice", NOTICES)
@pytest.mark.parametrize(("preferred", "country"), _CUSTOMERS)
def test_letter_in_a_customers_own_formatting(
    notice: str, preferred: str, country: str, shipped: Path, brand: Brand
) -> None:
    renderer = LetterRenderer(shipped, brand)
    locale = renderer.formatting_locale(notice, locale_for([preferred], country))
    day = day_text(
        datetime(2026, 12, 1, 15, tzinfo=UTC), zone_for(country, None, "Europe/Berlin"), locale
    )
    amount = money_text(Money(123450, "eur"), locale)
    fields = {
        name: (amount if name == "amount" else day if name.endswith("_on") else value)
        for name, value in sample_fields(notice).items()
    }

    letter = renderer.render(notice, locale, fields)

    assert "December" in day
    uses_amount = "amount" in fields_of(notice)
    assert not uses_amount or amount in letter.text
    assert letter.text.isprintable() or "\n" in letter.text


def test_dark_mode_and_phone_styles_survive_inlining(shipped: Path, brand: Brand) -> None:
    letter = LetterRenderer(shipped, brand).render(
        "payment_failed_1", "en", sample_fields("payment_failed_1")
    )

    assert "@media (prefers-color-scheme: dark)" in letter.html
    assert "@media (max-width: 620px)" in letter.html
    assert re.search(r'<td class="body"[^>]*style="[^"]*font-size: ?16px', letter.html)


def test_final_letter_says_when_the_subscription_ends(shipped: Path, brand: Brand) -> None:
    fields = {**bare_fields("payment_failed_final"), "ends_on": "Friday 11 December"}

    letter = LetterRenderer(shipped, brand).render("payment_failed_final", "en", fields)

    assert letter.subject == "Your Acme & Sons subscription ends on Friday 11 December"
    assert "ends on Friday 11 December" in letter.text


def test_merged_letter_names_every_invoice(shipped: Path, brand: Brand) -> None:
    failed = [name for name in NOTICES if name.startswith(("payment_failed", "action"))]
    for notice in failed:
        letter = LetterRenderer(shipped, brand).render(notice, "en", sample_fields(notice))
        assert "ACME-0042" in letter.text
        assert "ACME-0043" in letter.text
        assert letter.html.count("<li") == 2


def test_card_letter_shows_no_more_than_four_digits(shipped: Path, brand: Brand) -> None:
    letter = LetterRenderer(shipped, brand).render(
        "card_expiring", "en", sample_fields("card_expiring")
    )

    assert "your Visa card ending in 4242" in letter.text
    assert not re.search(r"\d{5}", letter.text)


@pytest.mark.parametrize("notice", NOTICES)
def test_letters_neither_threaten_nor_promote(notice: str, shipped: Path) -> None:
    source = (shipped / "en" / f"{notice}.md").read_text(encoding="utf-8").lower()

    words = "collection agency|legal|lawyer|court|immediately|urgent|suspend|terminate|penalt"
    offers = "discount|offer|upgrade|save \\d|% off|deal|free month"
    assert not re.search(f"{words}|{offers}|!", source)
