"""Keys of our kind that this ledger never wrote: a second worker, or a restored backup (D6)."""

from collections.abc import Sequence
from datetime import datetime

from worker.ports import JobLog, Tx
from worker.services.stop_charging import stop_charging

NAMED = 5
"""How many keys a stop names."""


def stop_for_foreign_keys(
    tx: Tx, keys: Sequence[str], *, now: datetime, wall_now: datetime
) -> None:
    """Stop charging in the very commit that tells of the keys: no charge comes between."""
    named = ", ".join(keys[:NAMED]) + (f" and {len(keys) - NAMED} more" if keys[NAMED:] else "")
    stop_charging(tx, cause="foreign_key", detail=named, now=now, wall_now=wall_now)


def report_foreign_keys(
    log: JobLog, keys: Sequence[str], *, now: datetime, request_id: str = ""
) -> None:
    """Tell the people on call which keys, also where charging stood still before."""
    log.error(
        "foreign.key",
        cause="foreign_key",
        keys=list(keys[:NAMED]),
        count=len(keys),
        **({"request_id": request_id} if request_id else {}),
        business_at=now,
        do="restored a backup: dunning reconcile --rebuild; else stop the second worker; then go",
    )
