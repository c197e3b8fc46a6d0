"""A subscription's birth: trial, first period, first invoice and first payment."""

from dataclasses import dataclass
from typing import Any

from worker.rehearsal.sandbox import events
from worker.rehearsal.sandbox.cards import card_error
from worker.rehearsal.sandbox.errors import ApiError, invalid
from worker.rehearsal.sandbox.intervals import add_interval, days
from worker.rehearsal.sandbox.shapes import subscription as shape
from worker.rehearsal.sandbox.world import Obj, World

from . import (
    collecting,
    discounting,
    finalising,
    invoicing,
    metering,
    paying,
    periods,
    pricing,
    standing,
)


@dataclass(frozen=True, slots=True)
class _Plan:
    """What the first period looks like, in unix seconds."""

    anchor: int
    period: Obj
    trial_end: int | None
    share: float  # of the price that the first period costs


def create(world: World, owner: Obj, params: dict[str, Any]) -> Obj:
    """Return a new subscription after its first invoice and, if one is due, its first payment.

    Raises: ApiError: items do not fit together, no payment method, or (error_if_incomplete)
    the first payment failed.
    """
    wanted = [_priced(world, entry) for entry in params["items"]]
    _same_rhythm([price for price, _ in wanted])
    plan = _first_period(world, owner, wanted[0][0], params)
    total = sum(pricing.amount(world, price, quantity) for price, quantity in wanted)
    charges = params.get("collection_method", "charge_automatically") == "charge_automatically"
    due = int(total * plan.share) if charges else 0
    behaviour = params.get("payment_behavior", "allow_incomplete")
    method = _first_method(world, owner, params)
    if due > 0 and method is None and behaviour != "default_incomplete":
        raise ApiError(
            400,
            "This customer has no attached payment source or default payment method. Please "
            "consider adding a default payment method.",
            code="resource_missing",
        )
    outcome = None
    if due > 0 and behaviour == "error_if_incomplete" and method is not None:
        outcome = collecting.draw(world, method, world.now_of(owner))
        if not outcome.approved or outcome.requires_action:
            raise card_error(outcome)
    currency = wanted[0][0]["currency"]
    subscription = shape.subscription(world, owner, {**params, "currency": currency})
    _settle_terms(world, subscription, wanted, plan, params)
    if due > 0:
        subscription["status"] = "incomplete"
    world.add(subscription)
    subscription["discounts"] = discounting.wished(world, subscription, params.get("discounts"))
    events.emit(world, "customer.subscription.created", subscription)
    periods.schedule(world, subscription)
    invoice = _first_invoice(world, subscription, plan)
    if due > 0:
        at = subscription["created"] + world.settings.incomplete_seconds
        clock = world.clock_of(subscription)
        world.timers.set(clock, at, "subscription.incomplete", subscription["id"])
        pays_now = behaviour != "default_incomplete" and invoice["status"] == "open"
        if method is not None and pays_now:
            collecting.attempt(world, invoice, method, automatic=True, outcome=outcome)
    return subscription


def _priced(world: World, entry: dict[str, Any]) -> tuple[Obj, int]:
    price = world.get("price", entry["price"], param="items[0][price]")
    if price["recurring"] is None:
        raise invalid(
            f"The price specified is set to `type=one_time` but this field only accepts prices "
            f"with `type=recurring`: {price['id']}",
            param="items[0][price]",
        )
    if metering.is_metered(price):
        if "quantity" in entry:
            raise invalid("Quantity should not be specified where usage_type is `metered`.")
        return price, 0
    return price, entry.get("quantity", 1)


def _same_rhythm(prices: list[Obj]) -> None:
    rhythms = {(p["recurring"]["interval"], p["recurring"]["interval_count"]) for p in prices}
    if len(rhythms) > 1:
        raise invalid("All items of one subscription must have the same interval.", param="items")
    if len({p["currency"] for p in prices}) > 1:
        raise invalid("All prices on a subscription must have the same currency.", param="items")


def _first_period(world: World, owner: Obj, price: Obj, params: dict[str, Any]) -> _Plan:
    now = world.now_of(owner)
    recurring = price["recurring"]
    trial_end = params.get("trial_end")
    if trial_end == "now":
        trial_end = None
    if trial_end is None and params.get("trial_period_days"):
        trial_end = now + days(params["trial_period_days"])
    if trial_end is not None:
        if trial_end <= now:
            raise invalid("Invalid timestamp: must be an integer Unix timestamp in the future.",
                          param="trial_end")  # fmt: skip
        return _Plan(trial_end, {"start": now, "end": trial_end}, trial_end, 0.0)
    full_end = add_interval(now, recurring["interval"], recurring["interval_count"])
    anchor = params.get("billing_cycle_anchor")
    if anchor is None:
        return _Plan(now, {"start": now, "end": full_end}, None, 1.0)
    if not now < anchor <= full_end:
        raise invalid(
            "billing_cycle_anchor must be in the future and not later than the first full period.",
            param="billing_cycle_anchor",
        )
    prorated = params.get("proration_behavior", "create_prorations") != "none"
    share = (anchor - now) / (full_end - now) if prorated else 0.0
    return _Plan(anchor, {"start": now, "end": anchor}, None, share)


def _first_method(world: World, owner: Obj, params: dict[str, Any]) -> Obj | None:
    name = (
        params.get("default_payment_method") or owner["invoice_settings"]["default_payment_method"]
    )
    return world.find("payment_method", name) if name else None


def _settle_terms(
    world: World,
    subscription: Obj,
    wanted: list[tuple[Obj, int]],
    plan: _Plan,
    params: dict[str, Any],
) -> None:
    """Fill in items, anchor, trial and wishes to end, before anyone sees the subscription."""
    period = {"created": subscription["created"], **plan.period}
    rows = [
        shape.item(world, subscription["id"], dict(price), quantity, period)
        for price, quantity in wanted
    ]
    subscription["items"] = shape.items_list(subscription["id"], rows)
    subscription["billing_cycle_anchor"] = plan.anchor
    if plan.trial_end is not None:
        subscription.update(
            status="trialing", trial_start=subscription["created"], trial_end=plan.trial_end
        )
    cancel_at = params.get("cancel_at")
    if params.get("cancel_at_period_end"):
        subscription["cancel_at_period_end"] = True
        cancel_at = plan.period["end"]
    if cancel_at is not None:
        subscription.update(cancel_at=cancel_at, canceled_at=subscription["created"])


def _first_invoice(world: World, subscription: Obj, plan: _Plan) -> Obj:
    now = subscription["created"]
    invoice = invoicing.draft(
        world, subscription, "subscription_create", period={"start": now, "end": now}
    )
    trial = plan.trial_end is not None or plan.share == 0.0
    lines = invoicing.period_lines(world, invoice, subscription, trial=trial)
    for line in lines:
        line["amount"] = line["subtotal"] = int(line["amount"] * plan.share)
    lines += finalising.take_pending(world, invoice, subscription["id"])
    finalising.set_lines(world, invoice, lines)
    world.change(subscription, latest_invoice=invoice["id"])
    events.emit(world, "invoice.created", invoice)
    if invoice["collection_method"] == "send_invoice" and invoice["amount_due"] > 0:
        invoicing.schedule_finalising(world, invoice)
        return invoice
    paying.finalise_and_settle(world, invoice)
    if invoice["status"] == "paid" and subscription["status"] == "incomplete":
        standing.invoice_settled(world, invoice, paid=True)
    return invoice
