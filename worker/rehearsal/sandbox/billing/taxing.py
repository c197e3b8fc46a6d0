"""Automatic tax: what Stripe computes into, or on top of, the lines of an invoice.

The rates are the sandbox's own: one VAT percentage a country, for whatever is sold.
"""

from collections.abc import Sequence
from fractions import Fraction

from worker.rehearsal.sandbox.world import Obj, World

RATES: dict[str, str] = {
    "AT": "20",
    "CH": "8.1",
    "DE": "19",
    "FI": "25.5",
    "FR": "20",
    "GB": "20",
    "IE": "23",
    "JP": "10",
    "NL": "21",
}
"""Country of the customer's address -> percent; elsewhere nothing is collected."""
ON_TOP = frozenset(("cad", "usd"))
"""Currencies of which a price of unspecified behaviour is taxed on top.

Stripe calls such a default `inferred_by_currency`; that it means these two is an assumption.
"""


def is_automatic(world: World, invoice: Obj) -> bool:
    """Return whether the taxes of an invoice's subscription are computed."""
    details = (invoice["parent"] or {}).get("subscription_details")
    row = world.find("subscription", details["subscription"]) if details else None
    return row is not None and bool(row["automatic_tax"]["enabled"])


def status() -> Obj:
    """Return what an invoice says of its computed taxes."""
    return {
        "disabled_reason": None,
        "enabled": True,
        "liability": {"type": "self"},
        "provider": "stripe",
        "status": "complete",
    }


def taxed(world: World, invoice: Obj, line: Obj) -> Obj:
    """Return a line of an automatically taxed invoice with its tax, after its discounts."""
    if line["pricing"] is None:
        return line
    price = world.get("price", line["pricing"]["price_details"]["price"])
    behaviour = price["tax_behavior"]
    if behaviour == "unspecified":
        behaviour = "exclusive" if invoice["currency"] in ON_TOP else "inclusive"
    country, rate, reason = _rate(world, invoice)
    left = line["amount"] - sum(each["amount"] for each in line["discount_amounts"])
    amount = _rounded(left * rate / (100 + rate if behaviour == "inclusive" else 100))
    tax = {
        "amount": amount,
        "tax_behavior": behaviour,
        "tax_rate_details": {"tax_rate": f"txr_{country.lower()}"},
        "taxability_reason": reason,
        "taxable_amount": left - amount if behaviour == "inclusive" else left,
        "type": "tax_rate_details",
    }
    return {**line, "taxes": [tax]}


def totals(lines: Sequence[Obj]) -> list[Obj]:
    """Return an invoice's taxes: those of its lines by rate, behaviour and reason."""
    found: dict[tuple[str, ...], Obj] = {}
    for line in lines:
        for tax in line["taxes"]:
            rate = tax["tax_rate_details"]["tax_rate"]
            key = (rate, tax["tax_behavior"], tax["taxability_reason"])
            total = found.setdefault(key, {**tax, "amount": 0, "taxable_amount": 0})
            for name in ("amount", "taxable_amount"):
                total[name] += tax[name]
    return list(found.values())


def amount_of(taxes: Sequence[Obj], behaviour: str) -> int:
    """Return what the taxes of one behaviour come to."""
    return int(sum(each["amount"] for each in taxes if each["tax_behavior"] == behaviour))


def _rate(world: World, invoice: Obj) -> tuple[str, Fraction, str]:
    """Return the customer's country, the percentage, and why it is that."""
    owner = world.get("customer", invoice["customer"])
    country = str((owner["address"] or {}).get("country") or "ZZ")
    reasons = {"reverse": "reverse_charge", "exempt": "customer_exempt"}
    reason = reasons.get(owner["tax_exempt"])
    if reason is None and country in RATES:
        return country, Fraction(RATES[country]), "standard_rated"
    return country, Fraction(), reason or "not_collecting"


def _rounded(amount: Fraction) -> int:
    """Round a half away from zero."""
    whole = int(abs(amount) + Fraction(1, 2))
    return whole if amount >= 0 else -whole
