"""The card networks' rules, counted from charges as Stripe shows them (domain.md 1.4 and 2)."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from worker.rehearsal.population_cards import MAC_WAITS

if TYPE_CHECKING:
    from worker.rehearsal.checks import Evidence

DAY = 86_400
VISA_MAX_IN_30_DAYS = 15
"""Visa allows 20; the worker keeps a margin for attempts it cannot see."""
MASTERCARD_MAX_IN_24_HOURS = 10
MASTERCARD_MAX_IN_30_DAYS = 35
INDIA_MAX = 1
STRIPE_NEVER = frozenset(
    (
        "incorrect_number",
        "lost_card",
        "pickup_card",
        "stolen_card",
        "revocation_of_authorization",
        "revocation_of_all_authorizations",
        "authentication_required",
        "highest_risk_level",
        "transaction_not_allowed",
    )
)
"""The nine codes after which Stripe itself executes no further try."""
MASTERCARD_NEVER = frozenset(("03", "21"))


def network_rule_violations(evidence: "Evidence") -> list[str]:
    """Return a sentence for each rule of a card network that was broken."""
    tries = [_Try(entry, evidence) for entry in evidence.tries if not entry.get("settles")]
    by_card: dict[tuple[str, int, str], list[_Try]] = defaultdict(list)
    for one in tries:
        if one.fingerprint and one.reached_network:
            by_card[one.fingerprint, one.amount, one.currency].append(one)
    found = []
    for (card, _amount, _currency), made in sorted(by_card.items()):
        found += _too_often(card, made)
    return [*found, *_after_stop(tries, evidence.renewed_cards), *_india(tries)]


class _Try:
    """One charge try, with card and outcome as its charge shows them."""

    def __init__(self, entry: Mapping[str, Any], evidence: "Evidence") -> None:
        charge = evidence.charges.get(str(entry["charge"] or "")) or {}
        details = charge.get("payment_method_details") or {}
        card = details.get("card") or {}
        outcome = entry.get("outcome") or {}
        self.at, self.by = int(entry["at"]), str(entry["by"])
        self.invoice, self.method = str(entry["invoice"]), str(entry["payment_method"])
        self.amount, self.currency = int(entry["amount"]), str(entry["currency"])
        self.failed = entry["status"] in {"failed", "requires_action"}
        self.fingerprint = str(card.get("fingerprint") or "")
        self.brand, self.country = str(card.get("brand") or ""), str(card.get("country") or "")
        self.reached_network = outcome.get("network_status") != "not_sent_to_network"
        self.advice = str(outcome.get("advice_code") or "")
        self.network_advice = str(outcome.get("network_advice_code") or "")
        self.reason = str(outcome.get("reason") or "")
        if entry["status"] == "requires_action":
            self.reason = "authentication_required"

    @property
    def stops(self) -> bool:
        """Whether this answer forbids any further try of this card."""
        mastercard = self.brand == "mastercard" and self.network_advice in MASTERCARD_NEVER
        said = self.advice == "do_not_try_again" or self.reason in STRIPE_NEVER
        return self.failed and (said or mastercard)

    @property
    def stop_scope(self) -> str:
        """What a stop is about: the card, or for an authentication this one payment with it."""
        if self.reason == "authentication_required":
            return f"{self.method}:{self.invoice}"
        return self.method

    @property
    def wait_seconds(self) -> int:
        """How long Mastercard asked to wait."""
        if self.brand != "mastercard" or not self.failed:
            return 0
        wait = MAC_WAITS.get(self.network_advice)
        return int(wait.total_seconds()) if wait else 0


def _too_often(card: str, made: Sequence[_Try]) -> list[str]:
    """Count tries of one card and amount in the windows of its network."""
    brand = made[0].brand
    limits = {
        "visa": ((30 * DAY, VISA_MAX_IN_30_DAYS),),
        "mastercard": ((DAY, MASTERCARD_MAX_IN_24_HOURS), (30 * DAY, MASTERCARD_MAX_IN_30_DAYS)),
    }.get(brand, ())
    found = []
    for window, most in limits:
        for one in made:
            count = sum(1 for other in made if one.at - window < other.at <= one.at)
            if count > most and one.by == "api":
                days = window // DAY
                found.append(f"card {card} was tried {count} times in {days} days ({brand})")
                break
    return found


def _after_stop(tries: Sequence[_Try], renewed: Sequence[tuple[str, int]]) -> list[str]:
    """Tries of the worker's on a card that must not be tried again, or not yet.

    A card that its network renewed since then counts as a new one.
    """
    stopped: dict[str, int] = {}
    waits: dict[str, tuple[int, int]] = {}
    found = []
    for one in tries:
        if one.by == "api":
            scopes = (one.method, f"{one.method}:{one.invoice}")
            stopped_at = max((stopped[s] for s in scopes if s in stopped), default=None)
            if stopped_at is not None and not _renewed(renewed, one, stopped_at):
                found.append(f"{one.invoice}: {one.method} was tried after a stop signal")
            since, until = waits.get(one.method, (0, 0))
            if one.at < until and not _renewed(renewed, one, since):
                found.append(f"{one.invoice}: {one.method} was tried before Mastercard's wait")
        if one.stops:
            stopped[one.stop_scope] = one.at
        if one.wait_seconds:
            waits[one.method] = (one.at, one.at + one.wait_seconds)
    return found


def _renewed(renewed: Sequence[tuple[str, int]], one: _Try, since: int) -> bool:
    return any(method == one.method and since <= at <= one.at for method, at in renewed)


def _india(tries: Sequence[_Try]) -> list[str]:
    """Cards issued in India get one try per invoice, unless their owner is present."""
    made: dict[tuple[str, str], int] = defaultdict(int)
    found = []
    for one in tries:
        if one.country != "IN" or one.by == "customer":
            continue
        made[one.invoice, one.fingerprint] += 1
        if made[one.invoice, one.fingerprint] > INDIA_MAX and one.by == "api":
            found.append(f"{one.invoice}: a card issued in India was tried again")
    return found
