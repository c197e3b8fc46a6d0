"""Ends of subscriptions and invoices: cancel, pause, expire, void, uncollectible."""

from worker.rehearsal.sandbox import events
from worker.rehearsal.sandbox.errors import invalid
from worker.rehearsal.sandbox.world import Obj, World

from . import payments, schedule, standing

DEAD = ("canceled", "incomplete_expired")
_TIMERS = (
    "subscription.period",
    "subscription.cancel",
    "subscription.incomplete",
    "subscription.trial_will_end",
    "subscription.upcoming",
    "subscription.unpause",
)


def end(world: World, subscription: Obj, *, reason: str, details: Obj | None = None) -> None:
    """Cancel now: no further invoices, and open ones of the customer are no longer collected."""
    now = world.now_of(subscription)
    told = {**subscription["cancellation_details"], **(details or {})}
    world.change(
        subscription,
        status="canceled",
        canceled_at=subscription["canceled_at"] or now,
        cancellation_details={**told, "reason": told["reason"] or reason},
        ended_at=now,
        pause_collection=None,
        status_details=None,
    )
    forget(world, subscription)
    events.emit(world, "customer.subscription.deleted", subscription)
    for invoice in world.where("invoice", "customer", subscription["customer"]):
        own = standing.subscription_of(world, invoice) is subscription
        if invoice["status"] == "open" or (invoice["status"] == "draft" and own):
            stop_collecting(world, invoice)


def stop_collecting(world: World, invoice: Obj) -> None:
    """Turn automatic collection of one invoice off."""
    overdue_at = world.timers.at("invoice.overdue", invoice["id"])
    schedule.stop(world, invoice)
    if overdue_at is not None:
        clock = world.clock_of(invoice)
        world.timers.set(clock, overdue_at, "invoice.overdue", invoice["id"])
    events.update(
        world,
        "invoice.updated",
        invoice,
        auto_advance=False,
        automatically_finalizes_at=None,
        next_payment_attempt=None,
    )


def forget(world: World, subscription: Obj) -> None:
    """Drop everything planned for a subscription."""
    for kind in _TIMERS:
        world.timers.clear(kind, subscription["id"])


def cancel_due(world: World, subscription_id: str) -> None:
    """Cancel at the instant of `cancel_at`."""
    subscription = world.get("subscription", subscription_id)
    if subscription["status"] not in DEAD:
        end(world, subscription, reason="cancellation_requested")


def expire(world: World, subscription_id: str) -> None:
    """End an incomplete subscription after its 23 hours and void its invoice."""
    subscription = world.get("subscription", subscription_id)
    if subscription["status"] != "incomplete":
        return
    forget(world, subscription)
    events.update(
        world,
        "customer.subscription.updated",
        subscription,
        status="incomplete_expired",
        ended_at=world.now_of(subscription),
    )
    invoice = world.get("invoice", subscription["latest_invoice"])
    if invoice["status"] == "open":
        void(world, invoice)


def pause(world: World, subscription: Obj, kind: str) -> None:
    """Pause: no invoices and no periods until it is resumed."""
    forget(world, subscription)
    now = world.now_of(subscription)
    paused = {"subscription": {"type": kind}, "transitioned_at": now, "type": "subscription"}
    events.update(
        world,
        "customer.subscription.updated",
        subscription,
        status="paused",
        status_details={"paused": paused},
    )
    events.emit(world, "customer.subscription.paused", subscription)


def void(world: World, invoice: Obj) -> None:
    """Void an open or uncollectible invoice. Raises: ApiError: it is in another state."""
    if invoice["status"] not in ("open", "uncollectible"):
        raise invalid(
            "You can only pass in open or uncollectible invoices. "
            f"This invoice isn't open: its status is {invoice['status']}."
        )
    _refuse_processing(world, invoice)
    schedule.stop(world, invoice)
    payments.cancel_open(world, invoice, "void_invoice")
    now = world.now_of(invoice)
    events.update(
        world,
        "invoice.updated",
        invoice,
        auto_advance=False,
        next_payment_attempt=None,
        status="void",
        status_transitions={**invoice["status_transitions"], "voided_at": now},
    )
    events.emit(world, "invoice.voided", invoice)
    subscription = standing.subscription_of(world, invoice)
    if subscription is not None and subscription["status"] == "incomplete":
        expire(world, subscription["id"])
    elif subscription is not None and not _other_debts(world, subscription, invoice):
        standing.invoice_settled(world, invoice, paid=False)


def mark_uncollectible(world: World, invoice: Obj, *, reason: str = "user_forgiven") -> None:
    """Give an open invoice up. Raises: ApiError: it is in another state."""
    if invoice["status"] != "open":
        raise invalid("You can only mark an open invoice as uncollectible.")
    _refuse_processing(world, invoice)
    schedule.stop(world, invoice)
    now = world.now_of(invoice)
    events.update(
        world,
        "invoice.updated",
        invoice,
        auto_advance=False,
        next_payment_attempt=None,
        status="uncollectible",
        status_details={"uncollectible": {"reason": reason}},
        status_transitions={**invoice["status_transitions"], "marked_uncollectible_at": now},
    )
    events.emit(world, "invoice.marked_uncollectible", invoice)
    standing.invoice_settled(world, invoice, paid=False)


def overdue(world: World, invoice_id: str) -> None:
    """Tell that a sent invoice passed its due date; its subscription becomes past due."""
    invoice = world.get("invoice", invoice_id)
    if invoice["status"] == "open":
        events.emit(world, "invoice.overdue", invoice)
        standing.invoice_failed(world, invoice)


def _other_debts(world: World, subscription: Obj, invoice: Obj) -> bool:
    rows = world.where("invoice", "subscription", subscription["id"])
    return any(r["status"] == "open" and r["attempted"] and r is not invoice for r in rows)


def _refuse_processing(world: World, invoice: Obj) -> None:
    if payments.is_processing(world, invoice):
        raise invalid("This invoice has a payment that is processing; wait for its result.")
