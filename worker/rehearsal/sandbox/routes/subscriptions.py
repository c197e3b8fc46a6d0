"""/v1/subscriptions."""

from worker.rehearsal.sandbox.billing import changing, endings, pausing, periods, subscribing
from worker.rehearsal.sandbox.errors import invalid, missing_param, no_such
from worker.rehearsal.sandbox.lists import page
from worker.rehearsal.sandbox.params import (
    EXPAND,
    LISTING,
    Spec,
    any_text,
    flag,
    instant_or,
    many,
    metadata,
    need,
    nested,
    one_of,
    span,
    text,
    whole,
)
from worker.rehearsal.sandbox.routing import Call, delete, get, post
from worker.rehearsal.sandbox.world import Obj, World

from .catalogue import make_price
from .payment_methods import resolve

_INTERVAL = nested({"interval": one_of("day", "week", "month", "year"), "interval_count": whole})
_PRICE_DATA = nested(
    {"currency": text, "product": text, "recurring": _INTERVAL, "unit_amount": whole}
)
_FEEDBACK = one_of(
    "",
    "customer_service",
    "low_quality",
    "missing_features",
    "other",
    "switched_service",
    "too_complex",
    "too_expensive",
    "unused",
)
_DETAILS = nested({"comment": any_text, "feedback": _FEEDBACK})
_COMMON: Spec = {
    "automatic_tax": nested({"enabled": flag}),
    "cancel_at": instant_or(),
    "cancel_at_period_end": flag,
    "collection_method": one_of("charge_automatically", "send_invoice"),
    "days_until_due": whole,
    "discounts": many(nested({"coupon": text, "discount": text})),
    "default_payment_method": any_text,
    "description": any_text,
    "metadata": metadata,
    "off_session": flag,
    "payment_behavior": one_of("allow_incomplete", "default_incomplete", "error_if_incomplete"),
    "payment_settings": nested(
        {
            "payment_method_types": many(text),
            "save_default_payment_method": one_of("off", "on_subscription"),
        }
    ),
    "proration_behavior": one_of("always_invoice", "create_prorations", "none"),
    "trial_end": instant_or("now"),
    "trial_settings": nested(
        {
            "end_behavior": nested(
                {"missing_payment_method": one_of("cancel", "create_invoice", "pause")}
            )
        }
    ),
}


def create(call: Call) -> Obj:
    """Create a subscription with its first invoice."""
    world, params = call.world, dict(call.params)
    need(params, "customer", "items")
    owner = world.get("customer", params["customer"], param="customer")
    if not params["items"]:
        raise missing_param("items")
    if len(params["items"]) > 20:
        raise invalid("You may not have more than 20 items.", param="items")
    params["items"] = [_with_price(world, entry) for entry in params["items"]]
    if params.get("collection_method") == "send_invoice" and "days_until_due" not in params:
        raise missing_param("days_until_due")
    _own_method(world, owner, params)
    return subscribing.create(world, owner, params)


def _with_price(world: World, entry: Obj) -> Obj:
    if "price_data" in entry:
        need(entry["price_data"], "currency", "product", "recurring", "unit_amount")
        return {**entry, "price": make_price(world, entry["price_data"])["id"]}
    return entry


def _own_method(world: World, owner: Obj, params: Obj) -> None:
    name = params.get("default_payment_method")
    if not name:
        return
    method = resolve(world, name, param="default_payment_method")
    if method["customer"] != owner["id"]:
        raise invalid(
            f"The customer does not have a payment method with the ID {method['id']}. The payment "
            "method must be attached to the customer.",
            param="default_payment_method",
            code="resource_missing",
        )


def retrieve(call: Call) -> Obj:
    """Return a subscription."""
    return call.world.get("subscription", call.id)


def update(call: Call) -> Obj:
    """Change a subscription that has not ended."""
    world, params = call.world, dict(call.params)
    row = world.get("subscription", call.id)
    params.pop("expand", None)
    if row["status"] in endings.DEAD and set(params) - {"metadata", "cancellation_details"}:
        raise invalid(
            "A canceled subscription can only update its cancellation_details and metadata."
        )
    _own_method(world, world.get("customer", row["customer"]), params)
    if "items" in params:
        params["items"] = [_with_price(world, entry) for entry in params["items"] or []]
    changing.change(world, row, params)
    return row


def cancel(call: Call) -> Obj:
    """Cancel now."""
    world = call.world
    row = world.get("subscription", call.id)
    if row["status"] in endings.DEAD:
        # Stripe no longer finds a subscription that has ended.
        raise no_such("subscription", call.id)
    if call.params.get("invoice_now") or call.params.get("prorate"):
        raise invalid("The sandbox does not invoice or prorate at cancellation.")
    details = call.params.get("cancellation_details") or {}
    endings.end(world, row, reason="cancellation_requested", details=details)
    return row


def pause(call: Call) -> Obj:
    """Pause now: no invoices and no new periods until it is resumed."""
    row = call.world.get("subscription", call.id)
    pausing.pause(call.world, row, call.params)
    return row


def resume(call: Call) -> Obj:
    """Take a paused subscription up again."""
    row = call.world.get("subscription", call.id)
    if row["status"] != "paused":
        raise invalid("Only paused subscriptions can be resumed.")
    if row["collection_method"] != "charge_automatically":
        raise invalid("Only subscriptions that charge automatically can be resumed.")
    anchor = (call.params.get("billing_cycle_anchor") or {}).get("type", "now")
    payment = call.params.get("payment_behavior", "resume_on_payment_attempt")
    if (anchor, payment) != ("now", "resume_on_payment_attempt"):
        raise invalid("The sandbox resumes with a new period and on the attempt to pay only.")
    periods.resume(call.world, row)
    return row


def listing(call: Call) -> Obj:
    """List subscriptions; ended ones if `status` asks, clocked ones by clock or customer."""
    params = call.params
    status, price = params.get("status"), params.get("price")
    method = params.get("collection_method")
    among = ("test_clock", params.get("test_clock"))
    if "customer" in params:
        among = ("customer", params["customer"])

    def keep(row: Obj) -> bool:
        if "customer" in params and params.get("test_clock") not in (None, row["test_clock"]):
            return False
        if method and row["collection_method"] != method:
            return False
        if price and all(item["price"]["id"] != price for item in row["items"]["data"]):
            return False
        return _has_status(row["status"], status)

    return page(call.world, "subscription", params, "/v1/subscriptions", among=among, keep=keep)


def _has_status(have: str, wanted: str | None) -> bool:
    if wanted is None:
        return have != "canceled"
    if wanted == "all":
        return True
    if wanted == "ended":
        return have in endings.DEAD
    return have == wanted


_STATUSES = (
    "active", "all", "canceled", "ended", "incomplete", "incomplete_expired", "past_due", "paused",
    "trialing", "unpaid",
)  # fmt: skip
_ITEM = {"price": text, "price_data": _PRICE_DATA, "quantity": whole, "metadata": metadata}
_CREATE: Spec = {
    **_COMMON,
    "billing_cycle_anchor": instant_or(),
    "billing_mode": nested({"type": one_of("classic", "flexible")}),
    "currency": text,
    "customer": text,
    "items": many(nested(_ITEM)),
    "trial_period_days": whole,
}
_UPDATE: Spec = {
    **_COMMON,
    "billing_cycle_anchor": one_of("now", "unchanged"),
    "cancellation_details": _DETAILS,
    "items": many(nested({**_ITEM, "id": text, "deleted": flag})),
    "pause_collection": nested(
        {
            "behavior": one_of("keep_as_draft", "mark_uncollectible", "void"),
            "resumes_at": instant_or(),
        }
    ),
    "proration_date": whole,
}
_LIST: Spec = {
    **LISTING,
    "collection_method": one_of("charge_automatically", "send_invoice"),
    "created": span,
    "customer": text,
    "price": text,
    "status": one_of(*_STATUSES),
    "test_clock": text,
}
_CANCEL: Spec = {
    **EXPAND,
    "cancellation_details": _DETAILS,
    "invoice_now": flag,
    "prorate": flag,
}
_WHEN_BILLED = one_of("item_current_period_start", "none", "now")
_PAUSE: Spec = {
    "bill_for": nested(
        {
            "outstanding_usage_through": nested({"type": one_of("none", "now")}),
            "unused_time_from": nested({"type": _WHEN_BILLED}),
        }
    ),
    "invoicing_behavior": one_of("invoice", "pending_invoice_item"),
    "type": one_of("subscription"),
}
_RESUME: Spec = {
    "billing_cycle_anchor": nested({"type": one_of("now", "unchanged")}),
    "payment_behavior": one_of("resume_on_payment_attempt", "resume_on_payment_success"),
    "proration_behavior": one_of("always_invoice", "create_prorations", "none"),
}
_BASE = "/v1/subscriptions"
_KIND = "subscription"
ROUTES = [
    post(_BASE, create, _KIND, _CREATE),
    get(_BASE, listing, _KIND, _LIST),
    get(f"{_BASE}/{{id}}", retrieve, _KIND),
    post(f"{_BASE}/{{id}}", update, _KIND, _UPDATE),
    delete(f"{_BASE}/{{id}}", cancel, _KIND, _CANCEL),
    post(f"{_BASE}/{{id}}/pause", pause, _KIND, _PAUSE),
    post(f"{_BASE}/{{id}}/resume", resume, _KIND, _RESUME),
]
