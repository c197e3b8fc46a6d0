"""How ceilings are written: `500 per hour`, `[500 per hour, 4000 per day]`, amounts by currency.

As in `written_values`: each function returns the value or raises ValueError with the rest of a
sentence that says what is wrong and what to write.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal

from worker.domain.money import KNOWN, wire_decimals
from worker.domain.policy import AmountLimit
from worker.settings.sentences import nearest
from worker.settings.written_reactions import as_list
from worker.settings.written_values import scalar

HOUR, DAY = "hour", "day"
_RATE = re.compile(r"(\d{1,12}(?:\.\d{1,3})?) +per +(hour|day)")
_BARE = re.compile(r"\d+(?:\.\d+)?")
_PERCENT = re.compile(r"(\d{1,2}) *(?:%|percent)")


@dataclass(frozen=True, slots=True)
class WrittenRates:
    """How much of something per hour and per day; None is not written."""

    per_hour: Decimal | None = None
    per_day: Decimal | None = None

    def __str__(self) -> str:
        """Return it as it is written."""
        written = ((self.per_hour, HOUR), (self.per_day, DAY))
        rates = [f"{most} per {unit}" for most, unit in written if most is not None]
        return rates[0] if len(rates) == 1 else f"[{', '.join(rates)}]"


def parse_counts(text: object) -> WrittenRates:
    """Return the ceilings in `500 per hour`, or a list of one per hour and one per day."""
    rates = _rates(text, "500")
    for each in (rates.per_hour, rates.per_day):
        if each is not None and each != each.to_integral_value():
            raise ValueError(f"`{each}` is no whole number; write `500 per hour`.")
    return rates


def parse_amounts_per_time(written: object) -> tuple[AmountLimit, ...]:
    """Return the ceilings in `{ eur: 50000 per day }`, in each currency's minor units."""
    if not isinstance(written, Mapping) or not written:
        raise ValueError("must be a mapping; write `{ eur: 50000 per day }`.")
    return tuple(_amount_limit(str(code), rates) for code, rates in written.items())


def _amount_limit(written: str, text: object) -> AmountLimit:
    code = written.lower()
    if code not in KNOWN:
        guess = nearest(code, sorted(KNOWN))
        said = guess if guess.startswith("did you mean") else "write its code, such as `eur`."
        raise ValueError(f"`{written}` is no currency of Stripe; {said}")
    rates, decimals = _rates(text, "50000"), wire_decimals(code)
    return AmountLimit(
        code, _minor(rates.per_hour, code, decimals), _minor(rates.per_day, code, decimals)
    )


def _minor(major: Decimal | None, code: str, decimals: int) -> int | None:
    if major is None:
        return None
    minor = major.scaleb(decimals)
    if minor != minor.to_integral_value():
        many = "no decimals" if not decimals else f"{decimals} decimals"
        raise ValueError(f"{code.upper()} has {many}; write the amount so.")
    return int(minor)


def _rates(text: object, example: str) -> WrittenRates:
    found: dict[str, Decimal] = {}
    for each in as_list(text, f"[{example} per hour, {example}0 per day]"):
        most, unit = _rate(each, example)
        if unit in found:
            raise ValueError(f"names two ceilings per {unit}; leave one out.")
        found[unit] = most
    return WrittenRates(found.get(HOUR), found.get(DAY))


def _rate(text: object, example: str) -> tuple[Decimal, str]:
    value = scalar(text)
    if _BARE.fullmatch(value):
        raise ValueError(f"{value} has no unit; write `{value} per hour`.")
    found = _RATE.fullmatch(value)
    if found is None or not Decimal(found[1]):
        raise ValueError(f"`{value}` is no rate; write `{example} per hour` or per day.")
    return Decimal(found[1]), found[2]


def parse_percent(text: object) -> int:
    """Return the number in `5 percent`, 0 to 99."""
    value = scalar(text)
    found = _PERCENT.fullmatch(value)
    if found is None:
        raise ValueError(f"`{value}` is no share; write `5 percent`.")
    return int(found[1])
