"""Stripe's own retries: when the next one is, what it does, and what follows the last one."""

from worker.rehearsal.sandbox import events
from worker.rehearsal.sandbox.intervals import days
from worker.rehearsal.sandbox.world import Obj, World

from . import collecting, endings, standing


def stop(world: World, invoice: Obj) -> None:
    """Forget everything that was planned for the invoice."""
    for kind in ("retry", "announce", "collect", "finalize", "overdue"):
        world.timers.clear(f"invoice.{kind}", invoice["id"])


def plan(world: World, invoice: Obj, method: Obj | None, base: Obj) -> Obj:
    """Set the next retry and return the change of `next_payment_attempt` that tells it.

    *base* holds the raised `attempt_count`. India-issued cards and first invoices of incomplete
    subscriptions are tried once.
    """
    gaps = world.settings.retries
    done = int((base or invoice)["attempt_count"]) - 1
    card = (method or {}).get("card") or {}
    if done >= len(gaps) or not invoice["auto_advance"] or card.get("country") == "IN":
        return {"next_payment_attempt": None}
    if _incomplete(world, invoice):
        return {"next_payment_attempt": None}
    at = world.now_of(invoice) + days(gaps[done])
    world.timers.set(world.clock_of(invoice), at, "invoice.retry", invoice["id"])
    wait = world.settings.announce_retry_seconds
    if wait:
        told_at = world.now_of(invoice) + wait
        world.timers.set(world.clock_of(invoice), told_at, "invoice.announce", invoice["id"])
        return {"next_payment_attempt": None}
    return {"next_payment_attempt": at}


def announce(world: World, invoice_id: str) -> None:
    """Tell the planned retry in `invoice.updated`, as accounts with automations do."""
    invoice = world.get("invoice", invoice_id)
    at = world.timers.at("invoice.retry", invoice_id)
    if at is not None and invoice["status"] == "open":
        events.update(world, "invoice.updated", invoice, next_payment_attempt=at)


def retry(world: World, invoice_id: str) -> None:
    """Make a planned retry. After a hard code, or without a method, only the count goes up."""
    invoice = world.get("invoice", invoice_id)
    found = collecting.open_payment(world, invoice)
    if invoice["status"] != "open" or not invoice["auto_advance"] or found is None:
        return
    intent = found[1]
    if intent["status"] == "processing":
        return
    method = standing.default_method(world, invoice)
    if method is None or world.blocked.get(intent["id"]) == method["id"]:
        base = {"attempt_count": invoice["attempt_count"] + 1}
        schedule = plan(world, invoice, method, base)
        events.update(world, "invoice.updated", invoice, **base, **schedule)
        finish_if_last(world, invoice)
        return
    collecting.attempt(world, invoice, method, automatic=True)


def finish_if_last(world: World, invoice: Obj) -> None:
    """Do to the subscription what the account chose, if no further retry is planned."""
    if world.timers.at("invoice.retry", invoice["id"]) is not None or _incomplete(world, invoice):
        return
    subscription = standing.subscription_of(world, invoice)
    if subscription is None or subscription["status"] not in ("active", "past_due"):
        return
    choice = world.settings.after_last_retry
    if choice == "cancel":
        endings.end(world, subscription, reason="payment_failed")
    elif choice == "unpaid":
        events.update(world, "customer.subscription.updated", subscription, status="unpaid")
        events.update(world, "invoice.updated", invoice, auto_advance=False)
    elif choice == "pause":
        first = invoice["attempt_count"] <= 1
        kind = "first_payment_failure" if first else "final_payment_failure"
        endings.pause(world, subscription, kind)


def first_try(world: World, invoice: Obj) -> None:
    """Collect a freshly finalised invoice automatically, or tell that there is no method."""
    if invoice["status"] != "open" or invoice["collection_method"] != "charge_automatically":
        return
    method = standing.default_method(world, invoice)
    if method is not None:
        collecting.attempt(world, invoice, method, automatic=True)
        return
    base: Obj = {"attempted": True, "attempt_count": invoice["attempt_count"] + 1}
    schedule = plan(world, invoice, None, base)
    events.update(world, "invoice.updated", invoice, **base, **schedule)
    events.emit(world, "invoice.payment_failed", invoice)
    standing.invoice_failed(world, invoice)
    finish_if_last(world, invoice)


def collect_due(world: World, invoice_id: str) -> None:
    """Collect an invoice that was finalised by hand, unless it was tried already."""
    invoice = world.get("invoice", invoice_id)
    if not invoice["attempted"] and invoice["auto_advance"]:
        first_try(world, invoice)


def _incomplete(world: World, invoice: Obj) -> bool:
    subscription = standing.subscription_of(world, invoice)
    return subscription is not None and subscription["status"] == "incomplete"
