"""Times, ages and money as the office reads them."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from worker.domain.money import Money
from worker.office.words import (
    OfficeWords,
    age_words,
    brand_words,
    count_words,
    decline_words,
    json_instant,
    json_money,
    money_words,
)

NOW = datetime(2026, 12, 5, 11, 0, tzinfo=UTC)
BERLIN = OfficeWords(ZoneInfo("Europe/Berlin"), NOW)


@pytest.mark.parametrize(
    ("at", "said"),
    [
        (datetime(2026, 12, 5, 7, 19, tzinfo=UTC), "08:19"),
        (datetime(2026, 12, 4, 22, 59, tzinfo=UTC), "Fri 4 Dec 23:59"),
        (datetime(2026, 12, 4, 23, 0, tzinfo=UTC), "00:00"),
        (datetime(2027, 12, 31, 23, 0, tzinfo=UTC), "Sat 1 Jan 2028 00:00"),
    ],
)
def test_an_instant_is_told_by_the_offices_clock(at: datetime, said: str) -> None:
    assert BERLIN.near(at) == said


@pytest.mark.parametrize(
    ("zone", "said"),
    [
        ("Asia/Tokyo", "20:00 in Tokyo"),
        ("America/Argentina/Buenos_Aires", "08:00 in Buenos Aires"),
        ("Europe/Paris", ""),
    ],
)
def test_another_clock_is_told_only_where_it_differs(zone: str, said: str) -> None:
    assert BERLIN.elsewhere(NOW, ZoneInfo(zone)) == said


@pytest.mark.parametrize(
    ("seconds", "said"),
    [(-3, "0 s"), (12, "12 s"), (119, "119 s"), (120, "2 min"), (7200, "2 h"), (172800, "2 days")],
)
def test_an_age_has_one_unit(seconds: int, said: str) -> None:
    assert age_words(timedelta(seconds=seconds)) == said


@pytest.mark.parametrize(
    ("amount_minor", "currency", "said"),
    [
        (4900, "eur", "€49.00"),
        (12000, "usd", "US$120.00"),
        (1440, "jpy", "JP¥1,440"),
        (27000, "kwd", "KWD27.000"),
        (100000, "isk", "ISK1,000"),
    ],
)
def test_money_keeps_its_currency_and_decimals(amount_minor: int, currency: str, said: str) -> None:
    assert money_words(Money(amount_minor, currency)) == said


def test_scripts_get_utc_and_minor_units() -> None:
    assert json_instant(NOW.astimezone(ZoneInfo("Asia/Tokyo"))) == "2026-12-05T11:00:00Z"
    assert json_instant(None) is None
    assert json_money(Money(4900, "eur")) == {"amount_minor": 4900, "currency": "eur"}


def test_small_words() -> None:
    assert count_words(1, "case") == "1 case"
    assert count_words(2, "try", "tries") == "2 tries"
    assert brand_words("amex") == "American Express"
    assert brand_words("eftpos_au") == "Eftpos Au"


@pytest.mark.parametrize(
    ("code", "kind", "words"),
    [
        ("insufficient_funds", "funds", "insufficient funds"),
        ("27", "funds", "funds (code 27)"),
        ("R1", "consent_withdrawn", "consent withdrawn (code R1)"),
        ("", "unclear", "unclear"),
        ("", "", ""),
    ],
)
def test_a_bare_network_code_comes_with_its_class(code: str, kind: str, words: str) -> None:
    assert decline_words(code, kind) == words
