"""What a customer does on the pages: pay an invoice, change the card, cancel."""

from typing import Any

from . import acts, events
from .billing import changing, endings, payments, standing
from .errors import ApiError, invalid
from .routes import invoices, payment_methods
from .world import Obj, World

_LIVE = ("active", "past_due", "trialing", "unpaid", "incomplete", "paused")


def method_from(world: World, owner: Obj, form: dict[str, str]) -> Obj:
    """Return the customer's method the *form* names (`payment_method`), or a new card from it.

    Raises: ApiError: the card cannot exist or refuses to be attached.
    """
    name = form.get("payment_method", "")
    if name:
        return payment_methods.attach_to(world, name, owner)
    card: dict[str, Any] = {"number": form.get("number", "")}
    for field in ("exp_month", "exp_year"):
        text = form.get(field, "")
        if not text.isdigit():
            raise invalid(f"{field} must be a number.", param=field)
        card[field] = int(text)
    details = {"name": owner["name"], "email": owner["email"]}
    given = {"type": "card", "card": card, "billing_details": details}
    return payment_methods.attach_to(world, payment_methods.make(world, given)["id"], owner)


def remember(world: World, owner: Obj, method: Obj) -> None:
    """Make the method the default of the customer and of its subscriptions."""
    settings = {**owner["invoice_settings"], "default_payment_method": method["id"]}
    events.update(world, "customer.updated", owner, invoice_settings=settings)
    for subscription in world.where("subscription", "customer", owner["id"]):
        own = subscription["default_payment_method"]
        if subscription["status"] in _LIVE and own is not None:
            events.update(
                world,
                "customer.subscription.updated",
                subscription,
                default_payment_method=method["id"],
            )


def pay(world: World, invoice: Obj, form: dict[str, str]) -> None:
    """Pay an invoice by hand; a customer who is asked to confirm does so unless told not to.

    Form fields: `payment_method`, or number, exp_month, exp_year; or none for the card on file;
    `remember=no` keeps the old default; `confirm=no` walks away from the confirmation.
    Raises: ApiError: the card was declined or the invoice cannot be paid.
    """
    owner = world.get("customer", invoice["customer"])
    params: Obj = {"off_session": False}
    waits = _waits(world, invoice)
    if form.get("payment_method") or "number" in form:
        method = method_from(world, owner, form)
        params["payment_method"] = method["id"]
        if form.get("remember") != "no":
            remember(world, owner, method)
    elif waits:
        confirm(world, invoice)
        return
    try:
        invoices.pay_now(world, invoice, params)
    except ApiError as error:
        asked = error.body.get("code") == "invoice_payment_intent_requires_action"
        if not asked or form.get("confirm") == "no":
            raise
        confirm(world, invoice)


def confirm(world: World, invoice: Obj) -> None:
    """Confirm with the bank. Raises: ApiError: 402, the bank then declined."""
    outcome = world.asked.get(_intent_id(world, invoice))
    acts.act(world, {"act": "authenticate", "invoice": invoice["id"]}, "customer")
    if invoice["status"] != "paid" and outcome is not None and not outcome.approved:
        raise ApiError(402, outcome.message, type="card_error", code=outcome.code)


def _intent_id(world: World, invoice: Obj) -> str:
    found = payments.open_payment(world, invoice)
    return found[1]["id"] if found else ""


def _waits(world: World, invoice: Obj) -> bool:
    found = payments.open_payment(world, invoice)
    return found is not None and found[1]["status"] == "requires_action"


def change_card(world: World, owner: Obj, form: dict[str, str]) -> Obj:
    """Put a new card on file and return it."""
    method = method_from(world, owner, form)
    remember(world, owner, method)
    return method


def cancel(world: World, owner: Obj, form: dict[str, str]) -> None:
    """Cancel a subscription: at the period's end, or at once with `when=now`."""
    subscription = world.get("subscription", form.get("subscription", ""), param="subscription")
    if subscription["customer"] != owner["id"] or subscription["status"] in endings.DEAD:
        raise invalid("That subscription cannot be cancelled here.", param="subscription")
    details = {"feedback": form.get("feedback") or None, "comment": form.get("comment") or None}
    if form.get("when") == "now":
        endings.end(world, subscription, reason="cancellation_requested", details=details)
        return
    wish = {"cancel_at_period_end": True, "cancellation_details": details}
    changing.change(world, subscription, wish)


def open_invoices(world: World, owner: Obj) -> list[Obj]:
    """Return what the customer still owes, oldest first."""
    rows = world.where("invoice", "customer", owner["id"])
    return [row for row in rows if row["status"] == "open"]


def method_on_file(world: World, owner: Obj, invoice: Obj | None = None) -> Obj | None:
    """Return the method that would be charged, or None."""
    if invoice is not None:
        return standing.default_method(world, invoice)
    name = owner["invoice_settings"]["default_payment_method"]
    return world.find("payment_method", name) if name else None
