"""Subscriptions and their items; the period stands on the item."""

from typing import Any

from worker.rehearsal.sandbox.world import Obj, World

from .catalogue import plan_of


def item(world: World, subscription_id: str, price: Obj, quantity: int, period: Obj) -> Obj:
    """Return a new item; *period* has `created`, `start` and `end` in unix seconds.

    One that is billed by usage has no quantity.
    """
    metered = price["recurring"]["usage_type"] == "metered"
    return {
        "id": world.new_id("subscription_item"),
        "object": "subscription_item",
        "billed_until": None,
        "billing_thresholds": None,
        "created": period["created"],
        "current_period_end": period["end"],
        "current_period_start": period["start"],
        "discounts": [],
        "metadata": {},
        "plan": plan_of(price),
        "price": price,
        **({} if metered else {"quantity": quantity}),
        "subscription": subscription_id,
        "tax_rates": [],
    }


def items_list(subscription_id: str, rows: list[Obj]) -> Obj:
    """Return the list object that holds a subscription's items."""
    return {
        "object": "list",
        "data": rows,
        "has_more": False,
        "url": f"/v1/subscription_items?subscription={subscription_id}",
    }


# What the sandbox does not model, or what never differs; shared, because nothing changes it.
_SAME: Obj = {
    "application": None,
    "application_fee_percent": None,
    "billing_cycle_anchor_config": None,
    "billing_schedules": [],
    "billing_thresholds": None,
    "cancel_at": None,
    "cancel_at_period_end": False,
    "canceled_at": None,
    "cancellation_details": {
        "comment": None,
        "feedback": None,
        "feedback_option": None,
        "reason": None,
    },
    "customer_account": None,
    "default_source": None,
    "default_tax_rates": [],
    "discounts": [],
    "ended_at": None,
    "invoice_settings": {
        "account_tax_ids": None,
        "custom_fields": None,
        "description": None,
        "footer": None,
        "issuer": {"type": "self"},
    },
    "latest_invoice": None,
    "livemode": False,
    "managed_payments": {"enabled": False},
    "next_pending_invoice_item_invoice": None,
    "on_behalf_of": None,
    "pause_collection": None,
    "pending_invoice_item_interval": None,
    "pending_setup_intent": None,
    "pending_update": None,
    "schedule": None,
    "status_details": None,
    "transfer_data": None,
    "trial_end": None,
    "trial_start": None,
}


_BILLING_MODES: Obj = {
    "classic": {"type": "classic"},
    "flexible": {"flexible": {"proration_discounts": "included"}, "type": "flexible"},
}


def subscription(world: World, owner: Obj, params: dict[str, Any]) -> Obj:
    """Return a new subscription without items; status, anchor and trial are set by the caller."""
    now = world.now_of(owner)
    end = (params.get("trial_settings") or {}).get("end_behavior") or {}
    payment = params.get("payment_settings") or {}
    return {
        "id": world.new_id("subscription"),
        "object": "subscription",
        **_SAME,
        "automatic_tax": {
            "disabled_reason": None,
            "enabled": bool((params.get("automatic_tax") or {}).get("enabled")),
            "liability": None,
        },
        "billing_cycle_anchor": now,
        "billing_mode": _BILLING_MODES[(params.get("billing_mode") or {}).get("type", "flexible")],
        "collection_method": params.get("collection_method", "charge_automatically"),
        "created": now,
        "currency": params.get("currency"),
        "customer": owner["id"],
        "days_until_due": params.get("days_until_due"),
        "default_payment_method": params.get("default_payment_method"),
        "description": params.get("description"),
        "items": items_list("", []),
        "metadata": params.get("metadata", {}),
        "payment_settings": {
            "payment_method_options": None,
            "payment_method_types": payment.get("payment_method_types"),
            "save_default_payment_method": payment.get("save_default_payment_method", "off"),
        },
        "start_date": now,
        "status": "active",
        "test_clock": owner["test_clock"],
        "trial_settings": {
            "end_behavior": {
                "billing_cycle_anchor": None,
                "missing_payment_method": end.get("missing_payment_method", "create_invoice"),
            }
        },
    }
