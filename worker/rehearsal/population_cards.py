"""Cards and bank accounts, and the declines they answer with (domain.md 3.4)."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from worker.rehearsal.draws import Draws

Scripted = str | Mapping[str, Any]
"""One outcome as POST /_sandbox/cards takes it: `approve`, a decline code or an object."""

BRANDS = {"visa": 0.52, "mastercard": 0.30, "amex": 0.12, "discover": 0.04, "jcb": 0.02}
_STARTS = {
    "visa": "4", "mastercard": "54", "amex": "37", "discover": "6011", "jcb": "3569",
    "unknown": "9",
}  # fmt: skip
_LENGTHS = {"amex": 15}
CAUSES = {
    "nsf": 0.40, "generic": 0.30, "card_changed": 0.12, "limit": 0.04, "technical": 0.04,
    "auth": 0.04, "dead": 0.06,
}  # fmt: skip
"""Why first charges fail, with their shares."""
_SELF_CURE = {"nsf": 0.62, "generic": 0.50, "card_changed": 0.15, "limit": 0.80, "technical": 0.97}
_CODES: Mapping[str, tuple[tuple[str, str], ...]] = {
    "nsf": (("insufficient_funds", "51"),),
    "generic": (("generic_decline", "05"), ("do_not_honor", "05")),
    "card_changed": (("expired_card", "54"), ("invalid_account", "14")),
    "limit": (("card_velocity_exceeded", "65"), ("withdrawal_count_limit_exceeded", "61")),
    "technical": (("processing_error", "96"), ("issuer_not_available", "91")),
    "dead": (("lost_card", "41"), ("stolen_card", "43"), ("fraudulent", "59")),
}
MAC_WAITS = {
    "24": timedelta(hours=1), "25": timedelta(hours=24), "26": timedelta(days=2),
    "27": timedelta(days=4), "28": timedelta(days=6), "29": timedelta(days=8),
    "30": timedelta(days=10),
}  # fmt: skip
"""Mastercard's advice codes that come with code 51: the earliest next try (domain.md 2)."""


@dataclass(frozen=True, slots=True)
class Method:
    """A payment method; `outcomes` are scripted, one per try, and then `then` repeats."""

    number: str = ""
    exp_month: int = 12
    exp_year: int = 2034
    account: Mapping[str, str] = field(default_factory=dict)
    """What names a bank account, as Stripe's parameters of its type."""
    country: str = ""
    outcomes: tuple[Scripted, ...] = ()
    then: Scripted = "approve"
    kind: str = "card"

    @property
    def given(self) -> Mapping[str, Any]:
        """What Stripe is told of a method of this kind."""
        if self.kind != "card":
            return self.account
        return {"number": self.number, "exp_month": self.exp_month, "exp_year": self.exp_year}

    @property
    def brand(self) -> str:
        """The card's network; empty for a bank account."""
        found = (name for name, start in _STARTS.items() if self.number.startswith(start))
        return next(found, "")


def card_number(brand: str, draws: Draws) -> str:
    """Return a valid number (Luhn) of *brand* that no test card of Stripe's has."""
    body = _STARTS[brand]
    while len(body) < _LENGTHS.get(brand, 16) - 1:
        body += str(draws.below(10))
    return body + _check_digit(body)


def _check_digit(body: str) -> str:
    total = 0
    for place, letter in enumerate(reversed(body)):
        value = int(letter) * (1 if place % 2 else 2)
        total += value - 9 if value > 9 else value
    return str(-total % 10)


def iban(draws: Draws) -> str:
    """Return a German IBAN with right check digits."""
    account = "".join(str(draws.below(10)) for _ in range(18))
    return f"DE{98 - int(account + '131400') % 97:02d}{account}"


def bank_account(kind: str, draws: Draws) -> dict[str, str]:
    """Return an account of the debit type *kind* that no test account of Stripe's is."""
    if kind == "sepa_debit":
        return {"iban": iban(draws)}
    name, place, length = _ACCOUNTS[kind]
    digits = "7" + "".join(str(draws.below(10)) for _ in range(length - 1))
    return {name: place, "account_number": digits}


_ACCOUNTS = {
    "us_bank_account": ("routing_number", "110000000", 12),
    "bacs_debit": ("sort_code", "108800", 8),
    "au_becs_debit": ("bsb_number", "000000", 9),
}


def unix(at: datetime) -> int:
    """Return whole unix seconds."""
    return int(at.timestamp())


def decline_of(cause: str, brand: str, draws: Draws, cured_after: timedelta | None) -> Scripted:
    """Return a decline of *cause* as an issuer of *brand* would word it.

    *cured_after* lets Mastercard's advice be right nine times out of ten; None is never.
    """
    if cause == "auth":
        return {"requires_action": True}
    code, network_code = draws.one_of(_CODES[cause])
    said: dict[str, Any] = {"decline_code": code, "network_decline_code": network_code}
    if brand == "mastercard" and cause == "nsf" and draws.happens(0.5):
        said["network_advice_code"] = _advice(draws, cured_after)
    if draws.happens(0.7):
        said["advice_code"] = {
            "dead": "do_not_try_again", "card_changed": "confirm_card_data",
        }.get(cause, "try_again_later")  # fmt: skip
    return said


def _advice(draws: Draws, cured_after: timedelta | None) -> str:
    right = [code for code, wait in MAC_WAITS.items() if cured_after and wait >= cured_after]
    if right and draws.happens(0.9):
        return right[0]
    return draws.one_of(tuple(MAC_WAITS))


def cure_time(cause: str, draws: Draws) -> timedelta | None:
    """Return how long after the failure the cause goes away by itself, or None for never."""
    hidden = cause == "generic" and draws.happens(0.5)
    if not draws.happens(_SELF_CURE.get(cause, 0.0)):
        return None
    if cause == "nsf" or hidden:
        days = draws.weighted({14: 0.45, 7: 0.25, 30: 0.30}) * draws.fraction()
    else:
        means = {"generic": 2.0, "card_changed": 4.0, "limit": 1.0, "technical": 0.15}
        days = draws.exponential(means[cause])
    return timedelta(days=days)


def failing_from(
    charge_at: datetime, before: int, cause: str, brand: str, draws: Draws
) -> tuple[tuple[Scripted, ...], Scripted]:
    """Return outcomes of a card whose charge at *charge_at* fails, after *before* good ones.

    A cured card still fails now and then: success given cured is 0.85.
    """
    cured_after = cure_time(cause, draws)
    said = decline_of(cause, brand, draws, cured_after)
    good: tuple[Scripted, ...] = ("approve",) * before
    if cause == "auth":
        return (*good, said), "approve"
    if cured_after is None or not isinstance(said, Mapping):
        return (*good, said), said
    until = {**said, "until": unix(charge_at + cured_after)}
    again: tuple[Scripted, ...] = () if draws.happens(0.85) else ("generic_decline",)
    return (*good, until, *again), "approve"
