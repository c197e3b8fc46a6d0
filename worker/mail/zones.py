"""Which time zone and which locale a customer lives in, as far as Stripe lets us know."""

from collections.abc import Sequence
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from babel import Locale, UnknownLocaleError, localedata
from babel.core import get_global
from babel.languages import get_official_languages

FALLBACK_LANGUAGE = "en"

# The zone in which most people live, for countries with several (CLDR lists them unordered).
_MOST_PEOPLE = {
    "AR": "America/Argentina/Buenos_Aires",
    "AU": "Australia/Sydney",
    "BR": "America/Sao_Paulo",
    "CA": "America/Toronto",
    "CD": "Africa/Kinshasa",
    "CL": "America/Santiago",
    "CN": "Asia/Shanghai",
    "CY": "Asia/Nicosia",
    "DE": "Europe/Berlin",
    "EC": "America/Guayaquil",
    "ES": "Europe/Madrid",
    "FM": "Pacific/Chuuk",
    "GL": "America/Nuuk",
    "ID": "Asia/Jakarta",
    "KI": "Pacific/Tarawa",
    "KZ": "Asia/Almaty",
    "MH": "Pacific/Majuro",
    "MN": "Asia/Ulaanbaatar",
    "MX": "America/Mexico_City",
    "MY": "Asia/Kuala_Lumpur",
    "NZ": "Pacific/Auckland",
    "PF": "Pacific/Tahiti",
    "PG": "Pacific/Port_Moresby",
    "PS": "Asia/Hebron",
    "PT": "Europe/Lisbon",
    "RU": "Europe/Moscow",
    "UA": "Europe/Kyiv",
    "UM": "Pacific/Wake",
    "US": "America/New_York",
    "UZ": "Asia/Tashkent",
    "AQ": "Antarctica/McMurdo",
}


def zone_for(country: str | None, metadata_zone: str | None, office_zone: str) -> ZoneInfo:
    """Return the customer's zone: by their metadata, else by their country, else the office's.

    *country* is a two-letter code; a zone or country that does not exist is passed over.
    Raises: ZoneInfoNotFoundError: *office_zone* is no zone (settings have checked it before).
    """
    for name in (metadata_zone or "", _zone_of_country(country)):
        try:
            if name:
                return ZoneInfo(name.strip())
        except (ZoneInfoNotFoundError, ValueError, OSError):
            continue
    return ZoneInfo(office_zone)


def _zone_of_country(country: str | None) -> str:
    code = (country or "").upper()
    if code in _MOST_PEOPLE:
        return _MOST_PEOPLE[code]
    zones = get_global("territory_zones").get(code, ())
    # ZZ is CLDR's "unknown" and figures are parts of the world.
    return zones[0] if zones and code.isalpha() and code != "ZZ" else ""


def locale_for(preferred_locales: Sequence[str], country: str | None) -> str:
    """Return the customer's locale, such as `pt_BR`, from what Stripe knows of them.

    The first of Stripe's `preferred_locales` that exists wins; where it names no country, the
    customer's own is added. With none, it is the first official language of the country, and
    English where that is unknown too.
    """
    territory = (country or "").upper() or None
    for preferred in preferred_locales:
        try:
            known = Locale.parse(preferred.replace("-", "_"))
        except (ValueError, UnknownLocaleError):
            continue
        if known.territory or territory is None:
            return str(known)
        return locale_in_country(known.language, territory)
    if territory is None:
        return FALLBACK_LANGUAGE
    for language in get_official_languages(territory, de_facto=True):
        if localedata.exists(language):
            return locale_in_country(language, territory)
    return locale_in_country(FALLBACK_LANGUAGE, territory)


def locale_in_country(language: str, territory: str | None) -> str:
    """Return the locale of *language* as written in *territory*, a two-letter code or None.

    Where CLDR does not know the pair it is the language as written in the world at large, so
    that an English letter to Brazil has the day before the month; else the language alone.
    """
    name = language.partition("_")[0]
    for candidate in (territory, "001") if territory else ():
        try:
            return str(Locale(name, territory=candidate))
        except (ValueError, UnknownLocaleError):
            continue
    return name
