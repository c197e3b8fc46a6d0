"""Stop charging where the charges of the last minutes look wrong (reliability.md 4)."""

from datetime import datetime

from worker.domain.breaker import RECENT, Trip, unknown_answers, unusual_outcomes
from worker.domain.policy import BreakerLimits
from worker.ports import Clock, JobLog, Ledger, Tx
from worker.services.stop_charging import stop_charging


def trip_breaker(
    *, ledger: Ledger, clock: Clock, log: JobLog, limits: BreakerLimits, now: datetime
) -> bool:
    """Return whether charging was stopped just now, having said why.

    What was sent before a person said `go` counts no more: they have looked at it.
    """
    wall_now = clock.wall_now()
    with ledger.begin() as tx:
        control = tx.control.read()
        if control is None or not control.charging:
            return False
        since = max(now - RECENT, control.resumed_at or now - RECENT)
        trip = _trip(tx, limits, since=since, now=now)
        stopped = trip is not None and stop_charging(
            tx, cause=trip.cause, detail=trip.said, now=now, wall_now=wall_now
        )
        waiting = tx.cases.counts(now=now)["due"] if stopped else 0
    if trip is None or not stopped:
        return False
    log.error(
        "charging.stopped",
        cause=trip.cause,
        seen=trip.seen,
        of=trip.of,
        limit=trip.limit,
        waiting=waiting,
        business_at=now,
        do="dunning status; cure the cause, then dunning go --by --reason",
    )
    return True


def _trip(tx: Tx, limits: BreakerLimits, *, since: datetime, now: datetime) -> Trip | None:
    recent = tx.attempts.charges_since(since)
    if recent.sent < limits.charges_min:
        return None
    unknown = unknown_answers(recent, limits)
    if unknown is not None:
        return unknown
    history = tx.attempts.charges_before(since, codes=recent.codes)
    return unusual_outcomes(recent, history, limits, now=now)
