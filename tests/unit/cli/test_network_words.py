"""Networks, their rules and windows in words."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from worker.cli.look_network_words import (
    allowance_words,
    network_words,
    rule_words,
    span_words,
    uses_words,
)
from worker.cli.report_network_words import short_card
from worker.domain.network_rules import Allowance, WindowUse
from worker.office.words import OfficeWords

NOW = datetime(2026, 12, 5, 11, tzinfo=UTC)
WORDS = OfficeWords(ZoneInfo("Europe/Berlin"), NOW)
DAY, MONTH = timedelta(hours=24), timedelta(days=30)


@pytest.mark.parametrize(
    ("network", "said"),
    [
        ("mastercard", "Mastercard"),
        ("amex", "American Express"),
        ("sepa_debit", "SEPA"),
        ("nz_bank_account", "NZ BECS"),
        ("unknown", "Unknown brand"),
        ("girocard", "Girocard"),
    ],
)
def test_a_network_has_its_own_name(network: str, said: str) -> None:
    assert network_words(network) == said


@pytest.mark.parametrize(
    ("rule", "said"),
    [
        ("visa_30_days", "Visa's 30 days"),
        ("mastercard_24_hours", "Mastercard's 24 hours"),
        ("other_cards_30_days", "the general 30 days"),
        ("au_becs_debit_30_days", "AU BECS' 30 days"),
        ("ach_180_days", "ACH's 180 days"),
        ("mastercard_wait", "Mastercard's wait"),
        ("stop_signal", "a stop signal"),
    ],
)
def test_a_rule_is_named_in_words(rule: str, said: str) -> None:
    assert rule_words(rule) == said


def test_a_days_window_tells_its_most_and_a_months_what_it_holds() -> None:
    uses = (
        WindowUse("mastercard", DAY, 0, 1, 10),
        WindowUse("mastercard", MONTH, 2, 5, 35),
    )
    assert uses_words(uses) == "Mastercard: 1 of 10 tries in 24 h (highest), 2 of 35 in 30 days"
    assert uses_words(uses, highest=True).endswith("5 of 35 in 30 days (highest)")


def test_an_unknown_brand_tells_every_networks_limit() -> None:
    uses = (WindowUse("visa", MONTH, 1, 1, 15), WindowUse("other", MONTH, 1, 1, 15))
    assert uses_words(uses) == (
        "Visa: 1 of 15 tries in 30 days; any other network: 1 of 15 tries in 30 days"
    )


def test_what_stops_a_try_is_said_only_where_something_does() -> None:
    assert allowance_words(Allowance(NOW, "", "", ()), WORDS) == ""
    waits = Allowance(NOW + DAY, "visa_30_days", "Visa: 15 of 15 tries in 30 days", ())
    assert allowance_words(waits, WORDS) == (
        "none before Sun 6 Dec 12:00: Visa: 15 of 15 tries in 30 days"
    )
    never = Allowance(None, "stop_signal", "The decline lost_card: not again", ())
    assert allowance_words(never, WORDS) == "no further try: The decline lost_card: not again"


def test_lengths_and_fingerprints_are_short() -> None:
    assert (span_words(DAY), span_words(MONTH)) == ("24 h", "30 days")
    assert short_card("Xt5EWLLDS7FJjR1c") == "Xt5E..jR1c"
    assert short_card("fp_42") == "fp_42"
