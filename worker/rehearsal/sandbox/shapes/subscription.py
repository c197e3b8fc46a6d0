"""Subscriptions and their items; the period stands on the item."""

from typing import Any

from worker.rehearsal.sandbox.world import Obj, World

from .catalogue import plan_of


def item(world: World, subscription_id: str, price: Obj, quantity: int, period: Obj) -> Obj:
    """Return a new item; *period* has `created`, `start` and `end` in unix seconds."""
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
        "quantity": quantity,
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


def subscription(world: World, owner: Obj, params: dict[str, Any]) -> Obj:
    """Return a new subscription without items; status, anchor and trial are set by the caller."""
    now = world.now_of(owner)
    end = (params.get("trial_settings") or {}).get("end_behavior") or {}
    payment = params.get("payment_settings") or {}
    return {
        "id": world.new_id("subscription"),
        "object": "subscription",
        "application": None,
        "application_fee_percent": None,
        "automatic_tax": {"disabled_reason": None, "enabled": False, "liability": None},
        "billing_cycle_anchor": now,
        "billing_cycle_anchor_config": None,
        "billing_mode": {"flexible": {"proration_discounts": "included"}, "type": "flexible"},
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
        "collection_method": params.get("collection_method", "charge_automatically"),
        "created": now,
        "currency": params.get("currency"),
        "customer": owner["id"],
        "customer_account": None,
        "days_until_due": params.get("days_until_due"),
        "default_payment_method": params.get("default_payment_method"),
        "default_source": None,
        "default_tax_rates": [],
        "description": params.get("description"),
        "discounts": [],
        "ended_at": None,
        "invoice_settings": {
            "account_tax_ids": None,
            "custom_fields": None,
            "description": None,
            "footer": None,
            "issuer": {"type": "self"},
        },
        "items": items_list("", []),
        "latest_invoice": None,
        "livemode": False,
        "managed_payments": {"enabled": False},
        "metadata": params.get("metadata", {}),
        "next_pending_invoice_item_invoice": None,
        "on_behalf_of": None,
        "pause_collection": None,
        "payment_settings": {
            "payment_method_options": None,
            "payment_method_types": payment.get("payment_method_types"),
            "save_default_payment_method": payment.get("save_default_payment_method", "off"),
        },
        "pending_invoice_item_interval": None,
        "pending_setup_intent": None,
        "pending_update": None,
        "schedule": None,
        "start_date": now,
        "status": "active",
        "status_details": None,
        "test_clock": owner["test_clock"],
        "transfer_data": None,
        "trial_end": None,
        "trial_settings": {
            "end_behavior": {
                "billing_cycle_anchor": None,
                "missing_payment_method": end.get("missing_payment_method", "create_invoice"),
            }
        },
        "trial_start": None,
    }
