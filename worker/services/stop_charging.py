"""Turn the switch off, with the fact that says so."""

from datetime import datetime

from worker.domain.facts import Fact
from worker.ports import Tx

GRAVITY = {"invariant": 2, "foreign_key": 1}
"""Causes that outrank a stop for any other: whoever says `go` must read of them first."""


def stop_charging(
    tx: Tx,
    *,
    cause: str,
    detail: str,
    now: datetime,
    wall_now: datetime,
    by: str = "worker",
) -> bool:
    """Stop charges, letters and endings; False where they were stopped already.

    A graver cause than the one that holds takes its place; since when it holds stays.

    Args: cause: one word, `switch`, `foreign_key` or `invariant`; by: who, where it is a person.
    """
    stopped = tx.control.stop(cause=cause, detail=detail, by=by, now=now)
    if stopped:
        data = {"cause": cause, "by": by, "reason": detail}
        fact = Fact("charging.stopped", "account", now, now.isoformat(), data)
        tx.facts.append([fact], wall_now=wall_now)
        return True
    control = tx.control.read()
    held = GRAVITY.get(control.stop_cause, 0) if control is not None else 0
    if GRAVITY.get(cause, 0) > held:
        tx.control.restate(cause=cause, detail=detail)
    return False
