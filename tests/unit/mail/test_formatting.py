"""Amounts and days as people of a country write them."""

from datetime import UTC, date, datetime, timedelta, timezone
from zoneinfo import ZoneInfo

import pytest

from worker.domain.money import Money
from worker.mail.formatting import date_text, day_text, expiry_text, money_text, time_text

NBSP, THIN = "\u00a0", "\u202f"


@pytest.mark.parametrize(
    ("amount_minor", "currency", "locale", "shown"),
    [
        (2000, "eur", "en_GB", "€20.00"),
        (2000, "eur", "de_DE", f"20,00{NBSP}€"),
        (123456, "usd", "en_US", "$1,234.56"),
        (123456, "usd", "fr_FR", f"1{THIN}234,56{NBSP}$US"),
        (-500, "usd", "en_US", "-$5.00"),
        (0, "usd", "en_US", "$0.00"),
        # Without decimals on the wire and on display.
        (1234, "jpy", "ja_JP", "￥1,234"),
        (1234, "jpy", "en_US", "¥1,234"),
        (5000, "krw", "ko_KR", "₩5,000"),
        (5000, "clp", "es_CL", "$5.000"),
        # In hundredths on the wire although they have no decimals on display.
        (123400, "isk", "is_IS", f"1.234{NBSP}kr."),
        (123400, "isk", "en_US", "ISK1,234"),
        (500000, "ugx", "en_UG", "USh5,000"),
        # Three decimals on both.
        (12340, "kwd", "en_US", "KWD12.340"),
        (12340, "bhd", "en_US", "BHD12.340"),
        # CLDR would hide the half; a letter must not.
        (1050, "lak", "en_US", "LAK10.50"),
        (1000, "lak", "en_US", "LAK10"),
    ],
)
def test_money(amount_minor: int, currency: str, locale: str, shown: str) -> None:
    text = money_text(Money(amount_minor, currency), locale)

    assert text.replace("KWD" + NBSP, "KWD").replace("ISK" + NBSP, "ISK") == shown.replace(
        "ISK" + NBSP, "ISK"
    )


@pytest.mark.parametrize(
    ("locale", "shown", "with_year"),
    [
        ("en_US", "Tuesday, December 1", "Tuesday, December 1, 2026"),
        ("en_GB", "Tuesday 1 December", "Tuesday, 1 December 2026"),
        ("de_DE", "Dienstag, 1. Dezember", "Dienstag, 1. Dezember 2026"),
        ("fr_FR", "mardi 1 décembre", "mardi 1 décembre 2026"),
        ("es_ES", "martes, 1 de diciembre", "martes, 1 de diciembre de 2026"),
        ("ja_JP", "12月1日(火曜日)", "2026年12月1日火曜日"),
    ],
)
def test_days_in_words(locale: str, shown: str, with_year: str) -> None:
    assert date_text(date(2026, 12, 1), locale) == shown
    assert date_text(date(2026, 12, 1), locale, with_year=True) == with_year


def test_day_is_the_customers_own() -> None:
    at = datetime(2026, 12, 1, 3, 30, tzinfo=UTC)

    shown = {
        zone: day_text(at, ZoneInfo(zone), "en_GB")
        for zone in ("America/Los_Angeles", "Europe/Berlin", "Asia/Tokyo")
    }

    assert shown == {
        "America/Los_Angeles": "Monday 30 November",
        "Europe/Berlin": "Tuesday 1 December",
        "Asia/Tokyo": "Tuesday 1 December",
    }
    assert day_text(at, ZoneInfo("Asia/Tokyo"), "en_GB", with_year=True).endswith("2026")


def test_time_is_the_customers_own() -> None:
    at = datetime(2026, 12, 1, 3, 30, tzinfo=timezone(timedelta(hours=1)))

    assert time_text(at, ZoneInfo("Europe/Berlin"), "de_DE") == "03:30"
    assert time_text(at, ZoneInfo("Europe/London"), "en_GB") == "02:30"


def test_naive_instant_is_refused() -> None:
    with pytest.raises(ValueError, match="without a zone"):
        day_text(datetime(2026, 12, 1), ZoneInfo("UTC"), "en_GB")  # noqa: DTZ001


def test_expiry_is_as_printed_on_the_card() -> None:
    assert expiry_text(3, 2027) == "03/2027"
