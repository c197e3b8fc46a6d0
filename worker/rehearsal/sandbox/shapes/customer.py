"""Customers and portal sessions."""

from typing import Any

from worker.rehearsal.sandbox.world import Obj, World

_PLAIN = ("business_name", "description", "email", "individual_name", "name", "phone", "shipping")


def customer(world: World, params: dict[str, Any]) -> Obj:
    """Return a new customer from checked *params*."""
    test_clock = params.get("test_clock")
    settings = params.get("invoice_settings") or {}
    return {
        "id": world.new_id("customer"),
        "object": "customer",
        "address": full_address(params.get("address")),
        "balance": params.get("balance", 0),
        "created": world.now(test_clock or ""),
        "currency": None,
        "customer_account": None,
        "default_source": None,
        "delinquent": False,
        "discount": None,
        "invoice_prefix": params.get("invoice_prefix") or world.token("prefix", 8).upper(),
        "invoice_settings": {
            "custom_fields": None,
            "default_payment_method": settings.get("default_payment_method"),
            "footer": settings.get("footer"),
            "rendering_options": None,
        },
        "livemode": False,
        "metadata": {k: v for k, v in params.get("metadata", {}).items() if v != ""},
        "next_invoice_sequence": params.get("next_invoice_sequence", 1),
        "preferred_locales": params.get("preferred_locales", []),
        "tax_exempt": params.get("tax_exempt") or "none",
        "test_clock": test_clock,
        **{name: params.get(name) for name in _PLAIN},
    }


def full_address(address: dict[str, Any] | None) -> Obj | None:
    """Return an address with all of Stripe's fields, or None."""
    if address is None:
        return None
    names = ("city", "country", "line1", "line2", "postal_code", "state")
    return {name: address.get(name) for name in names}


def portal_session(world: World, owner: Obj, params: dict[str, Any]) -> Obj:
    """Return a portal session whose page is served by this server."""
    token = world.token("portal", 12)
    return {
        "id": world.new_id("billing_portal.session"),
        "object": "billing_portal.session",
        "after_expiration": None,
        "configuration": params.get("configuration") or "bpc_1SandboxDefault",
        "created": world.now_of(owner),
        "customer": owner["id"],
        "customer_account": None,
        "flow": _flow(params.get("flow_data")),
        "livemode": False,
        "locale": params.get("locale"),
        "on_behalf_of": None,
        "return_url": params.get("return_url"),
        "url": f"{world.base_url}/_sandbox/portal/{owner['id']}?session={token}",
    }


def _flow(data: dict[str, Any] | None) -> Obj | None:
    if data is None:
        return None
    cancel = data.get("subscription_cancel")
    return {
        "after_completion": {
            "hosted_confirmation": None,
            "redirect": None,
            "type": "portal_homepage",
        },
        "subscription_cancel": cancel and {"retention": None, **cancel},
        "subscription_update": data.get("subscription_update"),
        "subscription_update_confirm": None,
        "type": data["type"],
    }
