"""How the conditions of `match` are written: ids, intervals, amounts, countries, ages.

As in `written_values`: each function returns the value or raises ValueError with the rest of a
sentence that says what is wrong and what to write.
"""

import re
from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal

from babel import Locale

from worker.domain.money import wire_decimals
from worker.domain.policy import AmountRange, BillingInterval
from worker.domain.policy_match import standard_interval
from worker.settings.written_reactions import as_list
from worker.settings.written_values import parse_duration, parse_line, scalar

INTERVAL_UNITS = ("day", "week", "month", "year")

_NUMBER = r"(\d{1,12}(?:\.\d{1,3})?)"
_AT_LEAST = re.compile(rf"{_NUMBER} and more")
_BELOW = re.compile(rf"less than {_NUMBER}")
_BETWEEN = re.compile(rf"{_NUMBER} to {_NUMBER}")
_INTERVAL = re.compile(r"(?:(\d{1,3}) +)?(day|week|month|year)s?")
_COUNTRY = re.compile(r"[A-Za-z]{2}")
_CURRENCY = re.compile(r"[A-Za-z]{3}")
_NO_COUNTRIES = frozenset(("EU", "EZ", "QO", "UN", "XA", "XB", "ZZ"))
_COUNTRIES: dict[str, str] = {
    str(code): str(name)
    for code, name in Locale("en").territories.items()
    if _COUNTRY.fullmatch(code) and code not in _NO_COUNTRIES
}


@dataclass(frozen=True, slots=True)
class WrittenAmounts:
    """A span of amounts in major units; `below` is not part of it, the other two are."""

    least: Decimal = Decimal(0)
    most: Decimal | None = None
    below: Decimal | None = None

    def decimals(self) -> int:
        """Return how many decimals the amounts are written with, at most."""
        given = (self.least, self.most, self.below)
        exponents = [each.as_tuple().exponent for each in given if each is not None]
        return max(-each for each in exponents if isinstance(each, int))

    def in_minor(self, currency: str) -> AmountRange:
        """Return the span in the currency's minor units; its decimals were checked before."""
        least, most, below = (
            None if each is None else int(each.scaleb(wire_decimals(currency)))
            for each in (self.least, self.most, self.below)
        )
        return AmountRange(currency, least or 0, below - 1 if below is not None else most)

    def below_in_minor(self, currency: str) -> int:
        """Return `below` in the currency's minor units; 0 where it is not written."""
        return int((self.below or Decimal(0)).scaleb(wire_decimals(currency)))


@dataclass(frozen=True, slots=True)
class WrittenAge:
    """A span of time: `least` is part of it, `below` is not."""

    least: timedelta | None = None
    below: timedelta | None = None


def parse_price_ids(text: object) -> tuple[str, ...]:
    """Return ids of prices, or of the older plans."""
    return _ids(text, "price_1AbC", ("prod_", "a product; write it under `product`"))


def parse_price_id(text: object) -> str:
    """Return the id of one price."""
    [price_id] = parse_price_ids(parse_line(text))
    return price_id


def parse_product_ids(text: object) -> tuple[str, ...]:
    """Return ids of products."""
    return _ids(text, "prod_1AbC", ("price_", "a price; write it under `plan`"))


def _ids(text: object, example: str, other: tuple[str, str]) -> tuple[str, ...]:
    ids = [parse_line(each) for each in as_list(text, f"[{example}]")]
    for each in ids:
        if each.startswith(other[0]):
            raise ValueError(f"`{each}` is {other[1]}.")
        if " " in each:
            raise ValueError(f"`{each}` is no id of Stripe; write one such as `{example}`.")
    return tuple(ids)


def parse_intervals(text: object) -> tuple[BillingInterval, ...]:
    """Return the intervals in `year`, `3 months` or a list of such."""
    return tuple(_interval(each) for each in as_list(text, "[year, 6 months]"))


def _interval(text: object) -> BillingInterval:
    value = scalar(text)
    found = _INTERVAL.fullmatch(value)
    interval = standard_interval(found[2], int(found[1] or 1)) if found else None
    if interval is None:
        units = ", ".join(INTERVAL_UNITS)
        raise ValueError(f"`{value}` is no interval; write one of {units}, or `6 months`.")
    return interval


def parse_amounts(text: object) -> WrittenAmounts:
    """Return the span in `500 and more`, `10 to 99.99` or `less than 500`, in major units."""
    value = scalar(text)
    if found := _AT_LEAST.fullmatch(value):
        return WrittenAmounts(least=Decimal(found[1]))
    if found := _BETWEEN.fullmatch(value):
        least, most = Decimal(found[1]), Decimal(found[2])
        if least > most:
            raise ValueError(f"`{value}` ends before it begins; write the smaller amount first.")
        return WrittenAmounts(least=least, most=most)
    found = _BELOW.fullmatch(value)
    if found is None:
        raise ValueError(
            f"`{value}` is no range of amounts; write `500 and more`, `10 to 99.99` or"
            " `less than 500`."
        )
    if not Decimal(found[1]):
        raise ValueError("nothing is less than 0; write `less than 500`.")
    return WrittenAmounts(below=Decimal(found[1]))


def parse_below(text: object) -> WrittenAmounts:
    """Return everything below the amount in `2.00`, in major units."""
    value = scalar(text)
    if not re.fullmatch(_NUMBER, value):
        raise ValueError(f"`{value}` is no amount; write `2.00`.")
    if not Decimal(value):
        raise ValueError("nothing is less than 0; write `2.00`.")
    return WrittenAmounts(below=Decimal(value))


def parse_countries(text: object) -> tuple[str, ...]:
    """Return ISO 3166 codes in capitals."""
    return tuple(_country(each) for each in as_list(text, "[DE, AT]"))


def _country(text: object) -> str:
    value = scalar(text)
    if value.upper() in _COUNTRIES:
        return value.upper()
    named = [code for code, name in _COUNTRIES.items() if name.lower() == value.lower()]
    named += ["GB"] if value.upper() == "UK" else []
    raise ValueError(f"`{value}` is no country's code; write `{named[0] if named else 'DE'}`.")


def country_name(code: str) -> str:
    """Return a country's English name."""
    return _COUNTRIES.get(code, code)


def parse_currencies(text: object) -> tuple[str, ...]:
    """Return currencies in lower case, as Stripe writes them; whether it knows them is checked
    with the amounts."""
    return tuple(_currency(each) for each in as_list(text, "[eur, usd]"))


def _currency(text: object) -> str:
    value = scalar(text)
    if not _CURRENCY.fullmatch(value):
        raise ValueError(f"`{value}` is no currency; write its code, such as `eur`.")
    return value.lower()


def parse_age(text: object) -> WrittenAge:
    """Return the span in `less than 90 days` or `90 days and more`."""
    value = scalar(text)
    if value.startswith("less than "):
        below = parse_duration(value.removeprefix("less than "))
        if below > timedelta(0):
            return WrittenAge(below=below)
    elif value.endswith(" and more"):
        return WrittenAge(least=parse_duration(value.removesuffix(" and more")))
    raise ValueError(f"`{value}` is no age; write `less than 90 days` or `90 days and more`.")


def parse_metadata_values(text: object) -> tuple[str, ...]:
    """Return the values of which one is enough."""
    return tuple(parse_line(each) for each in as_list(text, "[vip, gold]"))


def parse_brands(text: object) -> tuple[str, ...]:
    """Return brands of cards in Stripe's lower-case words."""
    return tuple(scalar(each).lower().replace(" ", "_") for each in as_list(text, "[visa]"))
