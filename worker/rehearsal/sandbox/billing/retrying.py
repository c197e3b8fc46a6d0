"""Stripe's own tries: the first after finalising, and the planned retries."""

from worker.rehearsal.sandbox import events
from worker.rehearsal.sandbox.world import Obj, World

from . import collecting, last_retry, payments, schedule, standing


def first_try(world: World, invoice: Obj) -> None:
    """Collect a freshly finalised invoice automatically, or tell that there is no method."""
    if invoice["status"] != "open" or invoice["collection_method"] != "charge_automatically":
        return
    method = standing.default_method(world, invoice)
    if method is not None:
        collecting.attempt(world, invoice, method, automatic=True)
        return
    tried = invoice["attempt_count"] + 1
    planned = schedule.plan(world, invoice, None, tried)
    events.update(world, "invoice.updated", invoice, attempted=True, attempt_count=tried, **planned)
    events.emit(world, "invoice.payment_failed", invoice)
    standing.invoice_failed(world, invoice)
    last_retry.finish_if_last(world, invoice)


def collect_due(world: World, invoice_id: str) -> None:
    """Collect an invoice that was finalised by hand, unless it was tried already."""
    invoice = world.get("invoice", invoice_id)
    if not invoice["attempted"] and invoice["auto_advance"]:
        first_try(world, invoice)


def retry(world: World, invoice_id: str) -> None:
    """Make a planned retry. After a hard code, or without a method, only the count goes up."""
    invoice = world.get("invoice", invoice_id)
    found = payments.open_payment(world, invoice)
    if invoice["status"] != "open" or not invoice["auto_advance"] or found is None:
        return
    intent = found[1]
    if intent["status"] == "processing":
        return
    method = standing.default_method(world, invoice)
    if method is not None and world.blocked.get(intent["id"]) != method["id"]:
        collecting.attempt(world, invoice, method, automatic=True)
        return
    tried = invoice["attempt_count"] + 1
    planned = schedule.plan(world, invoice, method, tried)
    events.update(world, "invoice.updated", invoice, attempt_count=tried, **planned)
    last_retry.finish_if_last(world, invoice)
