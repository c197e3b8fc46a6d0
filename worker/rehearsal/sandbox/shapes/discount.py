"""Coupons, and the discounts that they become on a subscription or a customer."""

from typing import Any

from worker.rehearsal.sandbox.intervals import add_interval
from worker.rehearsal.sandbox.world import Obj, World


def coupon(world: World, params: dict[str, Any]) -> Obj:
    """Return a new coupon; its id is the account's own word, if one is sent."""
    return {
        "id": params.get("id") or world.new_id("coupon"),
        "object": "coupon",
        "amount_off": params.get("amount_off"),
        "created": world.wall(),
        "currency": params["currency"].lower() if params.get("currency") else None,
        "duration": params.get("duration", "once"),
        "duration_in_months": params.get("duration_in_months"),
        "livemode": False,
        "max_redemptions": None,
        "metadata": params.get("metadata", {}),
        "name": params.get("name"),
        "percent_off": params.get("percent_off"),
        "redeem_by": None,
        "times_redeemed": 0,
        "valid": True,
    }


def discount(world: World, owner: Obj, coupon_row: Obj) -> Obj:
    """Return a new discount on a subscription or a customer; since 2025-09-30 the coupon is its
    source."""
    now, months = world.now_of(owner), coupon_row["duration_in_months"]
    on_customer = owner["object"] == "customer"
    return {
        "id": world.new_id("discount"),
        "object": "discount",
        "checkout_session": None,
        "customer": owner["id"] if on_customer else owner["customer"],
        "customer_account": None,
        "end": None if months is None else add_interval(now, "month", months),
        "invoice": None,
        "invoice_item": None,
        "promotion_code": None,
        "source": {"coupon": coupon_row["id"], "type": "coupon"},
        "start": now,
        "subscription": None if on_customer else owner["id"],
        "subscription_item": None,
    }
