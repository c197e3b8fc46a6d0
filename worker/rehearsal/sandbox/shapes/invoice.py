"""Invoices, their lines and pending invoice items."""

from typing import Any

from worker.rehearsal.sandbox.world import Obj, World

# What the sandbox does not model, or what never differs; shared, because nothing changes it.
_SAME: Obj = {
    "account_tax_ids": None,
    "amount_due": 0,
    "amount_overpaid": 0,
    "amount_paid": 0,
    "amount_paid_off_stripe": 0,
    "amount_remaining": 0,
    "amount_shipping": 0,
    "application": None,
    "attempt_count": 0,
    "attempted": False,
    "automatic_tax": {
        "disabled_reason": None,
        "enabled": False,
        "liability": None,
        "provider": None,
        "status": None,
    },
    "automatically_finalizes_at": None,
    "custom_fields": None,
    "customer_account": None,
    "customer_tax_ids": [],
    "default_source": None,
    "default_tax_rates": [],
    "discounts": [],
    "effective_at": None,
    "ending_balance": None,
    "from_invoice": None,
    "hosted_invoice_url": None,
    "invoice_pdf": None,
    "issuer": {"type": "self"},
    "last_finalization_error": None,
    "latest_revision": None,
    "lines": {"object": "list", "data": [], "has_more": False, "total_count": 0, "url": ""},
    "livemode": False,
    "next_payment_attempt": None,
    "number": None,
    "on_behalf_of": None,
    "payment_settings": {
        "default_mandate": None,
        "payment_method_options": None,
        "payment_method_types": None,
    },
    "post_payment_credit_notes_amount": 0,
    "pre_payment_credit_notes_amount": 0,
    "receipt_number": None,
    "rendering": None,
    "shipping_cost": None,
    "shipping_details": None,
    "status_details": None,
    "status_transitions": dict.fromkeys(
        ("finalized_at", "marked_uncollectible_at", "paid_at", "voided_at")
    ),
    "subtotal": 0,
    "subtotal_excluding_tax": 0,
    "threshold_reason": None,
    "total": 0,
    "total_discount_amounts": [],
    "total_excluding_tax": 0,
    "total_pretax_credit_amounts": [],
    "total_taxes": [],
    "webhooks_delivered_at": None,
}


def invoice(world: World, owner: Obj, params: dict[str, Any]) -> Obj:
    """Return a new draft. *params*: billing_reason, subscription, period, the API's own fields."""
    now = world.now_of(owner)
    sub = params.get("subscription")
    period = params.get("period") or {"start": now, "end": now}
    return {
        "id": world.new_id("invoice"),
        "object": "invoice",
        **_SAME,
        "account_country": world.settings.account_country,
        "account_name": world.settings.account_name,
        "auto_advance": params.get("auto_advance", True),
        "billing_reason": params["billing_reason"],
        "collection_method": params.get("collection_method", "charge_automatically"),
        "created": now,
        "currency": params["currency"],
        "customer": owner["id"],
        "customer_address": owner["address"],
        "customer_email": owner["email"],
        "customer_name": owner["name"],
        "customer_phone": owner["phone"],
        "customer_shipping": owner["shipping"],
        "customer_tax_exempt": owner["tax_exempt"],
        "default_payment_method": params.get("default_payment_method"),
        "description": params.get("description"),
        "due_date": params.get("due_date"),
        "footer": params.get("footer"),
        "metadata": params.get("metadata", {}),
        "parent": sub
        and {
            "quote_details": None,
            "subscription_details": {"metadata": sub["metadata"], "subscription": sub["id"]},
            "type": "subscription_details",
        },
        "period_end": period["end"],
        "period_start": period["start"],
        "starting_balance": owner["balance"],
        "statement_descriptor": params.get("statement_descriptor"),
        "status": "draft",
        "test_clock": owner["test_clock"],
    }


def line(world: World, invoice_row: Obj, details: dict[str, Any]) -> Obj:
    """Return one line of *details*: amount, description, period, price, quantity, parent."""
    price = details.get("price")
    quantity = details.get("quantity", 1)
    return {
        "id": world.new_id("line_item"),
        "object": "line_item",
        "amount": details["amount"],
        "currency": invoice_row["currency"],
        "description": details["description"],
        "discount_amounts": [],
        "discountable": not details.get("proration", False),
        "discounts": [],
        "invoice": invoice_row["id"],
        "livemode": False,
        "metadata": details.get("metadata", {}),
        "parent": details["parent"],
        "period": details["period"],
        "pretax_credit_amounts": [],
        "pricing": price
        and {
            "price_details": {"price": price["id"], "product": price["product"]},
            "type": "price_details",
            "unit_amount_decimal": price["unit_amount_decimal"],
        },
        "quantity": quantity,
        "quantity_decimal": str(quantity),
        "subtotal": details["amount"],
        "taxes": [],
    }


def item_parent(item: Obj, *, proration: bool = False) -> Obj:
    """Return a line's parent for a subscription item."""
    return {
        "invoice_item_details": None,
        "subscription_item_details": {
            "invoice_item": None,
            "proration": proration,
            "proration_details": {"credited_items": None},
            "subscription": item["subscription"],
            "subscription_item": item["id"],
        },
        "type": "subscription_item_details",
    }


def pending_parent(pending: Obj) -> Obj:
    """Return a line's parent for an invoice item that waited for this invoice."""
    sub = pending["parent"] and pending["parent"]["subscription_details"]["subscription"]
    return {
        "invoice_item_details": {
            "invoice_item": pending["id"],
            "proration": pending["proration"],
            "proration_details": {"credited_items": None},
            "subscription": sub,
        },
        "subscription_item_details": None,
        "type": "invoice_item_details",
    }


def invoice_item(world: World, owner: Obj, details: dict[str, Any]) -> Obj:
    """Return a pending item of *details*: amount, currency, description, period, price."""
    price, sub = details.get("price"), details.get("subscription")
    quantity = details.get("quantity", 1)
    now = world.now_of(owner)
    return {
        "id": world.new_id("invoiceitem"),
        "object": "invoiceitem",
        "amount": details["amount"],
        "currency": details["currency"],
        "customer": owner["id"],
        "customer_account": None,
        "date": now,
        "description": details.get("description"),
        "discountable": not details.get("proration", False),
        "discounts": [],
        "invoice": details.get("invoice"),
        "livemode": False,
        "metadata": details.get("metadata", {}),
        "net_amount": details["amount"],
        "parent": sub
        and {"subscription_details": {"subscription": sub}, "type": "subscription_details"},
        "period": details.get("period") or {"end": now, "start": now},
        "pricing": price
        and {
            "price_details": {"price": price["id"], "product": price["product"]},
            "type": "price_details",
            "unit_amount_decimal": price["unit_amount_decimal"],
        },
        "proration": details.get("proration", False),
        "quantity": quantity,
        "quantity_decimal": str(quantity),
        "tax_rates": [],
        "test_clock": owner["test_clock"],
    }
