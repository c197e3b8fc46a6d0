"""Where and in which language a customer lives, from what Stripe knows."""

from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import pytest
from babel import Locale
from babel.core import get_global

from worker.mail.zones import locale_for, locale_in_country, zone_for

OFFICE = "Europe/Berlin"


@pytest.mark.parametrize(
    ("country", "metadata_zone", "zone"),
    [
        ("US", None, "America/New_York"),
        ("US", "America/Denver", "America/Denver"),
        ("US", " America/Denver ", "America/Denver"),
        ("us", "", "America/New_York"),
        ("BR", None, "America/Sao_Paulo"),
        ("AU", None, "Australia/Sydney"),
        ("FR", None, "Europe/Paris"),
        ("CN", None, "Asia/Shanghai"),
        ("US", "Denver", "America/New_York"),
        ("US", "../../etc/passwd", "America/New_York"),
        ("US", "/etc/passwd", "America/New_York"),
        ("XX", None, OFFICE),
        ("001", None, OFFICE),
        ("ZZ", None, OFFICE),
        ("", None, OFFICE),
        (None, None, OFFICE),
        (None, "Asia/Tokyo", "Asia/Tokyo"),
    ],
)
def test_zone(country: str | None, metadata_zone: str | None, zone: str) -> None:
    assert zone_for(country, metadata_zone, OFFICE) == ZoneInfo(zone)


def test_every_country_has_a_zone_of_its_own() -> None:
    countries = [code for code in get_global("territory_zones") if code.isalpha() and code != "ZZ"]

    elsewhere = [code for code in countries if zone_for(code, None, "Etc/GMT+12").key[:4] == "Etc/"]

    assert len(countries) > 240
    assert elsewhere == []


def test_country_with_several_zones_never_gets_any_of_them_by_chance() -> None:
    several = {code for code, zones in get_global("territory_zones").items() if len(zones) > 1}
    listed = {code: zone_for(code, None, OFFICE).key for code in several if code.isalpha()}
    by_order = {code: get_global("territory_zones")[code][0] for code in listed}

    assert listed["RU"] == "Europe/Moscow"
    assert listed["ID"] == "Asia/Jakarta"
    assert listed["CA"] == "America/Toronto"
    assert sum(listed[code] != by_order[code] for code in listed) > 20


def test_unknown_office_zone_is_an_error() -> None:
    with pytest.raises(ZoneInfoNotFoundError):
        zone_for(None, None, "Europe/Nowhere")


@pytest.mark.parametrize(
    ("preferred", "country", "locale"),
    [
        (["de-AT"], "DE", "de_AT"),
        (["de"], "CH", "de_CH"),
        (["de"], None, "de"),
        (["en"], "BR", "en_001"),
        (["zz-ZZ", "fr-CA"], "US", "fr_CA"),
        (["not a locale", "it"], "IT", "it_IT"),
        ([], "DE", "de_DE"),
        ([], "US", "en_US"),
        ([], "BR", "pt_BR"),
        ([], "XX", "en_001"),
        ([], None, "en"),
        ([""], None, "en"),
    ],
)
def test_locale(preferred: list[str], country: str | None, locale: str) -> None:
    assert locale_for(preferred, country) == locale


def test_every_country_has_a_locale_that_exists() -> None:
    for country in get_global("territory_zones"):
        found = locale_for([], country)
        assert str(Locale.parse(found)) == found


def test_pair_that_nobody_writes_is_the_language_of_the_world() -> None:
    assert locale_in_country("en", "JP") == "en_001"
    assert locale_in_country("de", "JP") == "de"
    assert locale_in_country("en", None) == "en"
