"""Learn what taxes Stripe computes into prices, where no invoice's event told, before facts are.

Mostly an invoice's event told. What is older than the ledger is read here, once: of a subscription
whose latest invoice shows nothing it is known that it was asked, and the next invoice tells.
"""

from worker.domain.tax_shares import ALWAYS, TaxesShown
from worker.errors import GatewayRejected
from worker.ports import Ledger, StripeGateway

GONE = 404


def learn_taxes(*, ledger: Ledger, stripe: StripeGateway) -> None:
    """Read the latest invoices of subscriptions that unfolded events show to count.

    Raises: GatewayUnavailable: the next run asks again; GatewayRejected: a right is missing
    (operator). Facts wait meanwhile rather than be wrong.
    """
    with ledger.begin() as tx:
        unknown_on = tx.taxes.unknown_on()
    for subscription_id in unknown_on:
        shown = _taxes_of(stripe, subscription_id)
        with ledger.begin() as tx:
            tx.taxes.put([shown or TaxesShown(subscription_id, ALWAYS)])


def _taxes_of(stripe: StripeGateway, subscription_id: str) -> TaxesShown | None:
    try:
        return stripe.read_taxes(subscription_id)
    except GatewayRejected as refused:
        if refused.status != GONE:
            raise
        return None
