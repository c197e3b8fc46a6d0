"""Charge tries as the sandbox's own log tells them, with the answer each of them got."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

FAILED = frozenset(("failed", "requires_action"))


@dataclass(frozen=True, slots=True)
class Tried:
    """One try; instants are unix seconds of the business clock."""

    at: int
    by: str
    """`api` is the worker, `stripe` its own schedule, `customer` somebody on a page."""
    invoice: str
    customer: str
    method: str
    kind: str
    """Stripe's type of the payment method."""
    fingerprint: str
    brand: str
    country: str
    expires: tuple[int, int]
    amount: int
    currency: str
    status: str
    """`succeeded`, `failed`, `requires_action`, or `pending` while a debit is on its way."""
    answered_at: int
    """When the answer was known: days after the try for a bank debit."""
    reached_network: bool
    """Not what Stripe blocked, nor what asked for the customer before anything was charged."""
    reason: str
    advice: str
    network_advice: str
    network_code: str

    @property
    def card(self) -> str:
        """What tries of the same card or account share."""
        return self.fingerprint or self.method

    @property
    def ours(self) -> bool:
        """Whether the worker made it."""
        return self.by == "api"

    @property
    def failed(self) -> bool:
        """Whether it brought no money; one on its way has not failed."""
        return self.status in FAILED


def read_tries(log: Sequence[Mapping[str, Any]]) -> list[Tried]:
    """Return the tries of GET /_sandbox/charges in order; a debit's end is no try of its own."""
    ends = {str(entry["charge"]): entry for entry in log if entry.get("settles")}
    return [
        _read(entry, ends.get(str(entry["charge"]), entry))
        for entry in log
        if not entry.get("settles")
    ]


def _read(entry: Mapping[str, Any], end: Mapping[str, Any]) -> Tried:
    method, outcome = entry["method"], end.get("outcome") or {}
    asked = end["status"] == "requires_action"
    return Tried(
        at=int(entry["at"]),
        by=str(entry["by"]),
        invoice=str(entry["invoice"]),
        customer=str(entry["customer"]),
        method=str(entry["payment_method"]),
        kind=str(method["type"]),
        fingerprint=str(method.get("fingerprint") or ""),
        brand=str(method.get("brand") or ""),
        country=str(method.get("country") or ""),
        expires=(int(method.get("exp_year") or 0), int(method.get("exp_month") or 0)),
        amount=int(entry["amount"]),
        currency=str(entry["currency"]),
        status=str(end["status"]),
        answered_at=int(end["at"]),
        reached_network=bool(entry["charge"])
        and outcome.get("network_status") != "not_sent_to_network",
        reason="authentication_required" if asked else str(outcome.get("reason") or ""),
        advice=str(outcome.get("advice_code") or ""),
        network_advice=str(outcome.get("network_advice_code") or "").zfill(2),
        network_code=str(outcome.get("network_decline_code") or "").upper(),
    )


@dataclass(frozen=True, slots=True)
class Renewals:
    """When cards were renewed in place, by the network or their holder."""

    seen: Sequence[tuple[str, int]] = ()
    """(payment method, unix seconds)."""

    def between(self, method: str, since: int, until: int) -> bool:
        """Whether *method* was renewed from *since* to *until*, both included."""
        return any(name == method and since <= at <= until for name, at in self.seen)


def changed_since(before: Tried, later: Tried, renewals: Renewals) -> bool:
    """Whether *later* was made with another card than *before*, or with that card renewed."""
    if before.card != later.card or before.expires != later.expires:
        return True
    return renewals.between(later.method, before.answered_at, later.at)
