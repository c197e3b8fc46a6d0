"""Changes of a running subscription: items with proration, trial, ends, pausing of collection."""

from typing import Any

from worker.rehearsal.sandbox import events
from worker.rehearsal.sandbox.errors import invalid, missing_param
from worker.rehearsal.sandbox.params import merged_metadata
from worker.rehearsal.sandbox.shapes import invoice as invoice_shape
from worker.rehearsal.sandbox.shapes import subscription as shape
from worker.rehearsal.sandbox.world import Obj, World

from . import discounting, finalising, invoicing, metering, paying, periods, pricing, retrying

_PLAIN = ("collection_method", "days_until_due", "default_payment_method", "description")


def change(world: World, row: Obj, params: dict[str, Any]) -> None:
    """Apply checked *params* to subscription *row* and tell it in one event."""
    changes: Obj = {name: params[name] for name in _PLAIN if name in params}
    if "metadata" in params:
        changes["metadata"] = merged_metadata(row["metadata"], params["metadata"])
    for name in ("automatic_tax", "payment_settings", "trial_settings"):
        if params.get(name):
            changes[name] = {**row[name], **params[name]}
    changes |= _cancellation(world, row, params)
    if "discounts" in params:
        changes["discounts"] = discounting.wished(world, row, params["discounts"])
    if "pause_collection" in params:
        changes["pause_collection"] = _pause(world, row, params["pause_collection"])
    invoice_now = turned = False
    if params.get("items"):
        invoice_now = params.get("proration_behavior") == "always_invoice"
        turned, changes["items"] = _new_items(world, row, params)
        if turned:
            changes |= _from_now(world, row, changes)
    ends_trial = _trial(world, row, params, changes)
    previous = world.change(row, **changes)
    if previous:
        events.emit(world, "customer.subscription.updated", row, previous)
    if row["ended_at"] is None and row["status"] != "paused":
        periods.schedule(world, row)
    if ends_trial:
        periods.renew(world, row, world.now_of(row), {"status": "active"})
    elif invoice_now or turned:
        _invoice_now(world, row, with_period=turned)


def _from_now(world: World, row: Obj, changes: Obj) -> Obj:
    """Return what another interval brings: billing begins anew now.

    Source: docs.stripe.com/billing/subscriptions/billing-cycle, changes of a recurring interval.
    """
    after = {**row, **changes, "billing_cycle_anchor": world.now_of(row)}
    period = periods.next_period(after, world.now_of(row))
    return {
        "billing_cycle_anchor": after["billing_cycle_anchor"],
        "items": periods.with_period(after, period),
    }


def _cancellation(world: World, row: Obj, params: dict[str, Any]) -> Obj:
    """Return the changes that a wish to end, or its withdrawal, brings."""
    if params.get("cancel_at_period_end") and params.get("cancel_at") is not None:
        raise invalid(
            "You may only specify one of these parameters: cancel_at_period_end, cancel_at."
        )
    changes: Obj = {}
    told = row["cancellation_details"]
    if params.get("cancellation_details"):
        told = {**told, **params["cancellation_details"]}
    wish = row["cancel_at"]
    if params.get("cancel_at_period_end") is True:
        wish = row["items"]["data"][0]["current_period_end"]
        changes["cancel_at_period_end"] = True
    elif "cancel_at" in params or params.get("cancel_at_period_end") is False:
        wish = params.get("cancel_at")
        changes["cancel_at_period_end"] = False
    if wish != row["cancel_at"]:
        changes["cancel_at"] = wish
        changes["canceled_at"] = None if wish is None else world.now_of(row)
        told = {**told, "reason": None if wish is None else "cancellation_requested"}
    if told != row["cancellation_details"]:
        changes["cancellation_details"] = told
    return changes


def _pause(world: World, row: Obj, wish: Obj | None) -> Obj | None:
    world.timers.clear("subscription.unpause", row["id"])
    if wish is None:
        return None
    if "behavior" not in wish:
        raise missing_param("pause_collection[behavior]")
    at = wish.get("resumes_at")
    if at is not None:
        world.timers.set(world.clock_of(row), at, "subscription.unpause", row["id"])
    return {"behavior": wish["behavior"], "resumes_at": at}


def _trial(world: World, row: Obj, params: dict[str, Any], changes: Obj) -> bool:
    """Move or end the trial; True when it ends now."""
    if "trial_end" not in params:
        return False
    wish, now = params["trial_end"], world.now_of(row)
    if wish in ("now", None):
        if row["status"] != "trialing":
            return False
        changes.update(trial_end=now, billing_cycle_anchor=now)
        return True
    if wish <= now:
        raise invalid("trial_end must be in the future, or 'now'.", param="trial_end")
    start = row["items"]["data"][0]["current_period_start"]
    changes.update(
        trial_end=wish,
        trial_start=row["trial_start"] or now,
        status="trialing",
        billing_cycle_anchor=wish,
        items=periods.with_period({**row, **changes}, {"start": start, "end": wish}),
    )
    world.warned_trials.discard(row["id"])
    return False


def _new_items(world: World, row: Obj, params: dict[str, Any]) -> tuple[bool, Obj]:
    """Return whether the interval changes, and the items list after the change.

    What the change costs waits as invoice items; at another interval, what is left of the old one.
    """
    items = {item["id"]: item for item in row["items"]["data"]}
    first = row["items"]["data"][0]
    period = {
        "created": world.now_of(row),
        "start": first["current_period_start"],
        "end": first["current_period_end"],
    }
    prorates = params.get("proration_behavior", "create_prorations") != "none"
    changed: list[tuple[Obj | None, Obj | None]] = []
    for entry in params["items"]:
        old = items.get(entry["id"]) if "id" in entry else None
        if "id" in entry and old is None:
            raise invalid(f"No such subscription item: '{entry['id']}'", param="items[0][id]")
        price = old and old["price"]
        if "price" in entry:
            price = dict(world.get("price", entry["price"], param="items[0][price]"))
        if price is None:
            raise missing_param("items[0][price]")
        new = None
        if not entry.get("deleted"):
            quantity = entry.get("quantity", metering.units(old) if old else 1)
            new = shape.item(world, row["id"], price, quantity, period)
            new["id"] = old["id"] if old else new["id"]
            items[new["id"]] = new
        elif old is not None:
            del items[old["id"]]
        changed.append((old, new))
    if not items:
        raise invalid("A subscription must have at least one active plan.", param="items")
    rhythms = {_rhythm(item) for item in items.values()}
    if len(rhythms) > 1:
        raise invalid("All items must have the same billing interval.", param="items")
    turned = row["status"] in {"active", "past_due"} and _rhythm(first) not in rhythms
    if prorates and row["status"] != "trialing":
        for old, new in changed:
            prorate(world, row, old, None if turned else new)
    return turned, shape.items_list(row["id"], list(items.values()))


def _rhythm(item: Obj) -> tuple[str, int]:
    recurring = item["price"]["recurring"]
    return recurring["interval"], recurring["interval_count"]


def prorate(world: World, row: Obj, old: Obj | None, new: Obj | None) -> None:
    """Make invoice items for unused and remaining time, each rounded for itself (Stripe's rule)."""
    now = world.now_of(row)
    owner = world.get("customer", row["customer"])
    for item, sign, what in ((old, -1, "Unused time on"), (new, 1, "Remaining time on")):
        if item is None or metering.is_metered(item["price"]):
            continue
        start, end = item["current_period_start"], item["current_period_end"]
        full = pricing.amount(world, item["price"], item["quantity"])
        amount = sign * ((full * (end - now) + (end - start) // 2) // (end - start))
        name = (world.find("product", item["price"]["product"]) or {"name": "plan"})["name"]
        details = {
            "amount": amount,
            "currency": row["currency"],
            "description": f"{what} {item['quantity']} × {name}",
            "period": {"start": now, "end": end},
            "price": item["price"],
            "proration": True,
            "quantity": item["quantity"],
            "subscription": row["id"],
        }
        pending = world.add(invoice_shape.invoice_item(world, owner, details))
        events.emit(world, "invoiceitem.created", pending)


def _invoice_now(world: World, row: Obj, *, with_period: bool) -> None:
    """Bill what waits, and the whole new period if one begins."""
    item = row["items"]["data"][0]
    period = {"start": item["current_period_start"], "end": world.now_of(row)}
    invoice = invoicing.draft(world, row, "subscription_update", period=period)
    lines = invoicing.period_lines(world, invoice, row) if with_period else []
    lines += finalising.take_pending(world, invoice, row["id"])
    finalising.set_lines(world, invoice, lines)
    events.emit(world, "invoice.created", invoice)
    events.update(world, "customer.subscription.updated", row, latest_invoice=invoice["id"])
    paying.finalise_and_settle(world, invoice)
    retrying.first_try(world, invoice)
