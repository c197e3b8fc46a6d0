"""Raw objects and events of Stripe's, as its list of events shows them."""

from datetime import datetime
from typing import Any

from tests.integration.store.building import DAY, NOW

API_VERSION = "2026-10-28.endive"


def event(
    number: int,
    kind: str,
    subject: dict[str, Any],
    *,
    at: datetime = NOW,
    request: dict[str, Any] | None = None,
) -> dict[str, Any]:
    """Return an event about *subject*."""
    return {
        "id": f"evt_{number}",
        "object": "event",
        "type": kind,
        "created": int(at.timestamp()),
        "api_version": API_VERSION,
        "request": request or {"id": None, "idempotency_key": None},
        "data": {"object": subject},
    }


def subscription(
    number: int = 1, *, status: str = "active", amount_minor: int = 1200, **more: Any
) -> dict[str, Any]:
    """Return a monthly subscription of `cus_<number>`."""
    recurring = {"interval": "month", "interval_count": 1, "usage_type": "licensed"}
    price = {
        "id": "price_1",
        "unit_amount": amount_minor,
        "currency": "eur",
        "recurring": recurring,
        "product": "prod_1",
    }
    return {
        "id": f"sub_{number}",
        "object": "subscription",
        "customer": f"cus_{number}",
        "status": status,
        "currency": "eur",
        "created": int((NOW - 90 * DAY).timestamp()),
        "items": {"data": [{"price": price, "quantity": 1}]},
        **more,
    }


def customer(number: int = 1, **more: Any) -> dict[str, Any]:
    """Return a customer."""
    return {"id": f"cus_{number}", "object": "customer", "email": "a@b.example", **more}


def invoice(number: int = 1, **more: Any) -> dict[str, Any]:
    """Return an open renewal invoice of `cus_<number>` whose payment failed."""
    return {
        "id": f"in_{number}",
        "object": "invoice",
        "customer": f"cus_{number}",
        "status": "open",
        "billing_reason": "subscription_cycle",
        "collection_method": "charge_automatically",
        "currency": "eur",
        "amount_due": 1200,
        "amount_paid": 0,
        "amount_remaining": 1200,
        "attempted": True,
        "attempt_count": 1,
        "created": int((NOW - DAY).timestamp()),
        "parent": {"subscription_details": {"subscription": f"sub_{number}"}},
        **more,
    }
