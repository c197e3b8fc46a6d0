"""Business time: what decides what is due (architecture.md D14)."""

from datetime import datetime

from worker.ports import Clock, Control, Ledger


def business_now(*, ledger: Ledger, clock: Clock) -> datetime:
    """Return the test clock's frozen time where one is followed, else the host's; aware UTC.

    Read once per job run and passed down.
    """
    with ledger.begin() as tx:
        control = tx.control.read()
    return business_time_of(control, clock)


def business_time_of(control: Control | None, clock: Clock) -> datetime:
    """Return the same where the control row was just read."""
    if control is not None and control.business_at is not None:
        return control.business_at
    return clock.wall_now()


def mirror_business_time(frozen_at: datetime, *, ledger: Ledger, clock: Clock) -> None:
    """Make the test clock's frozen time the business time of every process."""
    with ledger.begin() as tx:
        tx.control.set_business_time(frozen_at, wall_now=clock.wall_now())
