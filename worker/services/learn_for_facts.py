"""Learn from Stripe what facts need that no event told: one look at the ledger, mostly in vain."""

from worker.ports import JobLog, Ledger, StripeGateway
from worker.services.learn_discounts import learn_discounts
from worker.services.learn_prices import learn_prices
from worker.services.learn_taxes import learn_taxes


def learn_for_facts(*, ledger: Ledger, stripe: StripeGateway, log: JobLog) -> None:
    """Read the discounts, coupons, prices and taxes that unfolded events need and nothing told of.

    Raises: GatewayUnavailable: the next run asks again; GatewayRejected: a right is missing
    (operator). Facts wait meanwhile rather than be wrong.
    """
    with ledger.begin() as tx:
        discounts = tx.discounts.unknown_on() or tx.discounts.coupons_to_read()
        prices = tx.prices.unknown(tx.prices.wanted_by_events())
        taxes = tx.taxes.unknown_on()
    if discounts:
        learn_discounts(ledger=ledger, stripe=stripe, log=log)
    if prices:
        learn_prices(ledger=ledger, stripe=stripe, log=log)
    if taxes:
        learn_taxes(ledger=ledger, stripe=stripe)
