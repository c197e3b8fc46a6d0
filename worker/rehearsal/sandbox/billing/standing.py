"""How an invoice's fate changes the standing of its subscription and customer."""

from worker.rehearsal.sandbox import events
from worker.rehearsal.sandbox.world import Obj, World

OWING = ("past_due", "unpaid", "incomplete")
"""Statuses that paying the latest invoice ends; giving it up ends only the first of them."""


def subscription_of(world: World, invoice: Obj) -> Obj | None:
    """Return the subscription behind an invoice, or None."""
    details = (invoice["parent"] or {}).get("subscription_details")
    return world.find("subscription", details["subscription"]) if details else None


def is_latest(subscription: Obj, invoice: Obj) -> bool:
    """Whether the invoice is the one that decides the subscription's status."""
    return bool(subscription["latest_invoice"] == invoice["id"])


def invoice_settled(
    world: World, invoice: Obj, *, paid: bool, method_id: str | None = None
) -> None:
    """Make the subscription active again: its latest invoice was paid, or else given up."""
    subscription = subscription_of(world, invoice)
    if subscription is None or not is_latest(subscription, invoice):
        return
    changes: Obj = {}
    status = subscription["status"]
    failed = (subscription["status_details"] or {}).get("paused", {}).get("subscription", {})
    paused_for_payment = status == "paused" and failed.get("type", "").endswith("payment_failure")
    if status in (OWING if paid else OWING[:1]) or paused_for_payment:
        changes = {"status": "active", "status_details": None}
        world.timers.clear("subscription.incomplete", subscription["id"])
    saves = subscription["payment_settings"]["save_default_payment_method"] == "on_subscription"
    if saves and method_id and invoice["billing_reason"] == "subscription_create":
        changes["default_payment_method"] = method_id
    events.update(world, "customer.subscription.updated", subscription, **changes)
    if paused_for_payment:
        events.emit(world, "customer.subscription.resumed", subscription)
        clock, now = world.clock_of(subscription), world.now_of(subscription)
        world.timers.set(clock, now, "subscription.take_up", subscription["id"])


def debit_started(world: World, invoice: Obj) -> None:
    """Make an incomplete subscription active: a bank debit on its way counts as begun."""
    subscription = subscription_of(world, invoice)
    if subscription is not None and subscription["status"] == "incomplete":
        world.timers.clear("subscription.incomplete", subscription["id"])
        events.update(world, "customer.subscription.updated", subscription, status="active")


def invoice_failed(world: World, invoice: Obj) -> None:
    """Make an active subscription past due and the customer delinquent."""
    subscription = subscription_of(world, invoice)
    if (
        subscription is not None
        and is_latest(subscription, invoice)
        and subscription["status"] in ("active", "trialing")
    ):
        events.update(world, "customer.subscription.updated", subscription, status="past_due")
    owner = world.get("customer", invoice["customer"])
    events.update(world, "customer.updated", owner, delinquent=True)


def default_method(world: World, invoice: Obj) -> Obj | None:
    """Return the payment method Stripe would take, in its order of precedence, or None.

    Source: docs.stripe.com/billing/subscriptions/payment-methods-setting.
    """
    subscription = subscription_of(world, invoice)
    owner = world.get("customer", invoice["customer"])
    names = (
        invoice["default_payment_method"],
        subscription and subscription["default_payment_method"],
        owner["invoice_settings"]["default_payment_method"],
    )
    for name in names:
        method = world.find("payment_method", name) if name else None
        if method is not None and method["customer"] == owner["id"]:
            return method
    return None
