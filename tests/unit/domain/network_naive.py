"""A second, naive reading of the networks' rules, to hold the first against.

It shares nothing with `worker.domain` but the shape of the limits: time is a whole number of
microseconds, a card is known by its plastic instead of fingerprints, what an outcome means is
written beside it by hand, and every count is a loop over everything.
"""

from dataclasses import dataclass
from datetime import UTC, datetime

from worker.domain.policy import NetworkLimits

HOUR = 3_600_000_000
DAY = 24 * HOUR
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)

DEBITS = {
    "sepa_debit": (3, 30 * DAY),
    "bacs_debit": (3, 30 * DAY),
    "au_becs_debit": (3, 30 * DAY),
    "acss_debit": (2, 30 * DAY),
    "nz_bank_account": (2, 30 * DAY),
}
KNOWN_OTHERS = {"amex", "diners", "discover", "eftpos_au", "interac", "jcb", "unionpay"}


def micros(at: datetime) -> int:
    """Return the instant as microseconds since 1970."""
    passed = at.astimezone(UTC) - EPOCH
    return (passed.days * 86_400 + passed.seconds) * 1_000_000 + passed.microseconds


@dataclass(frozen=True)
class Means:
    """What an outcome means to the networks, written by hand."""

    counted: bool = True
    succeeded: bool = False
    stops: bool = False
    asks_authentication: bool = False
    wait: int = 0
    ach_may_follow: bool = False


@dataclass(frozen=True)
class Entry:
    """One try as the naive ledger keeps it."""

    at: int
    plastic: str
    method_id: str
    kind: str
    brand: str
    country: str
    amount: int
    debt: str
    means: Means


def broken_by(
    log: list[Entry], wish: Entry, changes: dict[str, list[int]], limits: NetworkLimits
) -> set[str]:
    """Return the names of the rules that a try as in *wish* breaks after everything in *log*."""
    same = [entry for entry in log if entry.plastic == wish.plastic]
    broken = set()
    changed = max((at for at in changes.get(wish.method_id, []) if at <= wish.at), default=0)
    for entry in same:
        cured = any(other.means.succeeded and other.at > entry.at for other in same)
        if entry.means.stops and not cured and changed <= entry.at:
            broken.add("stop")
        authenticates = entry.means.asks_authentication and entry.debt == wish.debt
        if authenticates and changed <= entry.at:
            broken.add("authentication")
        if entry.means.wait and wish.at < entry.at + entry.means.wait:
            broken.add("wait")
    if wish.kind == "paypal":
        broken.add("unlisted")
    elif wish.kind == "us_bank_account":
        broken |= _ach(log, wish, limits)
    elif wish.kind in DEBITS:
        most, span = DEBITS[wish.kind]
        debits = [entry for entry in log if entry.debt == wish.debt and entry.kind == wish.kind]
        broken |= _overfull("debit", debits, wish, span, most)
    else:
        broken |= _card_windows(same, wish, limits)
        india = [e for e in log if e.debt == wish.debt and e.country == "IN" and e.means.counted]
        if wish.country == "IN" and india:
            broken.add("india")
    return broken


def _card_windows(same: list[Entry], wish: Entry, limits: NetworkLimits) -> set[str]:
    amount = [entry for entry in same if entry.amount == wish.amount]
    unknown = wish.brand not in {"visa", "mastercard"} | KNOWN_OTHERS
    broken = set()
    if wish.brand == "visa" or unknown:
        most = min(limits.visa_in_30_days, 20)
        broken |= _overfull("visa", amount, wish, 30 * DAY, most)
    if wish.brand == "mastercard" or unknown:
        a_day, a_month = limits.mastercard_in_24_hours, limits.mastercard_in_30_days
        broken |= _overfull("mastercard 24 h", same, wish, 24 * HOUR, min(a_day, 10))
        broken |= _overfull("mastercard 30 d", amount, wish, 30 * DAY, min(a_month, 35))
    if wish.brand in KNOWN_OTHERS or unknown:
        broken |= _overfull("other", amount, wish, 30 * DAY, limits.other_cards_in_30_days)
    return broken


def _overfull(name: str, entries: list[Entry], wish: Entry, span: int, most: int) -> set[str]:
    """Look at every window that ends with a try and holds the wish."""
    instants = [entry.at for entry in entries if entry.means.counted] + [wish.at]
    for end in instants:
        held = [at for at in instants if end - span < at <= end]
        if wish.at in held and len(held) > most:
            return {name}
    return set()


def _ach(log: list[Entry], wish: Entry, limits: NetworkLimits) -> set[str]:
    made = [e for e in log if e.debt == wish.debt and e.kind == wish.kind and e.means.counted]
    broken = set()
    if made and (len(made) >= 3 or wish.at >= min(e.at for e in made) + 180 * DAY):
        broken.add("ach count")
    mine = sorted((e for e in made if e.plastic == wish.plastic), key=lambda e: e.at)
    if mine and not (mine[-1].means.ach_may_follow and limits.ach_retries_authorised):
        broken.add("ach return")
    return broken
