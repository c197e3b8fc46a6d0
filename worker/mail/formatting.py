"""Amounts and days as a person of some country writes them."""

import re
from datetime import date, datetime
from decimal import Decimal
from zoneinfo import ZoneInfo

from babel import Locale
from babel.dates import format_date, format_time, parse_pattern
from babel.numbers import format_currency, get_currency_precision

from worker.domain.money import Money


def money_text(money: Money, locale: str) -> str:
    """Return the amount as people of *locale* write it, such as `€20.00` or `1.234 kr.`.

    Stripe's decimals rule the amount and CLDR's the display (architecture.md D15). Where CLDR
    would hide a part of the amount, as with 10.50 LAK, all of it is shown.
    """
    currency = money.currency.upper()
    shown = Decimal(1).scaleb(-get_currency_precision(currency))
    whole = money.major == money.major.quantize(shown)
    return format_currency(money.major, currency, locale=locale, currency_digits=whole)


def day_text(at: datetime, zone: ZoneInfo, locale: str, *, with_year: bool = False) -> str:
    """Return the day on which the instant *at* falls in *zone*, such as `Tuesday 1 December`.

    *with_year* is for days so far away that the year is in doubt. Raises: ValueError: naive.
    """
    return date_text(_local(at, zone).date(), locale, with_year=with_year)


def date_text(day: date, locale: str, *, with_year: bool = False) -> str:
    """Return a day of the calendar in words, with the day of the week, in *locale*'s order."""
    known = Locale.parse(locale)
    if with_year:
        return format_date(day, format="full", locale=known)
    return parse_pattern(_day_pattern(known)).apply(day, known)


def time_text(at: datetime, zone: ZoneInfo, locale: str) -> str:
    """Return the hour and minute of the instant *at* in *zone*, such as `14:30` or `2:30 PM`.

    Raises: ValueError: *at* is naive.
    """
    return format_time(_local(at, zone).timetz(), format="short", locale=Locale.parse(locale))


def expiry_text(month: int, year: int) -> str:
    """Return when a card expires as it is printed on it: `03/2027`."""
    return f"{month:02d}/{year:04d}"


def _local(at: datetime, zone: ZoneInfo) -> datetime:
    if at.tzinfo is None:
        raise ValueError("an instant without a zone has no day; pass an aware datetime")
    return at.astimezone(zone)


def _day_pattern(locale: Locale) -> str:
    """Return CLDR's short pattern for day of the week, month and day, with the names written out.

    CLDR has no pattern without a year for the long form in every locale; widening the short one
    keeps the locale's order and punctuation.
    """
    skeletons = locale.datetime_skeletons
    pattern = next(
        (
            str(skeletons[name].pattern)
            for name in ("MMMMEEEEd", "MMMMEd", "MMMEd", "MEd")
            if name in skeletons
        ),
        "EEEE d MMMM",
    )
    return re.sub(r"(?<!M)MMM(?!M)", "MMMM", re.sub(r"(?<![Ec])[Ec]{1,3}(?![Ec])", "EEEE", pattern))
