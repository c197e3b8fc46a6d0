"""The turn of a period: trial ends, renewals, what pausing and unpaid do to new invoices."""

from worker.rehearsal.sandbox import events
from worker.rehearsal.sandbox.intervals import days, period_end_after
from worker.rehearsal.sandbox.shapes.subscription import items_list
from worker.rehearsal.sandbox.world import Obj, World

from . import endings, finalising, invoicing, paying, retrying

LIVE = ("active", "past_due", "trialing", "unpaid")


def schedule(world: World, subscription: Obj) -> None:
    """Set the timers that follow from the subscription's present period and wishes."""
    clock, now = world.clock_of(subscription), world.now_of(subscription)
    item = subscription["items"]["data"][0]
    end, sub_id = item["current_period_end"], subscription["id"]
    timers, settings = world.timers, world.settings
    timers.clear("subscription.cancel", sub_id)
    if subscription["cancel_at"] is not None and not subscription["cancel_at_period_end"]:
        timers.set(clock, subscription["cancel_at"], "subscription.cancel", sub_id)
    timers.set(clock, end, "subscription.period", sub_id)
    upcoming_at = end - days(settings.upcoming_days)
    timers.clear("subscription.upcoming", sub_id)
    if upcoming_at > now:
        timers.set(clock, upcoming_at, "subscription.upcoming", sub_id)
    timers.clear("subscription.trial_will_end", sub_id)
    if subscription["status"] == "trialing":
        warn_at = subscription["trial_end"] - days(settings.trial_will_end_days)
        if subscription["id"] not in world.warned_trials:
            timers.set(clock, max(now, warn_at), "subscription.trial_will_end", sub_id)


def trial_will_end(world: World, subscription_id: str) -> None:
    """Emit the notice three days before the end of a trial, once per subscription."""
    subscription = world.get("subscription", subscription_id)
    if subscription["status"] == "trialing":
        world.warned_trials.add(subscription_id)
        events.emit(world, "customer.subscription.trial_will_end", subscription)


def next_period(subscription: Obj, start: int) -> Obj:
    """Return the period that begins at *start*, by the billing cycle anchor."""
    recurring = subscription["items"]["data"][0]["price"]["recurring"]
    end = period_end_after(
        subscription["billing_cycle_anchor"],
        recurring["interval"],
        recurring["interval_count"],
        start,
    )
    return {"start": start, "end": end}


def with_period(subscription: Obj, period: Obj) -> Obj:
    """Return the items list with every item moved to *period*."""
    rows = [
        {**item, "current_period_end": period["end"], "current_period_start": period["start"]}
        for item in subscription["items"]["data"]
    ]
    return items_list(subscription["id"], rows)


def turn(world: World, subscription_id: str) -> None:
    """Do what the end of a period brings: the end of the subscription, or a new draft."""
    subscription = world.get("subscription", subscription_id)
    if subscription["status"] not in LIVE:
        return
    ended_at = subscription["items"]["data"][0]["current_period_end"]
    cancel_at = subscription["cancel_at"]
    if subscription["cancel_at_period_end"] or (cancel_at is not None and cancel_at <= ended_at):
        endings.end(world, subscription, reason="cancellation_requested")
        return
    changes: Obj = {}
    if subscription["status"] == "trialing":
        if _no_method(world, subscription) and _without_method(world, subscription):
            return
        changes["status"] = "active"
    renew(world, subscription, ended_at, changes)


def renew(world: World, subscription: Obj, start: int, changes: Obj) -> Obj:
    """Roll into the period that begins at *start* and create its invoice."""
    before = subscription["items"]["data"][0]
    past = {"start": before["current_period_start"], "end": before["current_period_end"]}
    period = next_period(subscription, start)
    previous = world.change(subscription, items=with_period(subscription, period), **changes)
    collects = subscription["status"] != "unpaid" and not subscription["pause_collection"]
    invoice = invoicing.draft(
        world, subscription, "subscription_cycle", period=past, auto_advance=collects
    )
    lines = invoicing.period_lines(world, invoice, subscription)
    lines += finalising.take_pending(world, invoice, subscription["id"])
    finalising.set_lines(world, invoice, lines)
    if collects:
        invoicing.schedule_finalising(world, invoice)
    previous |= world.change(subscription, latest_invoice=invoice["id"])
    events.emit(world, "invoice.created", invoice)
    events.emit(world, "customer.subscription.updated", subscription, previous)
    schedule(world, subscription)
    _pause_collection(world, subscription, invoice)
    return invoice


def _pause_collection(world: World, subscription: Obj, invoice: Obj) -> None:
    behaviour = (subscription["pause_collection"] or {}).get("behavior")
    if behaviour not in ("void", "mark_uncollectible"):
        return
    paying.finalise_and_settle(world, invoice)
    if invoice["status"] != "open":
        return
    if behaviour == "void":
        endings.void(world, invoice)
    else:
        endings.mark_uncollectible(world, invoice, reason="subscription_paused")


def unpause(world: World, subscription_id: str) -> None:
    """Take up collection again at `pause_collection.resumes_at`."""
    subscription = world.get("subscription", subscription_id)
    events.update(world, "customer.subscription.updated", subscription, pause_collection=None)


def take_up(world: World, subscription_id: str) -> None:
    """Go on after a pause that a payment ended; time that passed while paused is not billed."""
    subscription = world.get("subscription", subscription_id)
    now = world.now_of(subscription)
    if subscription["items"]["data"][0]["current_period_end"] <= now:
        items = with_period(subscription, next_period(subscription, now))
        events.update(world, "customer.subscription.updated", subscription, items=items)
    schedule(world, subscription)


def _no_method(world: World, subscription: Obj) -> bool:
    if subscription["collection_method"] != "charge_automatically":
        return False
    owner = world.get("customer", subscription["customer"])
    names = (
        subscription["default_payment_method"],
        owner["invoice_settings"]["default_payment_method"],
    )
    return not any(name and world.find("payment_method", name) for name in names)


def _without_method(world: World, subscription: Obj) -> bool:
    """End or pause a trial that has no method, if it says so; True means no invoice."""
    choice = subscription["trial_settings"]["end_behavior"]["missing_payment_method"]
    if choice == "cancel":
        endings.end(world, subscription, reason="payment_failed")
    elif choice == "pause":
        endings.pause(world, subscription, "trial_end_without_payment_method")
    return bool(choice != "create_invoice")


def resume(world: World, subscription: Obj) -> Obj:
    """Take a paused subscription up again with a new period from now; returns its invoice."""
    now = world.now_of(subscription)
    changes: Obj = {"status": "active", "status_details": None, "billing_cycle_anchor": now}
    invoice = renew(world, subscription, now, changes)
    world.timers.clear("invoice.finalize", invoice["id"])
    paying.finalise_and_settle(world, invoice)
    retrying.first_try(world, invoice)
    events.emit(world, "customer.subscription.resumed", subscription)
    return invoice
