"""Phrases inside letters: never more digits than four, never a reason that must not be told."""

from pathlib import Path

import pytest

from worker.domain.policy import Brand, DeclineClass
from worker.errors import ConfigError
from worker.mail.render import LetterRenderer
from worker.mail.words import Words, read_words


@pytest.fixture
def words(shipped: Path, brand: Brand) -> Words:
    return LetterRenderer(shipped, brand).words("payment_failed_1", "en_GB")


@pytest.mark.parametrize(
    ("kind", "card_brand", "last4", "phrase"),
    [
        ("card", "visa", "4242", "your Visa card ending in 4242"),
        ("card", "amex", "0005", "your American Express card ending in 0005"),
        ("card", "visa", "4242424242424242", "your payment method"),
        ("card", "visa", "", "your payment method"),
        ("card", "visa", "٤٢٤٢", "your payment method"),
        ("card", "unknown", "4242", "your payment method"),
        ("sepa_debit", "", "3000", "your bank account"),
        ("us_bank_account", "", "6789", "your bank account"),
        ("paypal", "", "", "your payment method"),
        ("", "", "", "your payment method"),
    ],
)
def test_payment_method(words: Words, kind: str, card_brand: str, last4: str, phrase: str) -> None:
    assert words.payment_method(kind, brand=card_brand, last4=last4) == phrase


def test_fraud_and_withdrawn_consent_are_never_told(words: Words) -> None:
    told = {kind for kind in DeclineClass if words.reason(kind)}

    assert DeclineClass.FRAUD not in told
    assert DeclineClass.CONSENT_WITHDRAWN not in told
    assert DeclineClass.SETUP not in told
    assert len(told) == 5
    # A letter without a reason must not give a masked decline away.
    assert DeclineClass.UNCLEAR not in told
    assert words.reason("something new at Stripe") == ""


@pytest.mark.parametrize(
    ("source", "sentence"),
    [
        ("reasons: {}", "words.yaml: payment_methods is missing"),
        ("[]", "write payment_methods and reasons"),
        ("a: [", "this is no YAML"),
        ("reson: {}", "reson is not known here; did you mean reasons?"),
        (
            "reasons: {fraud: x}\npayment_methods: {card: x, bank_account: x, other: x}",
            "reasons → fraud is not known",
        ),
        (
            "reasons: {}\npayment_methods: {card: x, bank_account: x}",
            "payment_methods → other is missing",
        ),
        (
            'reasons: {}\npayment_methods: {card: "{number}", bank_account: x, other: x}',
            "payment_methods → card: {number} is not filled in here; write one of brand, last4.",
        ),
        (
            'reasons: {funds: "{amount}"}\npayment_methods: {card: x, bank_account: x, other: x}',
            "reasons → funds: {amount} is not filled in here; leave it out.",
        ),
        (
            "reasons: {funds: 5}\npayment_methods: {card: x, bank_account: x, other: x}",
            "reasons → funds is no text",
        ),
    ],
)
def test_mistakes_are_told(tmp_path: Path, source: str, sentence: str) -> None:
    path = tmp_path / "words.yaml"
    path.write_text(source, encoding="utf-8")

    with pytest.raises(ConfigError) as raised:
        read_words(path, "templates/de/words.yaml")

    assert sentence in str(raised.value)
    assert str(raised.value).startswith("templates/de/words.yaml")
