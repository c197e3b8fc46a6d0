"""An attempt of ours that was declined, as a try of the card's network."""

from worker.domain.case import Attempt
from worker.domain.network_tries import MadeBy, NetworkTry
from worker.domain.readings import DeclineSignals, PaymentMethodReading


def declined_try(
    attempt: Attempt,
    method: PaymentMethodReading | None,
    *,
    debt: str,
    signals: DeclineSignals,
    charge_id: str,
) -> NetworkTry:
    """Return the try that the network ledger will know, once its event is read.

    Args: method: what was charged, as far as known; debt: what the networks count by.
    """
    return NetworkTry(
        at=attempt.sent_at,
        made_by=MadeBy.WORKER,
        payment_method_id=attempt.payment_method_id,
        fingerprint=method.fingerprint if method is not None else "",
        brand=method.brand if method is not None else "",
        payment_method_type=method.type if method is not None else "",
        country=method.country if method is not None else "",
        amount_minor=attempt.amount_minor,
        currency=attempt.currency,
        debt=debt,
        failed=True,
        signals=signals,
        charge_id=charge_id,
    )
