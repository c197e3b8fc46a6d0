"""One charge try of an invoice, and everything Stripe tells about it."""

from datetime import UTC, datetime
from typing import Any

from worker.rehearsal.sandbox import events
from worker.rehearsal.sandbox.cards import APPROVE, BY_NUMBER, Outcome, declined
from worker.rehearsal.sandbox.intervals import days
from worker.rehearsal.sandbox.shapes import payment as shape
from worker.rehearsal.sandbox.shapes.payment_method import fingerprint
from worker.rehearsal.sandbox.world import Obj, World

from . import retries, standing

_BY_FINGERPRINT = {fingerprint(number): entry for number, entry in BY_NUMBER.items()}


def open_payment(world: World, invoice: Obj) -> tuple[Obj, Obj] | None:
    """Return the invoice's open default payment and its PaymentIntent, or None."""
    for payment in reversed(world.where("invoice_payment", "invoice", invoice["id"])):
        if payment["status"] == "open":
            intent = world.get("payment_intent", payment["payment"]["payment_intent"])
            return payment, intent
    return None


def draw(world: World, method: Obj, now: int) -> Outcome:
    """Return what the network answers to a try with *method* at *now*: script, else test number."""
    kind = method["type"]
    mark = method[kind]["fingerprint"]
    default = _BY_FINGERPRINT[mark].charge if mark in _BY_FINGERPRINT else APPROVE
    outcome = world.scripts.outcome([method["id"], mark], default, now)
    if kind == "card" and outcome.approved and _expired(method, now):
        return declined("expired_card", network_decline_code="54")
    return outcome


def attempt(
    world: World, invoice: Obj, method: Obj, *, automatic: bool, outcome: Outcome | None = None
) -> Outcome:
    """Try to collect an open invoice once and return the outcome.

    Only the first try and automatic ones raise `attempt_count` (Stripe's definition).
    """
    found = open_payment(world, invoice)
    if found is None:
        raise AssertionError(f"{invoice['id']} has no open payment")
    payment, intent = found
    now = world.now_of(invoice)
    outcome = outcome or draw(world, method, now)
    first = not invoice["attempted"]
    counts = automatic or first
    base: Obj = {
        "attempted": True,
        "attempt_count": invoice["attempt_count"] + (1 if counts else 0),
    }
    delay = _processing_days(world, method, outcome)
    if outcome.requires_action:
        _ask_customer(world, invoice, intent, method, outcome, base, counts=counts)
    elif delay is not None:
        _start_processing(world, invoice, intent, method, outcome, base, now + days(delay))
    elif outcome.approved:
        charge = _charge(world, invoice, intent, method, outcome, "succeeded")
        succeed(world, invoice, payment, intent, charge, base)
    else:
        charge = _charge(world, invoice, intent, method, outcome, "failed")
        fail(world, invoice, intent, method, outcome, charge, base, counts=counts)
    return outcome


def succeed(world: World, invoice: Obj, payment: Obj, intent: Obj, charge: Obj, base: Obj) -> None:
    """Record a charge that went through: charge, PaymentIntent, payment, invoice, subscription."""
    now = world.now_of(invoice)
    world.change(
        intent,
        amount_received=intent["amount"],
        last_payment_error=None,
        latest_charge=charge["id"],
        next_action=None,
        payment_method=charge["payment_method"],
        processing=None,
        status="succeeded",
    )
    events.emit(world, "charge.succeeded", charge)
    events.emit(world, "payment_intent.succeeded", intent)
    world.change(
        payment,
        amount_paid=intent["amount"],
        status="paid",
        status_transitions={"canceled_at": None, "paid_at": now},
    )
    events.emit(world, "invoice_payment.paid", payment)
    mark_paid(world, invoice, intent["amount"], method_id=charge["payment_method"], **base)


def mark_paid(
    world: World, invoice: Obj, amount: int, *, method_id: str | None = None, **base: Any
) -> None:
    """Make the invoice paid and let its subscription and customer recover."""
    retries.stop(world, invoice)
    now = world.now_of(invoice)
    events.update(
        world,
        "invoice.updated",
        invoice,
        **{"attempted": True, **base},
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
    standing.invoice_settled(world, invoice, method_id=method_id)


def fail(
    world: World,
    invoice: Obj,
    intent: Obj,
    method: Obj,
    outcome: Outcome,
    charge: Obj,
    base: Obj,
    *,
    counts: bool,
) -> None:
    """Record a declined try; *counts* says whether Stripe's own schedule moves on."""
    world.change(
        intent,
        last_payment_error=shape.payment_error(outcome, charge["id"], method),
        latest_charge=charge["id"],
        next_action=None,
        payment_method=None,
        processing=None,
        status="requires_payment_method",
    )
    if outcome.hard:
        world.blocked[intent["id"]] = method["id"]
    events.emit(world, "charge.failed", charge)
    events.emit(world, "payment_intent.payment_failed", intent)
    _tell_failure(world, invoice, method, base, counts=counts, kinds=("invoice.payment_failed",))


def _tell_failure(
    world: World, invoice: Obj, method: Obj, base: Obj, *, counts: bool, kinds: tuple[str, ...]
) -> None:
    schedule = retries.plan(world, invoice, method, base) if counts else {}
    events.update(world, "invoice.updated", invoice, **base, **schedule)
    for kind in kinds:
        events.emit(world, kind, invoice)
    standing.invoice_failed(world, invoice)
    if counts:
        retries.finish_if_last(world, invoice)


def _ask_customer(
    world: World,
    invoice: Obj,
    intent: Obj,
    method: Obj,
    outcome: Outcome,
    base: Obj,
    *,
    counts: bool,
) -> None:
    world.change(
        intent,
        next_action={
            "type": "use_stripe_sdk",
            "use_stripe_sdk": {"type": "three_d_secure_redirect", "stripe_js": invoice["id"]},
        },
        payment_method=method["id"],
        status="requires_action",
    )
    world.asked[intent["id"]] = outcome.on_authenticate or APPROVE
    world.blocked[intent["id"]] = method["id"]
    note_try(world, invoice, method, "requires_action", None)
    events.emit(world, "payment_intent.requires_action", intent)
    kinds = ("invoice.payment_failed", "invoice.payment_action_required")
    _tell_failure(world, invoice, method, base, counts=counts, kinds=kinds)


def give_up_action(world: World, invoice: Obj, intent: Obj, method: Obj, outcome: Outcome) -> None:
    """Record that the customer did not confirm: the PaymentIntent needs a method again."""
    world.asked.pop(intent["id"], None)
    world.change(
        intent,
        last_payment_error=shape.payment_error(outcome, None, method),
        next_action=None,
        payment_method=None,
        status="requires_payment_method",
    )
    events.emit(world, "payment_intent.payment_failed", intent)
    events.emit(world, "invoice.payment_failed", invoice)


def _start_processing(
    world: World,
    invoice: Obj,
    intent: Obj,
    method: Obj,
    outcome: Outcome,
    base: Obj,
    settles_at: int,
) -> None:
    charge = _charge(world, invoice, intent, method, outcome, "pending")
    world.change(
        intent,
        last_payment_error=None,
        latest_charge=charge["id"],
        next_action=None,
        payment_method=method["id"],
        status="processing",
    )
    world.settling[intent["id"]] = outcome
    world.timers.set(world.clock_of(invoice), settles_at, "payment.settle", intent["id"])
    events.emit(world, "charge.pending", charge)
    events.emit(world, "payment_intent.processing", intent)
    events.update(world, "invoice.updated", invoice, **base)


def settle(world: World, intent_id: str) -> None:
    """End the processing of a bank debit as its outcome said."""
    intent = world.get("payment_intent", intent_id)
    outcome = world.settling.pop(intent_id)
    payment = world.where("invoice_payment", "payment_intent", intent_id)[-1]
    invoice = world.get("invoice", payment["invoice"])
    charge = world.get("charge", intent["latest_charge"])
    method = world.get("payment_method", charge["payment_method"])
    status = "succeeded" if outcome.approved else "failed"
    fresh = shape.charge(world, intent, method, outcome, status)
    kept = {"id", "created", "payment_method_details", "billing_details"}
    world.change(charge, **{name: v for name, v in fresh.items() if name not in kept})
    note_try(world, invoice, method, status, charge, settles=True)
    if outcome.approved:
        succeed(world, invoice, payment, intent, charge, {})
    else:
        fail(world, invoice, intent, method, outcome, charge, {}, counts=True)


def cancel_payment(world: World, payment: Obj, intent: Obj, why: str) -> None:
    """Cancel an open payment of an invoice and its PaymentIntent; *why* is Stripe's reason."""
    now = world.now_of(intent)
    world.change(
        payment, status="canceled", status_transitions={"canceled_at": now, "paid_at": None}
    )
    world.timers.clear("payment.settle", intent["id"])
    world.change(
        intent, status="canceled", canceled_at=now, cancellation_reason=why, next_action=None
    )
    events.emit(world, "payment_intent.canceled", intent)


def _charge(
    world: World, invoice: Obj, intent: Obj, method: Obj, outcome: Outcome, status: str
) -> Obj:
    charge = world.add(shape.charge(world, intent, method, outcome, status))
    note_try(world, invoice, method, status, charge)
    return charge


def note_try(
    world: World,
    invoice: Obj,
    method: Obj,
    status: str,
    charge: Obj | None,
    *,
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
            "status": status,
            "settles": settles,
            "outcome": charge and charge["outcome"],
        }
    )


def _processing_days(world: World, method: Obj, outcome: Outcome) -> float | None:
    if outcome.processing_days is not None:
        return outcome.processing_days
    return world.settings.debit_processing_days.get(method["type"])


def _expired(method: Obj, now: int) -> bool:
    card = method["card"]
    today = datetime.fromtimestamp(now, UTC)
    return bool((card["exp_year"], card["exp_month"]) < (today.year, today.month))
