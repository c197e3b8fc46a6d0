"""Times, money and ages as the office reads them, and as scripts do."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from worker.domain.money import Money
from worker.domain.readings import PaymentMethodReading
from worker.mail.formatting import money_text

MONEY_LOCALE = "en_001"
"""English as written in the world at large: `US$20.00` cannot be taken for another dollar."""

YEAR_IN_DOUBT = timedelta(days=300)
"""A day this far from now is written with its year."""


BRANDS = {"amex": "American Express", "jcb": "JCB", "unionpay": "UnionPay"}


@dataclass(frozen=True, slots=True)
class OfficeWords:
    """Writes instants in the office's zone; *now* tells which days need their year."""

    zone: ZoneInfo
    now: datetime

    def day(self, at: datetime) -> str:
        """Return `Sun 6 Dec`, with the year where that is in doubt."""
        local = at.astimezone(self.zone)
        year = f" {local.year}" if abs(at - self.now) > YEAR_IN_DOUBT else ""
        return f"{local:%a} {local.day} {local:%b}{year}"

    def clock(self, at: datetime) -> str:
        """Return `08:19`."""
        return f"{at.astimezone(self.zone):%H:%M}"

    def moment(self, at: datetime) -> str:
        """Return `Sun 6 Dec 08:19`."""
        return f"{self.day(at)} {self.clock(at)}"

    def dated(self, at: datetime) -> str:
        """Return `Sun 6 Dec 2026 08:19`, for what is read in another year."""
        local = at.astimezone(self.zone)
        return f"{local:%a} {local.day} {local:%b} {local.year} {self.clock(at)}"

    def near(self, at: datetime) -> str:
        """Return the hour alone for today, day and hour for any other day."""
        today = at.astimezone(self.zone).date() == self.now.astimezone(self.zone).date()
        return self.clock(at) if today else self.moment(at)

    def elsewhere(self, at: datetime, zone: ZoneInfo) -> str:
        """Return `14:19 in Tokyo`, or the empty string where clocks there show the same."""
        there = at.astimezone(zone)
        if there.utcoffset() == at.astimezone(self.zone).utcoffset():
            return ""
        city = zone.key.rpartition("/")[2].replace("_", " ")
        return f"{there:%H:%M} in {city}"


def money_words(money: Money) -> str:
    """Return `€49.00` or `US$20.00`."""
    return money_text(money, MONEY_LOCALE)


def decline_words(code: str, decline_class: str) -> str:
    """Return why a payment failed, in a few words; a network's bare number gets its class."""
    if code and not code.isupper() and not code.isdecimal():
        return code.replace("_", " ")
    kind = decline_class.replace("_", " ")
    return f"{kind} (code {code})" if code and kind else code or kind


def brand_words(brand: str) -> str:
    """Return a card brand as it is written: `Mastercard`, `American Express`."""
    return BRANDS.get(brand, brand.replace("_", " ").title())


def method_words(method: PaymentMethodReading | None) -> str:
    """Return `Mastercard ..44`, or what is used instead of a card."""
    if method is None:
        return "no payment method"
    if not method.brand:
        return method.type.replace("_", " ")
    brand = brand_words(method.brand)
    return f"{brand} ..{method.last4}" if method.last4 else brand


def age_words(age: timedelta) -> str:
    """Return `12 s`, `4 min`, `3 h` or `2 days`: how long ago, in one unit."""
    seconds = max(0, int(age.total_seconds()))
    if seconds < 120:
        return f"{seconds} s"
    if seconds < 2 * 3600:
        return f"{seconds // 60} min"
    if seconds < 48 * 3600:
        return f"{seconds // 3600} h"
    return f"{seconds // 86400} days"


def count_words(count: int, one: str, many: str = "") -> str:
    """Return `1 case`, `3 cases`."""
    return f"{count} {one if count == 1 else many or one + 's'}"


def json_instant(at: datetime | None) -> str | None:
    """Return ISO 8601 UTC, such as `2026-12-06T07:19:00Z`, or None."""
    if at is None:
        return None
    return at.astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")


def json_money(money: Money) -> dict[str, object]:
    """Return `{"amount_minor": 4900, "currency": "eur"}`."""
    return {"amount_minor": money.amount_minor, "currency": money.currency}
