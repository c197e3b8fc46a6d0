"""Where customers live, what they are called and what they pay: names are meant to be awkward."""

from dataclasses import dataclass

from worker.domain.money import Money, wire_decimals
from worker.rehearsal.draws import Draws


@dataclass(frozen=True, slots=True)
class Country:
    """Where a customer lives; `zones` are in the customer's metadata where there are several."""

    code: str
    locale: str
    currency: str
    weight: float
    first_names: tuple[str, ...]
    last_names: tuple[str, ...]
    zones: tuple[str, ...] = ()


COUNTRIES = (
    Country("DE", "de", "eur", 20, ("Anna", "Jürgen", "Lena"), ("Müller", "Weiß", "Krause")),
    Country(
        "US", "en-US", "usd", 20, ("Emily", "James", "Noah"), ("O'Brien", "Smith", "Nguyen"),
        ("America/New_York", "America/Chicago", "America/Los_Angeles"),
    ),
    Country("GB", "en-GB", "gbp", 12, ("Olivia", "George"), ("Taylor", "Llewellyn")),
    Country("FR", "fr-FR", "eur", 9, ("Chloé", "Loïc"), ("Lefèvre", "d'Artagnan")),
    Country("ES", "es", "eur", 6, ("Íñigo", "Lucía"), ("Núñez", "García López")),
    Country("SE", "sv", "sek", 4, ("Åsa", "Björn"), ("Öberg", "Lindqvist")),
    Country("PL", "pl", "eur", 4, ("Łukasz", "Zofia"), ("Wójcik", "Źrebiec")),
    Country("JP", "ja", "jpy", 6, ("さくら", "健太"), ("佐藤", "鈴木")),
    Country("KW", "ar", "kwd", 4, ("فاطمة", "أحمد"), ("الصباح", "العنزي")),
    Country("BR", "pt-BR", "brl", 5, ("João", "Conceição"), ("da Silva", "Gonçalves")),
    Country("VN", "vi", "usd", 3, ("Thị Hồng", "Minh"), ("Nguyễn", "Trần")),
    Country("AU", "en-AU", "aud", 4, ("Isla", "Jack"), ("Nguyen", "McDonald"),
            ("Australia/Sydney", "Australia/Perth")),
    Country("IN", "en-IN", "inr", 1, ("Priya", "Arjun"), ("Sharma", "Iyer")),
)  # fmt: skip
BY_CODE = {country.code: country for country in COUNTRIES}

AWKWARD_NAMES = (
    "Robert'); DROP TABLE cases;--",
    "<b>Bold</b> & <script>alert(1)</script>",
    "**Star** [click](https://evil.example) _Markdown_",
    "{{ 7 * 7 }} {% if 1 %}",
    "Zoë 🦊 Fuchs-Ñandú",
    "\u202eright to left\u202c GmbH",
)
"""Names that would break a letter or a query if anything trusted them."""

# Rough worth of a euro, so that amounts look like prices there; no rate is meant.
_PER_EURO = {
    "eur": 1.0, "usd": 1.1, "gbp": 0.9, "sek": 11.0, "jpy": 160.0, "kwd": 0.34, "brl": 6.0,
    "aud": 1.7, "inr": 95.0,
}  # fmt: skip
PLANS = {"Basic": 9, "Pro": 29, "Team": 79, "Business": 249}
"""Plan name -> euros a month."""
_OF_A_MONTH = {"week": 0.3, "month": 1.0, "year": 10.0}


def price_of(plan: str, interval: str, currency: str) -> Money:
    """Return what *plan* costs for one *interval*, in the currency's own minor units.

    Three-decimal amounts end in 0, as Stripe demands.
    """
    units = round(PLANS[plan] * _OF_A_MONTH[interval] * _PER_EURO[currency])
    return Money(max(units, 1) * 10 ** wire_decimals(currency), currency)


def full_name(country: Country, draws: Draws) -> str:
    """Return a name as people there have them."""
    return f"{draws.one_of(country.first_names)} {draws.one_of(country.last_names)}"
