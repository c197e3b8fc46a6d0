"""Learn what prices come to whose amounts subscriptions do not show, before facts are told.

Events show of a price with tiers, or in another of its currencies, nothing that can be counted.
"""

from collections.abc import Iterable

from worker.domain.tiers import PriceAmount, PriceWanted
from worker.errors import GatewayRejected
from worker.ports import JobLog, Ledger, StripeGateway

GONE = 404


def learn_prices(*, ledger: Ledger, stripe: StripeGateway, log: JobLog) -> None:
    """Read the prices that unfolded events need and nothing has told of.

    Raises: GatewayUnavailable: the next run asks again; GatewayRejected: a right is missing
    (operator). Facts wait meanwhile rather than be wrong.
    """
    with ledger.begin() as tx:
        wanted = tx.prices.wanted_by_events()
    read_prices(wanted, ledger=ledger, stripe=stripe, log=log)


def read_prices(
    wanted: Iterable[PriceWanted], *, ledger: Ledger, stripe: StripeGateway, log: JobLog
) -> None:
    """Read those that are not known; one that Stripe does not have counts nothing, and is said.

    Raises: GatewayUnavailable, GatewayRejected: as `learn_prices`.
    """
    with ledger.begin() as tx:
        unknown = tx.prices.unknown(wanted)
    found = [_amount(stripe, each) for each in unknown]
    if not found:
        return
    with ledger.begin() as tx:
        tx.prices.put(found)
    lost = [each.price_id for each in found if not each.tiers]
    if lost:
        log.warning(
            "price.gone",
            count=len(lost),
            reason=", ".join(lost),
            do="none; MRR is without the subscriptions to these prices: count them by hand",
        )


def _amount(stripe: StripeGateway, wanted: PriceWanted) -> PriceAmount:
    try:
        return stripe.read_price(wanted)
    except GatewayRejected as refused:
        if refused.status != GONE:
            raise
        return PriceAmount(wanted.price_id, wanted.currency)
