"""Products, prices and the old plan object that subscription items still carry."""

from typing import Any

from worker.rehearsal.sandbox.world import Obj, World


def product(world: World, params: dict[str, Any]) -> Obj:
    """Return a new product."""
    now = world.wall()
    return {
        "id": params.get("id") or world.new_id("product"),
        "object": "product",
        "active": params.get("active", True),
        "created": now,
        "default_price": None,
        "description": params.get("description"),
        "images": [],
        "livemode": False,
        "marketing_features": [],
        "metadata": params.get("metadata", {}),
        "name": params["name"],
        "package_dimensions": None,
        "shippable": None,
        "statement_descriptor": params.get("statement_descriptor"),
        "tax_code": None,
        "tax_details": None,
        "type": "service",
        "unit_label": params.get("unit_label"),
        "updated": now,
        "url": params.get("url"),
    }


def price(world: World, params: dict[str, Any], product_id: str) -> Obj:
    """Return a new price per unit or in tiers; `recurring` makes it one for subscriptions."""
    recurring = params.get("recurring")
    amount = params.get("unit_amount")
    return {
        "id": world.new_id("price"),
        "object": "price",
        "active": params.get("active", True),
        "billing_scheme": params.get("billing_scheme", "per_unit"),
        "created": world.wall(),
        "currency": params["currency"].lower(),
        "custom_unit_amount": None,
        "livemode": False,
        "lookup_key": params.get("lookup_key"),
        "metadata": params.get("metadata", {}),
        "nickname": params.get("nickname"),
        "product": product_id,
        "recurring": recurring
        and {
            "interval": recurring["interval"],
            "interval_count": recurring.get("interval_count", 1),
            "meter": recurring.get("meter"),
            "trial_period_days": recurring.get("trial_period_days"),
            "usage_type": recurring.get("usage_type", "licensed"),
        },
        "tax_behavior": params.get("tax_behavior", "unspecified"),
        "tiers_mode": params.get("tiers_mode"),
        "transform_quantity": None,
        "type": "recurring" if recurring else "one_time",
        "unit_amount": amount,
        "unit_amount_decimal": None if amount is None else str(amount),
    }


def tier(params: dict[str, Any]) -> Obj:
    """Return one tier of a price, as expanding shows it."""
    flat, unit, up_to = params.get("flat_amount"), params.get("unit_amount"), params["up_to"]
    return {
        "flat_amount": flat or 0,
        "flat_amount_decimal": str(flat or 0),
        "unit_amount": unit or 0,
        "unit_amount_decimal": str(unit or 0),
        "up_to": None if up_to == "inf" else int(up_to),
    }


def plan_of(price_row: Obj) -> Obj:
    """Return the plan that mirrors a recurring price."""
    recurring = price_row["recurring"]
    return {
        "id": price_row["id"],
        "object": "plan",
        "active": price_row["active"],
        "amount": price_row["unit_amount"],
        "amount_decimal": price_row["unit_amount_decimal"],
        "billing_scheme": price_row["billing_scheme"],
        "created": price_row["created"],
        "currency": price_row["currency"],
        "interval": recurring["interval"],
        "interval_count": recurring["interval_count"],
        "livemode": False,
        "metadata": price_row["metadata"],
        "meter": recurring["meter"],
        "nickname": price_row["nickname"],
        "product": price_row["product"],
        "tiers_mode": price_row["tiers_mode"],
        "transform_usage": None,
        "trial_period_days": recurring["trial_period_days"],
        "usage_type": recurring["usage_type"],
    }
