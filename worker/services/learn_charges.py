"""Failed charges that the network ledger learns of by a read, before their events are listed."""

from datetime import datetime

from worker.domain.case import Attempt
from worker.domain.engine_outcomes import may_have_made
from worker.domain.readings import ChargeReading
from worker.errors import GatewayRejected
from worker.ports import Ledger, StripeGateway
from worker.services.case_turn import Turn

MOST_READ = 3
"""How many other invoices are read before a charge; more are hardly ever unread at once."""


def read_charge(
    charge_id: str,
    *,
    customer_id: str,
    ledger: Ledger,
    stripe: StripeGateway,
    read_at: datetime,
    in_flight: Attempt | None,
) -> ChargeReading | None:
    """Return a failed charge as the ledger knows it, or read it and let the ledger know.

    None where it is gone or not readable with this key. Args: read_at: business time; in_flight:
    a charge of ours without an outcome: where this may be it, only the event can tell.
    """
    with ledger.begin() as tx:
        known = tx.mirror.charge(charge_id)
    if known is not None:
        return known
    try:
        charge = stripe.read_charge(charge_id)
    except GatewayRejected:
        return None
    made_at, may_be_of = min(charge.created_at, read_at), ""
    method_id = charge.payment_method_id
    if in_flight is not None and may_have_made(
        in_flight, payment_method_id=method_id, made_at=made_at
    ):
        may_be_of = in_flight.key
    with ledger.begin() as tx:
        tx.mirror.put_charge(
            charge,
            customer_id=customer_id,
            at=made_at,
            made_by=None,
            now=read_at,
            may_be_of=may_be_of,
        )
    return charge


def learn_of_others(turn: Turn) -> bool:
    """Read the customer's other invoices that no look has read since Stripe told of them.

    Else a card that the bank has just stopped there would be charged here. Returns whether the
    network ledger knows more by now: then all is decided anew. Raises: GatewayUnavailable.
    """
    if turn.around.charge_in_flight_in is not None:  # then no charge begins
        return False
    return any(_learn_of(invoice_id, turn) for invoice_id in turn.around.unread_others[:MOST_READ])


def _learn_of(invoice_id: str, turn: Turn) -> bool:
    ports = turn.ports
    try:
        payment = ports.stripe.read_invoice(invoice_id).payment
    except GatewayRejected:
        return False
    if payment is None or payment.signals is None or not payment.latest_charge_id:
        return False
    with ports.ledger.begin() as tx:
        if tx.mirror.charge(payment.latest_charge_id) is not None:
            return False
    charge = read_charge(
        payment.latest_charge_id,
        customer_id=turn.case.customer_id,
        ledger=ports.ledger,
        stripe=ports.stripe,
        read_at=turn.by_now,
        in_flight=None,
    )
    return charge is not None
