"""Business time: what decides what is due (architecture.md D14)."""

from datetime import datetime

from worker.ports import Clock, Ledger, StripeGateway


def business_now(*, ledger: Ledger, clock: Clock) -> datetime:
    """Return the test clock's frozen time where one is followed, else the host's; aware UTC.

    Read once per job run and passed down.
    """
    with ledger.begin() as tx:
        control = tx.control.read()
    if control is not None and control.business_at is not None:
        return control.business_at
    return clock.wall_now()


def follow_test_clock(*, ledger: Ledger, stripe: StripeGateway, clock: Clock) -> datetime | None:
    """Mirror STRIPE_TEST_CLOCK's frozen time into the ledger and return it.

    Returns None while the clock advances: the old time then stays in force.
    """
    frozen_at = stripe.test_clock_now()
    if frozen_at is None:
        return None
    with ledger.begin() as tx:
        tx.control.set_business_time(frozen_at, wall_now=clock.wall_now())
    return frozen_at
