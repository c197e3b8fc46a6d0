"""Usage that metered items are billed by: the meter's events within a period, in arrears.

Source: docs.stripe.com/billing/subscriptions/usage-based. Sums only; an event counts by its time.
"""

from worker.rehearsal.sandbox.world import Obj, World


def is_metered(price: Obj) -> bool:
    """Whether a price is billed by usage, so that its item has no quantity."""
    return bool(price["recurring"] and price["recurring"]["usage_type"] == "metered")


def used(world: World, subscription: Obj, price: Obj, period: Obj) -> int:
    """Return how much a customer used in a period, its end not included."""
    meter = world.get("billing.meter", price["recurring"]["meter"])
    return sum(
        each["value"]
        for each in world.usage.get((subscription["customer"], meter["event_name"]), [])
        if period["start"] <= each["timestamp"] < period["end"]
    )


def units(item: Obj) -> int:
    """Return the quantity of an item; a metered one has none."""
    return int(item.get("quantity", 0))
