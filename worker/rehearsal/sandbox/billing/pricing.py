"""What a number of units costs: per unit, or in tiers (docs.stripe.com, pricing models)."""

from worker.rehearsal.sandbox.world import Obj, World


def amount(world: World, price: Obj, units: int) -> int:
    """Return the minor units that *units* of a price cost for one period."""
    if price["billing_scheme"] == "per_unit":
        return int(price["unit_amount"] * units)
    tiers = world.tiers[price["id"]]
    highest = next(n for n, tier in enumerate(tiers) if _holds(tier, units))
    if price["tiers_mode"] == "volume":
        return int(tiers[highest]["flat_amount"] + tiers[highest]["unit_amount"] * units)
    total = below = 0
    for tier in tiers[: highest + 1]:
        end = units if _holds(tier, units) else tier["up_to"]
        total += tier["flat_amount"] + tier["unit_amount"] * (end - below)
        below = end
    return int(total)


def _holds(tier: Obj, units: int) -> bool:
    return tier["up_to"] is None or units <= tier["up_to"]
