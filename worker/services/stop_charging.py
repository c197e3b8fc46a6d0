"""Turn the switch off, with the fact that says so."""

from datetime import datetime

from worker.domain.facts import Fact
from worker.domain.staff_words import StaffWords
from worker.ports import Tx

GRAVITY = {"invariant": 2, "foreign_key": 1}
"""Causes that outrank a stop for any other: whoever says `go` must read of them first."""
WORKER = "worker"
"""Who stops where no person does."""


def stop_charging(
    tx: Tx,
    *,
    cause: str,
    detail: str,
    now: datetime,
    wall_now: datetime,
    by: str = WORKER,
) -> bool:
    """Stop charges, letters and endings; False where they were stopped already.

    A graver cause than the one that holds takes its place; since when it holds stays.

    Args: cause: one word, `switch`, `foreign_key` or `invariant`; by: who, where it is a person.
    """
    stopped = tx.control.stop(cause=cause, detail=detail, by=by, now=now)
    if stopped:
        reason = detail if by == WORKER else StaffWords(detail)
        data = {"cause": cause, "by": by, "reason": reason}
        fact = Fact("charging.stopped", "account", now, now.isoformat(), data)
        tx.facts.append([fact], wall_now=wall_now)
        return True
    control = tx.control.read()
    held = GRAVITY.get(control.stop_cause, 0) if control is not None else 0
    if GRAVITY.get(cause, 0) > held:
        tx.control.restate(cause=cause, detail=detail)
    return False
