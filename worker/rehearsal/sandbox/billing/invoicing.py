"""Invoices of a subscription: what stands on them and when they become final."""

from typing import Any

from worker.rehearsal.sandbox import events
from worker.rehearsal.sandbox.intervals import iso_date
from worker.rehearsal.sandbox.shapes import invoice as shape
from worker.rehearsal.sandbox.world import Obj, World

from . import metering, paying, pricing, retrying, totalling


def period_lines(
    world: World, invoice: Obj, subscription: Obj, *, trial: bool = False
) -> list[Obj]:
    """Return one line per item for the item's current period; a trial's lines cost nothing.

    What is billed by usage is billed for the period behind, which is the invoice's own.
    """
    lines = []
    for item in subscription["items"]["data"]:
        price = item["price"]
        period = {"end": item["current_period_end"], "start": item["current_period_start"]}
        quantity = metering.units(item)
        if metering.is_metered(price):
            period = {"end": invoice["period_end"], "start": invoice["period_start"]}
            quantity = metering.used(world, subscription, price, period)
        name = (world.find("product", price["product"]) or {"name": "Subscription"})["name"]
        every = price["recurring"]["interval"]
        what = f"Trial period for {name}" if trial else f"{quantity} × {name} (per {every})"
        lines.append(
            shape.line(
                world,
                invoice,
                {
                    "amount": 0 if trial else pricing.amount(world, price, quantity),
                    "description": what,
                    "parent": shape.item_parent(item),
                    "period": period,
                    "price": price,
                    "quantity": quantity,
                    "metadata": subscription["metadata"],
                },
            )
        )
    return lines


def draft(world: World, subscription: Obj, billing_reason: str, *, period: Obj, **more: Any) -> Obj:
    """Return a new draft for a subscription, not yet announced, without lines."""
    owner = world.get("customer", subscription["customer"])
    invoice = world.add(
        shape.invoice(
            world,
            owner,
            {
                "billing_reason": billing_reason,
                "collection_method": subscription["collection_method"],
                "currency": subscription["currency"],
                "period": period,
                "subscription": subscription,
                **more,
            },
        )
    )
    if subscription["days_until_due"] is not None:
        world.terms_days[invoice["id"]] = subscription["days_until_due"]
    return invoice


def schedule_finalising(world: World, invoice: Obj) -> None:
    """Let a draft wait its hour: the instant stands on the invoice."""
    at = invoice["created"] + world.settings.draft_seconds
    charges = invoice["collection_method"] == "charge_automatically"
    world.change(
        invoice,
        automatically_finalizes_at=at,
        next_payment_attempt=at if charges else None,
    )
    world.timers.set(world.clock_of(invoice), at, "invoice.finalize", invoice["id"])


def finalise_due(world: World, invoice_id: str) -> None:
    """Finalise a draft whose hour is over and try to collect it."""
    invoice = world.get("invoice", invoice_id)
    if invoice["status"] != "draft" or not invoice["auto_advance"]:
        return
    world.change(invoice, next_payment_attempt=None)
    paying.finalise_and_settle(world, invoice)
    retrying.first_try(world, invoice)


def announce_upcoming(world: World, subscription_id: str) -> None:
    """Emit `invoice.upcoming`: a preview of the next invoice, without an id."""
    subscription = world.get("subscription", subscription_id)
    if subscription["status"] not in ("active", "trialing", "past_due"):
        return
    if subscription["cancel_at_period_end"]:
        return
    item = subscription["items"]["data"][0]
    owner = world.get("customer", subscription["customer"])
    period = {"start": item["current_period_start"], "end": item["current_period_end"]}
    preview = shape.invoice(
        world,
        owner,
        {
            "billing_reason": "upcoming",
            "collection_method": subscription["collection_method"],
            "currency": subscription["currency"],
            "period": period,
            "subscription": subscription,
        },
    )
    lines = period_lines(world, preview, subscription)
    del preview["id"]
    found = totalling.totals(world, preview, lines)
    due = max(0, found["total"] + owner["balance"])
    preview.update(
        found,
        amount_due=due,
        amount_remaining=due,
        created=item["current_period_end"],
        description=f"Renewal on {iso_date(item['current_period_end'])}",
        next_payment_attempt=item["current_period_end"] + world.settings.draft_seconds,
    )
    events.emit(world, "invoice.upcoming", preview)
