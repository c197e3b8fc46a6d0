"""One charge try of an invoice, and everything Stripe tells about it."""

from dataclasses import dataclass, field
from datetime import UTC, datetime

from worker.rehearsal.sandbox import events
from worker.rehearsal.sandbox.bank_accounts import TEST_ACCOUNTS, as_debit
from worker.rehearsal.sandbox.cards import APPROVE, BY_NUMBER, Outcome, declined
from worker.rehearsal.sandbox.intervals import days
from worker.rehearsal.sandbox.shapes import payment as shape
from worker.rehearsal.sandbox.shapes.payment_method import fingerprint
from worker.rehearsal.sandbox.world import Obj, World

from . import debits, last_retry, paying, payments, schedule, standing

_BY_FINGERPRINT = {
    **{fingerprint(number): entry.charge for number, entry in BY_NUMBER.items()},
    **{fingerprint(number): outcome for number, outcome in TEST_ACCOUNTS.items()},
}


@dataclass(slots=True)
class Try:
    """One try: what is charged, how it ends and whether Stripe's own schedule counts it."""

    world: World
    invoice: Obj
    payment: Obj
    intent: Obj
    method: Obj
    outcome: Outcome
    counts: bool = True
    count: Obj = field(default_factory=dict)  # the invoice's new `attempted` and `attempt_count`

    def charge(self, status: str) -> Obj:
        """Return a new charge with *status*."""
        made = shape.charge(self.world, self.intent, self.method, self.outcome, status=status)
        charge = self.world.add(made)
        payments.note_try(self.world, self.invoice, self.method, status=status, charge=charge)
        return charge


def draw(world: World, method: Obj, now: int) -> Outcome:
    """Return what the network answers to a try with *method* at *now*: script, else test number."""
    kind = method["type"]
    if kind != "card" and (refusal := debits.refusal(world, method)):
        return refusal
    mark = method[kind]["fingerprint"]
    default = _BY_FINGERPRINT.get(mark, APPROVE)
    outcome = world.scripts.outcome([method["id"], mark], default, now)
    if kind != "card":
        return as_debit(outcome)
    if outcome.approved and _expired(method, now):
        return declined("expired_card", network_decline_code="54")
    return outcome


def attempt(
    world: World, invoice: Obj, method: Obj, *, automatic: bool, outcome: Outcome | None = None
) -> Outcome:
    """Try to collect an open invoice once and return the outcome.

    Only the first try and automatic ones raise `attempt_count` (Stripe's definition).
    """
    found = payments.open_payment(world, invoice)
    if found is None:
        raise AssertionError(f"{invoice['id']} has no open payment")
    payment, intent = found
    outcome = outcome or draw(world, method, world.now_of(invoice))
    counts = automatic or not invoice["attempted"]
    count = {"attempted": True, "attempt_count": invoice["attempt_count"] + (1 if counts else 0)}
    this = Try(world, invoice, payment, intent, method, outcome, counts, count)
    delay = outcome.processing_days
    if delay is None and outcome.network_status != "not_sent_to_network":
        delay = world.settings.debit_processing_days.get(method["type"])
    if outcome.requires_action:
        _ask_customer(this)
    elif delay is not None:
        _start_processing(this, days(delay))
    elif outcome.approved:
        _succeed(this, this.charge("succeeded"))
    else:
        _fail(this, this.charge("failed"))
    return outcome


def _succeed(this: Try, charge: Obj) -> None:
    """Record a charge that went through: charge, PaymentIntent, payment, invoice, subscription."""
    world, intent = this.world, this.intent
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
    paid_at = world.now_of(this.invoice)
    world.change(
        this.payment,
        amount_paid=intent["amount"],
        status="paid",
        status_transitions={"canceled_at": None, "paid_at": paid_at},
    )
    events.emit(world, "invoice_payment.paid", this.payment)
    amount, method_id = intent["amount"], charge["payment_method"]
    paying.mark_paid(world, this.invoice, amount, method_id=method_id, **this.count)


def _fail(this: Try, charge: Obj | None) -> None:
    """Record a declined try; without a charge the customer did not confirm."""
    world, intent = this.world, this.intent
    charge_id = charge["id"] if charge else None
    world.change(
        intent,
        last_payment_error=shape.payment_error(this.outcome, charge_id, this.method),
        latest_charge=charge_id or intent["latest_charge"],
        next_action=None,
        payment_method=None,
        processing=None,
        status="requires_payment_method",
    )
    if this.outcome.hard:
        world.blocked[intent["id"]] = this.method["id"]
    if charge is not None:
        events.emit(world, "charge.failed", charge)
    events.emit(world, "payment_intent.payment_failed", intent)
    _tell_failure(this, "invoice.payment_failed")


def _tell_failure(this: Try, *kinds: str) -> None:
    world, invoice = this.world, this.invoice
    planned: Obj = {}
    if this.counts:
        tried = (this.count or invoice)["attempt_count"]
        planned = schedule.plan(world, invoice, this.method, tried)
    events.update(world, "invoice.updated", invoice, **this.count, **planned)
    for kind in kinds:
        events.emit(world, kind, invoice)
    standing.invoice_failed(world, invoice)
    if this.counts:
        last_retry.finish_if_last(world, invoice)


def _ask_customer(this: Try) -> None:
    world, intent = this.world, this.intent
    action = {"type": "three_d_secure_redirect", "stripe_js": this.invoice["hosted_invoice_url"]}
    world.change(
        intent,
        next_action={"type": "use_stripe_sdk", "use_stripe_sdk": action},
        payment_method=this.method["id"],
        status="requires_action",
    )
    world.asked[intent["id"]] = this.outcome.on_authenticate or APPROVE
    world.blocked[intent["id"]] = this.method["id"]
    payments.note_try(world, this.invoice, this.method, status="requires_action")
    events.emit(world, "payment_intent.requires_action", intent)
    _tell_failure(this, "invoice.payment_failed", "invoice.payment_action_required")


def give_up_action(world: World, invoice: Obj, outcome: Outcome) -> None:
    """Record that the customer did not confirm: the PaymentIntent needs a method again."""
    found = payments.open_payment(world, invoice)
    if found is None:
        raise AssertionError(f"{invoice['id']} has no open payment")
    payment, intent = found
    world.asked.pop(intent["id"], None)
    method = world.get("payment_method", intent["payment_method"])
    _fail(Try(world, invoice, payment, intent, method, outcome, counts=False), None)


def _start_processing(this: Try, seconds: int) -> None:
    world, intent, invoice = this.world, this.intent, this.invoice
    charge = this.charge("pending")
    world.change(
        intent,
        last_payment_error=None,
        latest_charge=charge["id"],
        next_action=None,
        payment_method=this.method["id"],
        status="processing",
    )
    world.settling[intent["id"]] = this.outcome
    settles_at = world.now_of(invoice) + seconds
    world.timers.set(world.clock_of(invoice), settles_at, "payment.settle", intent["id"])
    events.emit(world, "charge.pending", charge)
    events.emit(world, "payment_intent.processing", intent)
    events.update(world, "invoice.updated", invoice, **this.count)
    standing.debit_started(world, invoice)


def settle(world: World, intent_id: str) -> None:
    """End the processing of a bank debit as its outcome said."""
    intent = world.get("payment_intent", intent_id)
    outcome = world.settling.pop(intent_id)
    payment = world.where("invoice_payment", "payment_intent", intent_id)[-1]
    invoice = world.get("invoice", payment["invoice"])
    charge = world.get("charge", intent["latest_charge"])
    method = world.get("payment_method", charge["payment_method"])
    status = "succeeded" if outcome.approved else "failed"
    fresh = shape.charge(world, intent, method, outcome, status=status)
    kept = {"id", "created", "payment_method_details", "billing_details"}
    world.change(charge, **{name: v for name, v in fresh.items() if name not in kept})
    payments.note_try(world, invoice, method, status=status, charge=charge, settles=True)
    this = Try(world, invoice, payment, intent, method, outcome)
    if outcome.approved:
        _succeed(this, charge)
    else:
        debits.block_after_return(world, method, outcome)
        _fail(this, charge)


def _expired(method: Obj, now: int) -> bool:
    card = method["card"]
    today = datetime.fromtimestamp(now, UTC)
    return bool((card["exp_year"], card["exp_month"]) < (today.year, today.month))
