"""While a neighbour is away: how long what is due is left alone."""

from datetime import timedelta

from worker.ports import Control

AWAY_PAUSE = timedelta(seconds=45)
"""Wall time. The due scan would otherwise ring every two seconds for every case and letter."""


def away_pause(control: Control) -> timedelta:
    """Return for how long, in wall time, no scan rings for what could not be done now.

    A test clock stands still until everything due is done, so there nothing is put off.
    """
    return timedelta() if control.business_at is not None else AWAY_PAUSE
