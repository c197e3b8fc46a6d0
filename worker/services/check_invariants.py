"""Check the ledger's promises; a broken one is an error in the log and stops charging.

Most runs look at what moved since the last one, the first of each day at everything. What a person
has seen and answered with `go` is counted on, and stops nothing again.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta

from worker.domain.policy import Configuration
from worker.domain.promises import PROMISES, Breach, breaches_of, counts_of
from worker.ports import Clock, JobLog, Ledger, Span, Tx
from worker.services.check_limits import broken_limits
from worker.services.stop_charging import stop_charging

CURSOR = "invariants"
OVERLAP = timedelta(hours=1)
"""Every check begins this long before the last one: a commit bears the time its run began at."""
NAMED = 5
"""How many subjects a line names; the count is of all."""


@dataclass(frozen=True, slots=True)
class Checked:
    """What one check came to."""

    breaches: tuple[Breach, ...]
    fresh: tuple[Breach, ...]
    """Those that no person has answered yet."""
    whole: bool
    """Whether it looked at everything."""


def check_invariants(
    *,
    ledger: Ledger,
    clock: Clock,
    log: JobLog,
    configuration: Configuration,
    now: datetime,
    whole: bool = False,
) -> Checked:
    """Return what is broken, having said so and stopped charging where it must.

    Args: whole: look at everything, also where that was done today.
    """
    began = clock.monotonic_seconds()
    with ledger.begin() as tx:
        checked = _check(tx, configuration, now=now, wall_now=clock.wall_now(), whole=whole)
    stopping = [each for each in checked.fresh if each.promise.stops]
    if stopping:
        _stop(stopping, ledger=ledger, clock=clock, now=now)
    for breach in checked.fresh:
        log.error(
            "invariant.broken",
            invariant=breach.promise.name,
            promise=breach.promise.of,
            count=len(breach.subjects),
            cases=list(breach.subjects[:NAMED]),
            reason=f"promised: {breach.promise.says}",
            do="do not dunning go; report it with the log"
            if breach.promise.stops
            else "dunning status; look at the worker processes and at the queue",
        )
    log.info(
        "invariants",
        checked=len(PROMISES),
        counts=counts_of(checked.breaches),
        known=len(checked.breaches) - len(checked.fresh),
        whole=checked.whole,
        ms=int((clock.monotonic_seconds() - began) * 1000),
        business_at=now,
    )
    return checked


def _check(
    tx: Tx, configuration: Configuration, *, now: datetime, wall_now: datetime, whole: bool
) -> Checked:
    daily = tx.jobs.once(CURSOR, f"{now:%Y-%m-%d}", now=now)
    checked_at = tx.control.cursor(CURSOR)
    since = None if whole or daily or checked_at is None else checked_at - OVERLAP
    found = tx.promises.broken(Span(since, now, wall_now))
    found |= broken_limits(tx, configuration, since=since, now=now)
    tx.control.set_cursor(CURSOR, now)
    breaches = breaches_of(found)
    fresh = tuple(each for each in breaches if _is_fresh(tx, each, now))
    return Checked(tuple(breaches), fresh, since is None)


def _is_fresh(tx: Tx, breach: Breach, now: datetime) -> bool:
    """Return whether something in it was found after a person last let charging go on."""
    found_at = tx.promises.first_found(breach.promise.name, breach.subjects, now=now)
    control = tx.control.read()
    answered_at = control.resumed_at if control is not None else None
    return answered_at is None or any(at > answered_at for at in found_at)


def _stop(broken: list[Breach], *, ledger: Ledger, clock: Clock, now: datetime) -> None:
    """Stop charging, with the wall time of this moment: the check itself may take a while."""
    named = [f"{each.promise.name}: {', '.join(each.subjects[:NAMED])}" for each in broken]
    detail = "; ".join(named)
    with ledger.begin() as tx:
        wall_now = clock.wall_now()
        stop_charging(tx, cause="invariant", detail=detail, now=now, wall_now=wall_now)
