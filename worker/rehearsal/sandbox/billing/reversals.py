"""Money that goes back: credit notes, refunds, disputes, returned debits, fraud warnings."""

from typing import Any

from worker.rehearsal.sandbox import events
from worker.rehearsal.sandbox.errors import invalid
from worker.rehearsal.sandbox.intervals import days
from worker.rehearsal.sandbox.shapes import reversal as shape
from worker.rehearsal.sandbox.world import Obj, World

from . import paying, payments


def credit(world: World, invoice: Obj, params: dict[str, Any]) -> Obj:
    """Credit an open or paid invoice and return the note."""
    amount = params["amount"]
    if invoice["status"] not in ("open", "paid", "uncollectible"):
        raise invalid("You can only create a credit note for a finalized invoice.", param="invoice")
    before_payment = invoice["status"] != "paid"
    most = invoice["amount_remaining"] if before_payment else invoice["amount_paid"]
    if not 0 < amount <= most:
        raise invalid(
            f"The sum of credit amount must be at most {most} and above 0.", param="amount"
        )
    note = world.add(shape.credit_note(world, invoice, params, pre_payment=before_payment))
    events.emit(world, "credit_note.created", note)
    if not before_payment:
        field = "post_payment_credit_notes_amount"
        events.update(world, "invoice.updated", invoice, **{field: invoice[field] + amount})
        return note
    left = invoice["amount_remaining"] - amount
    events.update(
        world,
        "invoice.updated",
        invoice,
        amount_due=invoice["amount_due"] - amount,
        amount_remaining=left,
        pre_payment_credit_notes_amount=invoice["pre_payment_credit_notes_amount"] + amount,
    )
    _follow(world, invoice, left)
    return note


def _follow(world: World, invoice: Obj, left: int) -> None:
    """Let the open payment follow what is left; nothing left means paid."""
    found = payments.open_payment(world, invoice)
    if found is None:
        return
    payment, intent = found
    if left > 0:
        world.change(payment, amount_requested=left)
        world.change(intent, amount=left)
        return
    payments.cancel_open(world, invoice, "automatic")
    paying.mark_paid(world, invoice, 0)


def refund(world: World, charge: Obj, amount: int | None = None) -> Obj:
    """Give *amount* (default: all that is left) of a charge back and return the refund."""
    left = charge["amount"] - charge["amount_refunded"]
    amount = left if amount is None else amount
    if charge["status"] != "succeeded" or not 0 < amount <= left:
        raise invalid(
            f"Charge {charge['id']} has already been refunded or never succeeded.",
            code="charge_already_refunded",
        )
    row = world.add(shape.refund(world, charge, amount))
    previous = world.change(
        charge,
        amount_refunded=charge["amount_refunded"] + amount,
        refunded=amount == left,
    )
    events.emit(world, "refund.created", row)
    events.emit(world, "charge.refunded", charge, previous)
    return row


def dispute(world: World, charge: Obj, reason: str, *, lost: bool = False) -> Obj:
    """Let the payer dispute a charge; a lost one is closed at once, as returned debits are."""
    if charge["status"] != "succeeded" or charge["disputed"]:
        raise invalid("Only a charge that succeeded can be disputed, and only once.")
    row = world.add(shape.dispute(world, charge, reason, world.now_of(charge) + days(14)))
    world.change(charge, disputed=True)
    events.emit(world, "charge.dispute.created", row)
    events.emit(world, "charge.dispute.funds_withdrawn", row)
    if lost:
        close_dispute(world, row, "lost")
    return row


def close_dispute(world: World, row: Obj, status: str) -> None:
    """End a dispute as won or lost."""
    if status not in ("won", "lost"):
        raise invalid("A dispute ends as won or lost.")
    previous = world.change(row, status=status)
    if status == "won":
        events.emit(world, "charge.dispute.funds_reinstated", row)
    events.emit(world, "charge.dispute.closed", row, previous)


def warn_of_fraud(world: World, charge: Obj, fraud_type: str) -> Obj:
    """Let the issuer warn early of fraud on a charge."""
    row = world.add(shape.early_fraud_warning(world, charge, fraud_type))
    events.emit(world, "radar.early_fraud_warning.created", row)
    return row
