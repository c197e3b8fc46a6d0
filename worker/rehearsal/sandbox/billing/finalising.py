"""From draft to open: lines, totals, the customer's balance, number, PaymentIntent."""

from worker.domain.money import wire_decimals
from worker.rehearsal.sandbox import events
from worker.rehearsal.sandbox.intervals import days
from worker.rehearsal.sandbox.shapes import invoice as shape
from worker.rehearsal.sandbox.shapes import payment
from worker.rehearsal.sandbox.world import Obj, World

from . import discounting, totalling

# Least amount that is charged, by decimals on the wire (docs.stripe.com/currencies: about 0.50).
_MINIMUM = {0: 50, 2: 50, 3: 150}


def minimum_charge(currency: str) -> int:
    """Return the least amount in minor units that Stripe charges in *currency*."""
    return _MINIMUM[wire_decimals(currency)]


def set_lines(world: World, invoice: Obj, lines: list[Obj]) -> None:
    """Give a draft its lines and the totals that follow from them and from the balance."""
    found = totalling.totals(world, invoice, lines)
    balance = world.get("customer", invoice["customer"])["balance"]
    due = max(0, found["total"] + balance)
    world.change(invoice, **found, starting_balance=balance, amount_due=due, amount_remaining=due)


def take_pending(world: World, invoice: Obj, subscription_id: str | None) -> list[Obj]:
    """Return lines for the customer's waiting items; items of other subscriptions go on waiting."""
    lines = []
    for pending in world.where("invoiceitem", "customer", invoice["customer"]):
        if pending["invoice"] is not None or pending["currency"] != invoice["currency"]:
            continue
        owner = pending["parent"] and pending["parent"]["subscription_details"]["subscription"]
        if owner is not None and owner != subscription_id:
            continue
        world.change(pending, invoice=invoice["id"])
        details = {
            "amount": pending["amount"],
            "description": pending["description"],
            "parent": shape.pending_parent(pending),
            "period": pending["period"],
            "quantity": pending["quantity"],
            "metadata": pending["metadata"],
            "proration": pending["proration"],
        }
        line = shape.line(world, invoice, details)
        line["pricing"] = pending["pricing"]
        lines.append(line)
    return lines


def finalise(world: World, invoice: Obj) -> None:
    """Make a draft open: number, page, PaymentIntent. An amount of zero is paid at once.

    What is below the minimum charge moves to the customer's balance (Stripe's rule).
    """
    now = world.now_of(invoice)
    owner = world.get("customer", invoice["customer"])
    due, ending = _apply_balance(invoice["total"], owner["balance"], invoice["currency"])
    number = f"{owner['invoice_prefix']}-{owner['next_invoice_sequence']:04d}"
    events.update(
        world,
        "customer.updated",
        owner,
        balance=ending,
        next_invoice_sequence=owner["next_invoice_sequence"] + 1,
        currency=owner["currency"] or invoice["currency"],
    )
    due_date = invoice["due_date"]
    if invoice["collection_method"] == "send_invoice" and due_date is None:
        due_date = now + days(world.terms_days.get(invoice["id"], 30))
    page = f"{world.base_url}/_sandbox/pay/{invoice['id']}"
    world.timers.clear("invoice.finalize", invoice["id"])
    previous = world.change(
        invoice,
        amount_due=due,
        amount_remaining=due,
        automatically_finalizes_at=None,
        due_date=due_date,
        effective_at=invoice["effective_at"] or now,
        ending_balance=ending,
        hosted_invoice_url=page,
        invoice_pdf=page,
        number=invoice["number"] or number,
        starting_balance=invoice["starting_balance"],
        status="open",
        status_transitions={**invoice["status_transitions"], "finalized_at": now},
        webhooks_delivered_at=now,
    )
    discounting.use_up(world, invoice)
    if due > 0:
        intent = world.add(payment.payment_intent(world, invoice, due))
        world.add(payment.invoice_payment(world, invoice, intent))
        events.emit(world, "payment_intent.created", intent)
    events.emit(world, "invoice.updated", invoice, previous)
    events.emit(world, "invoice.finalized", invoice)
    if invoice["collection_method"] == "send_invoice" and invoice["auto_advance"] and due > 0:
        events.emit(world, "invoice.sent", invoice)
    if due_date is not None:
        world.timers.set(world.clock_of(invoice), due_date, "invoice.overdue", invoice["id"])


def _apply_balance(total: int, balance: int, currency: str) -> tuple[int, int]:
    """Return what is due now and the balance afterwards (negative: the customer's credit)."""
    due = total + balance
    if due < minimum_charge(currency):
        return 0, due
    return due, 0
