"""Names that must never change: idempotency keys, letter occasions, case numbers, stable ids.

Each is a pure function of stable inputs, so a crash and a repeat arrive at the same name, and the
name is what the database's unique constraints and Stripe's idempotency hold on to.
"""

import hashlib
import re
from datetime import date
from functools import lru_cache

KEY_PREFIX = "dun:v1:"
FRACTIONS_KEPT = 8192
"""How many fractions are remembered: a forecast asks for those of a case at each of its looks."""

_KEY = re.compile(r"dun:v1:(?P<invoice>[A-Za-z0-9_]+):(?P<no>[1-9][0-9]*)")
_CASE = re.compile(r"^[Cc]-?([0-9]+)$")


def idempotency_key(invoice_id: str, no: int) -> str:
    """Return the key under which attempt *no* of an invoice is sent, for ever the same."""
    return f"{KEY_PREFIX}{invoice_id}:{no}"


def parse_idempotency_key(key: str) -> tuple[str, int] | None:
    """Return (invoice id, attempt number) of a key of ours, or None for anybody else's key."""
    found = _KEY.fullmatch(key)
    return (found["invoice"], int(found["no"])) if found else None


def case_name(number: int) -> str:
    """Return the number people use: `C-1042`."""
    return f"C-{number}"


def parse_case_name(text: str) -> int | None:
    """Return the case number in `C-1042`, `c1042`, or None where *text* is something else."""
    found = _CASE.match(text.strip())
    return int(found[1]) if found else None


def step_occasion(case_id: int, step: str) -> str:
    """Return the occasion of a case's letter: one letter per case and step, ever."""
    return f"case:{case_id}:{step}"


def card_occasion(fingerprint: str, exp_year: int, exp_month: int, lead_days: int) -> str:
    """Return the occasion of an expiry letter: once per card, expiry and lead time."""
    return f"card:{fingerprint}:{exp_year:04d}-{exp_month:02d}:{lead_days}"


def renewal_occasion(subscription_id: str, renews_on: date) -> str:
    """Return the occasion of a renewal letter: once per subscription and renewal date."""
    return f"renewal:{subscription_id}:{renews_on.isoformat()}"


def trial_occasion(subscription_id: str, ends_on: date) -> str:
    """Return the occasion of a trial letter: once per subscription and trial end."""
    return f"trial:{subscription_id}:{ends_on.isoformat()}"


def stable_id(*parts: object) -> str:
    """Return 32 hex digits that depend on *parts* alone, for facts and Message-IDs."""
    text = "\x1f".join(str(part) for part in parts)
    return hashlib.sha256(text.encode()).hexdigest()[:32]


def message_id(account_id: str, occasion: str, sender: str) -> str:
    """Return the Message-ID of an occasion's letter, always the same, in the sender's domain.

    Args: sender: the From header, as in `Acme <billing@acme.example>`.
    """
    domain = sender.rpartition("@")[2].strip("> ") or "localhost"
    return f"<{stable_id(account_id, occasion)}@{domain}>"


@lru_cache(maxsize=FRACTIONS_KEPT)
def stable_fraction(*parts: object) -> float:
    """Return a number in [0, 1) that depends on *parts* alone: jitter that a restart repeats."""
    text = "\x1f".join(str(part) for part in parts)
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:7], "big") / 2**56
