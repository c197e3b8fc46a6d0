"""Learn what discounts take off before facts are told of whom they serve.

Events of subscriptions name discounts by id alone. Mostly an event told before which coupon that
is; what is older than the ledger, or came without one, is read from Stripe here.
"""

from collections.abc import Sequence

from worker.domain.readings import CouponReading, DiscountReading
from worker.errors import GatewayRejected
from worker.ports import JobLog, Ledger, StripeGateway

GONE = 404


def learn_discounts(*, ledger: Ledger, stripe: StripeGateway, log: JobLog) -> None:
    """Read the discounts and coupons that unfolded events need and nothing has told of.

    One that Stripe no longer has takes nothing off; it is said once.
    Raises: GatewayUnavailable: the next run asks again; GatewayRejected: a right is missing
    (operator). Facts wait meanwhile rather than be wrong.
    """
    with ledger.begin() as tx:
        unknown_on = tx.discounts.unknown_on()
    for subscription_id in unknown_on:
        found = _discounts_of(stripe, subscription_id)
        with ledger.begin() as tx:
            tx.discounts.put_discounts(found)
    with ledger.begin() as tx:
        lost = tx.discounts.unknown_in_events() if unknown_on else []
        tx.discounts.put_discounts([DiscountReading(each) for each in lost])
    lost += learn_coupons(ledger=ledger, stripe=stripe)
    if lost:
        log.warning(
            "discount.gone",
            count=len(lost),
            do="none; where MRR looks too high, look at the discounts of old subscriptions",
        )


def learn_coupons(*, ledger: Ledger, stripe: StripeGateway) -> list[str]:
    """Read the coupons that discounts give and nothing has told of; return those that are gone.

    Raises: GatewayUnavailable, GatewayRejected: as `learn_discounts`.
    """
    with ledger.begin() as tx:
        wanted = tx.discounts.coupons_to_read()
    read = {each: _coupon(stripe, each) for each in wanted}
    with ledger.begin() as tx:
        tx.discounts.put_coupons([found or CouponReading(name) for name, found in read.items()])
    return [name for name, found in read.items() if found is None]


def _discounts_of(stripe: StripeGateway, subscription_id: str) -> Sequence[DiscountReading]:
    try:
        return stripe.read_discounts(subscription_id)
    except GatewayRejected as refused:
        if refused.status != GONE:
            raise
        return ()


def _coupon(stripe: StripeGateway, coupon_id: str) -> CouponReading | None:
    try:
        return stripe.read_coupon(coupon_id)
    except GatewayRejected as refused:
        if refused.status != GONE:
            raise
        return None
