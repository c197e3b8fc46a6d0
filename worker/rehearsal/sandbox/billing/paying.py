"""An invoice becomes paid, by money or because nothing is left to pay."""

from typing import Any

from worker.rehearsal.sandbox import events
from worker.rehearsal.sandbox.world import Obj, World

from . import finalising, schedule, standing


def mark_paid(
    world: World, invoice: Obj, amount: int, *, method_id: str | None = None, **more: Any
) -> None:
    """Make the invoice paid by *amount* and let its subscription and customer recover."""
    schedule.stop(world, invoice)
    now = world.now_of(invoice)
    events.update(
        world,
        "invoice.updated",
        invoice,
        **{"attempted": True, **more},
        amount_paid=invoice["amount_paid"] + amount,
        amount_remaining=0,
        auto_advance=False,
        next_payment_attempt=None,
        status="paid",
        status_transitions={**invoice["status_transitions"], "paid_at": now},
    )
    events.emit(world, "invoice.paid", invoice)
    events.emit(world, "invoice.payment_succeeded", invoice)
    owner = world.get("customer", invoice["customer"])
    events.update(world, "customer.updated", owner, delinquent=False)
    standing.invoice_settled(world, invoice, paid=True, method_id=method_id)


def finalise_and_settle(world: World, invoice: Obj) -> None:
    """Finalise a draft; nothing due means paid."""
    finalising.finalise(world, invoice)
    if invoice["amount_due"] == 0:
        mark_paid(world, invoice, 0)
