"""The open payment of an invoice, its end without money, and the record of every try."""

from worker.rehearsal.sandbox import events
from worker.rehearsal.sandbox.world import Obj, World


def open_payment(world: World, invoice: Obj) -> tuple[Obj, Obj] | None:
    """Return the invoice's open default payment and its PaymentIntent, or None."""
    for payment in reversed(world.where("invoice_payment", "invoice", invoice["id"])):
        if payment["status"] == "open":
            intent = world.get("payment_intent", payment["payment"]["payment_intent"])
            return payment, intent
    return None


def is_processing(world: World, invoice: Obj) -> bool:
    """Whether a bank debit of the invoice is on its way."""
    found = open_payment(world, invoice)
    return found is not None and found[1]["status"] == "processing"


def cancel_open(world: World, invoice: Obj, why: str) -> None:
    """Cancel the open payment and its PaymentIntent, if any; *why* is Stripe's reason."""
    found = open_payment(world, invoice)
    if found is None:
        return
    payment, intent = found
    now = world.now_of(intent)
    world.change(
        payment, status="canceled", status_transitions={"canceled_at": now, "paid_at": None}
    )
    world.timers.clear("payment.settle", intent["id"])
    world.change(
        intent, status="canceled", canceled_at=now, cancellation_reason=why, next_action=None
    )
    events.emit(world, "payment_intent.canceled", intent)


def note_try(
    world: World,
    invoice: Obj,
    method: Obj,
    *,
    status: str,
    charge: Obj | None = None,
    settles: bool = False,
) -> None:
    """Keep one line about a charge try, for checks that must not trust the worker's tables."""
    world.tries.append(
        {
            "n": len(world.tries) + 1,
            "at": world.now_of(invoice),
            "by": world.cause.by,
            "request_id": world.cause.request_id,
            "idempotency_key": world.cause.idempotency_key,
            "invoice": invoice["id"],
            "customer": invoice["customer"],
            "charge": charge and charge["id"],
            "amount": charge["amount"] if charge else invoice["amount_remaining"],
            "currency": invoice["currency"],
            "payment_method": method["id"],
            "method": _method_used(method),
            "status": status,
            "settles": settles,
            "outcome": charge and charge["outcome"],
        }
    )


def _method_used(method: Obj) -> Obj:
    """Return what identifies the card or account at this moment; null where it has none of it."""
    kind = method["type"]
    names = ("fingerprint", "brand", "country", "exp_month", "exp_year")
    return {"type": kind, **{name: method[kind].get(name) for name in names}}
