"""When Stripe itself tries an invoice again, and how it tells."""

from worker.rehearsal.sandbox import events
from worker.rehearsal.sandbox.intervals import days
from worker.rehearsal.sandbox.world import Obj, World

from . import standing


def stop(world: World, invoice: Obj) -> None:
    """Forget everything that was planned for the invoice."""
    for kind in ("retry", "announce", "collect", "finalize", "overdue"):
        world.timers.clear(f"invoice.{kind}", invoice["id"])


def plan(world: World, invoice: Obj, method: Obj | None, attempt_count: int) -> Obj:
    """Set the retry after try *attempt_count* and return the `next_payment_attempt` to tell.

    India-issued cards and first invoices of incomplete subscriptions are tried once. With the
    setting `announce_retry_seconds` the instant is told later, as accounts with automations do.
    """
    gaps = world.settings.retries
    card = (method or {}).get("card") or {}
    untried = 0 < attempt_count <= len(gaps)
    if not untried or not invoice["auto_advance"] or card.get("country") == "IN":
        return {"next_payment_attempt": None}
    if is_first_of_incomplete(world, invoice):
        return {"next_payment_attempt": None}
    clock, now = world.clock_of(invoice), world.now_of(invoice)
    at = now + days(gaps[attempt_count - 1])
    world.timers.set(clock, at, "invoice.retry", invoice["id"])
    wait = world.settings.announce_retry_seconds
    if wait:
        world.timers.set(clock, now + wait, "invoice.announce", invoice["id"])
        return {"next_payment_attempt": None}
    return {"next_payment_attempt": at}


def announce(world: World, invoice_id: str) -> None:
    """Tell the planned retry in `invoice.updated`."""
    invoice = world.get("invoice", invoice_id)
    at = world.timers.at("invoice.retry", invoice_id)
    if at is not None and invoice["status"] == "open":
        events.update(world, "invoice.updated", invoice, next_payment_attempt=at)


def is_first_of_incomplete(world: World, invoice: Obj) -> bool:
    """Whether the invoice is the unpaid first one of a subscription."""
    subscription = standing.subscription_of(world, invoice)
    return subscription is not None and subscription["status"] == "incomplete"
