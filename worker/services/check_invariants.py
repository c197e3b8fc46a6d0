"""Check the ledger's promises; a broken one is an error in the log and stops charging."""

from datetime import datetime

from worker.ports import Clock, JobLog, Ledger
from worker.services.stop_charging import stop_charging


def check_invariants(*, ledger: Ledger, clock: Clock, log: JobLog, now: datetime) -> int:
    """Return how many promises are broken, having said so and stopped charging if there are any."""
    wall_now = clock.wall_now()
    with ledger.begin() as tx:
        counts = tx.control.broken_promises(wall_now=wall_now)
        failed = {name: count for name, count in counts.items() if count}
        if failed:
            detail = ", ".join(sorted(failed))
            stop_charging(tx, cause="invariant", detail=detail, now=now, wall_now=wall_now)
    for name, count in sorted(failed.items()):
        log.error(
            "invariant.broken",
            invariant=name,
            count=count,
            do="do not dunning go; report it with the log",
        )
    if not failed:
        log.info("invariants", checked=len(counts), of=len(counts), business_at=now)
    return len(failed)
