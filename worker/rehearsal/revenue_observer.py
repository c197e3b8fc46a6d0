"""MRR and its movements counted from the sandbox's own objects, knowing nothing of facts.

It is written again on purpose, from the definitions (README, "Facts of recurring revenue") and not
from the worker's code, so that both can be compared.
"""

from collections import defaultdict
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

from worker.rehearsal.sandbox.billing.taxing import RATES
from worker.rehearsal.sandbox.world import Obj, World

PER_MONTH = {
    "day": Fraction(365, 12),
    "week": Fraction(52, 12),
    "month": Fraction(1),
    "year": Fraction(1, 12),
}
LATE_SECONDS = 30 * 86_400
"""Who pays within this time after being lost for want of payment was not lost, but late."""


@dataclass(frozen=True, slots=True)
class Move:
    """One movement of recurring revenue."""

    currency: str
    kind: str
    delta: int
    """Minor units; losses are negative."""
    customer: str
    unpaid: bool
    """Of a loss: it was for want of payment."""
    is_late: bool
    """Of a return: within 30 days after such a loss."""
    subscription: str
    at: int
    """Unix seconds."""
    term_ends_at: int
    """When the subscription's term ended as it stood then."""


@dataclass(frozen=True, slots=True)
class _Look:
    """One subscription as it was within a second."""

    at: int
    name: str
    customer: str
    currency: str
    row: Obj
    worth: dict[str, int]
    """Country -> what it brings a month if it is taxed there; "": where nothing is collected."""
    country: str
    """Of its customer."""


class Observer:
    """Looks at a subscription whenever the sandbox tells that it changed."""

    def __init__(self, world: World) -> None:
        """Begin with an empty account."""
        self._world = world
        self._brings: dict[str, int] = {}
        self._phase: dict[str, str] = {}
        self._unpaid_since: dict[str, int] = {}
        self._moves: list[Move] = []
        self._taxed_in: dict[str, str] = {}
        self._waiting: list[_Look] = []
        self._second = 0
        world.event_listeners.append(self._hear)

    def take_month(self) -> list[Move]:
        """Return the movements since the last call, in their order."""
        self._settle()
        taken, self._moves = self._moves, []
        return taken

    def standing(self) -> dict[tuple[str, str], int]:
        """Return (currency, customer) -> MRR, of all who have a subscription that is not lost."""
        found: dict[tuple[str, str], int] = defaultdict(int)
        for row in self._world.tables["subscription"].rows.values():
            if self._phase.get(row["id"]) in ("live", "still"):
                found[row["currency"], row["customer"]] += self._brings[row["id"]]
        return found

    def worth(self) -> dict[str, int]:
        """Return subscription -> MRR, of all who are not lost."""
        return {
            name: mrr
            for name, mrr in self._brings.items()
            if self._phase.get(name) in ("live", "still")
        }

    def mrr(self) -> dict[str, int]:
        """Return currency -> MRR, from all subscriptions as they stand."""
        sums: dict[str, int] = defaultdict(int)
        for row in self._world.tables["subscription"].rows.values():
            country = self._taxed_in.get(row["id"], self._country(row))
            sums[row["currency"]] += self._worth(row, country if country in RATES else "")
        return {currency: total for currency, total in sums.items() if total}

    def _hear(self, event: Obj) -> None:
        if self._waiting and event["created"] > self._second:
            self._settle()
        self._second = event["created"]
        if event["type"].startswith("customer.subscription."):
            self._look(self._world.get("subscription", event["data"]["object"]["id"]))
        elif event["type"] == "invoice.created":
            self._see_tax(event["data"]["object"])
        elif "discount" in event["data"].get("previous_attributes", {}):
            owner = event["data"]["object"]["id"]
            for row in self._world.where("subscription", "customer", owner):
                self._look(row)

    def _see_tax(self, invoice: Obj) -> None:
        """Take down where an invoice that bills a period, and comes to something, taxes it."""
        if not invoice["automatic_tax"]["enabled"]:
            return
        name = invoice["parent"]["subscription_details"]["subscription"]
        parts = (line for line in invoice["lines"]["data"] if _is_of_period(line))
        if any(_left(line) > 0 and _is_taxed_inside(line) for line in parts):
            self._taxed_in[name] = self._country(self._world.get("subscription", name))
            self._look(self._world.get("subscription", name))

    def _country(self, row: Obj) -> str:
        return str(self._world.get("customer", row["customer"])["address"]["country"])

    def _look(self, row: Obj) -> None:
        """Look at a subscription as it is now; what its taxes are is known once the second is over,
        since its invoice may come after whatever else happens in it."""
        countries = [*RATES, ""]
        worth = {each: self._worth(row, each) for each in countries}
        names = row["id"], row["customer"], row["currency"]
        look = _Look(self._second, *names, dict(row), worth, self._country(row))
        self._waiting.append(look)

    def _settle(self) -> None:
        """Count what was seen in the second that is over."""
        waiting, self._waiting = self._waiting, []
        for each in waiting:
            country = self._taxed_in.get(each.name, each.country)
            before, phase_before = self._brings.get(each.name, 0), self._phase.get(each.name, "new")
            phase = self._phase_of(each.row, phase_before)
            now = each.worth[country if country in RATES else ""]
            kind = _kind(phase_before, phase, now - before)
            self._brings[each.name], self._phase[each.name] = now, phase
            if kind:
                self._moves.append(self._move(each, kind, now - before))

    def _move(self, look: _Look, kind: str, delta: int) -> Move:
        why = (look.row["cancellation_details"] or {}).get("reason")
        by_choice = why == "cancellation_requested" and look.row["status"] != "unpaid"
        unpaid = kind == "churned" and not by_choice
        since = self._unpaid_since.pop(look.name, None) if kind == "reactivated" else None
        if unpaid:
            self._unpaid_since[look.name] = look.at
        is_late = since is not None and look.at - since <= LATE_SECONDS
        ends_at = min(item["current_period_end"] for item in look.row["items"]["data"])
        return Move(
            look.currency,
            kind,
            delta,
            look.customer,
            unpaid,
            is_late,
            subscription=look.name,
            at=look.at,
            term_ends_at=ends_at,
        )

    def _phase_of(self, row: Obj, before: str) -> str:
        """Return `new`, `live`, `still` (paused) or `lost`."""
        if row["status"] in ("canceled", "unpaid", "incomplete_expired"):
            return before if before == "new" else "lost"
        still = row["status"] == "paused" or row["pause_collection"]
        if still:
            return "still" if before in ("live", "still") else before
        if row["status"] in ("active", "past_due"):
            return "live"
        return "live" if before in ("live", "still") else before

    def _worth(self, row: Obj, country: str) -> int:
        """Return what a subscription brings a month as it stands, taxed there, rounded once."""
        if row["status"] not in ("active", "past_due") or row["pause_collection"]:
            return 0
        worth = bare = Fraction()
        months = Fraction(1)
        for item in row["items"]["data"]:
            recurring = item["price"]["recurring"]
            if recurring["usage_type"] == "licensed":
                per_month = PER_MONTH[recurring["interval"]] / recurring["interval_count"]
                asked = self._price(item["price"], item["quantity"]) * per_month
                inside = row["automatic_tax"]["enabled"]
                inside = inside and item["price"]["tax_behavior"] == "inclusive"
                rate = Fraction(RATES.get(country, "0")) if inside else Fraction()
                worth += asked
                bare += asked * 100 / (100 + rate)
                months = 1 / per_month
        if not worth:
            return 0
        kept = bare / worth
        of_customer = self._world.get("customer", row["customer"])["discount"]
        for discount_id in row["discounts"] or ([of_customer["id"]] if of_customer else []):
            worth = self._discounted(worth, discount_id, months, row["currency"])
        return round(worth * kept)

    def _price(self, price: Obj, units: int) -> int:
        """Return what the units cost a period, counted unit by unit where there are tiers."""
        if price["billing_scheme"] == "per_unit":
            return int(price["unit_amount"] * units)
        tiers = self._world.tiers[price["id"]]
        of_unit = [
            next(tier for tier in tiers if tier["up_to"] is None or unit <= tier["up_to"])
            for unit in range(1, units + 1)
        ]
        if price["tiers_mode"] == "volume":
            of_unit = of_unit[-1:] * units
        flat = [tier["flat_amount"] for tier in tiers if tier in (of_unit or tiers[:1])]
        return int(sum(tier["unit_amount"] for tier in of_unit) + sum(flat))

    def _discounted(self, worth: Fraction, name: str, months: Fraction, currency: str) -> Fraction:
        source: dict[str, Any] = self._world.get("discount", name)["source"]
        coupon = self._world.get("coupon", source["coupon"])
        if coupon["duration"] != "forever":
            return worth
        if coupon["percent_off"] is not None:
            return worth * (100 - Fraction(str(coupon["percent_off"]))) / 100
        off = coupon["amount_off"] if coupon["currency"] == currency else 0
        return max(Fraction(), worth - off / months)


def _is_of_period(line: Obj) -> bool:
    return bool((line["parent"] or {}).get("subscription_item_details")) and line["amount"] > 0


def _left(line: Obj) -> int:
    return int(line["amount"] - sum(each["amount"] for each in line["discount_amounts"]))


def _is_taxed_inside(line: Obj) -> bool:
    return any(each["tax_behavior"] == "inclusive" for each in line["taxes"])


def _kind(before: str, after: str, delta: int) -> str:
    """Return how the change from one phase to the next is called; empty where it is none."""
    if after == "lost":
        return "churned" if before not in ("new", "lost") else ""
    if after == "still":
        return "paused" if before == "live" else ""
    if after == "live" and before != "live":
        return {"new": "started", "lost": "reactivated", "still": "resumed"}[before]
    return "" if delta == 0 else "expanded" if delta > 0 else "contracted"
