"""A person holds cases, or lets them go on; the worker stands them down and up again by itself.

From the commit on nothing new is charged, written or ended: the worker asks for holds in the
commit before each of these.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from worker.domain.case import Case, CaseState
from worker.domain.holds import HeldBy, HoldScope
from worker.ports import Ledger, NewHold, Tx
from worker.services.operate import require_who_and_why

HOLD = "hold"
RELEASE = "release"


@dataclass(frozen=True, slots=True)
class Held:
    """What putting a hold came to."""

    number: int | None
    """None where a hold of the same kind is in force there already: nothing was written."""
    case_ids: tuple[int, ...]
    """The cases that stand still because of it and are not closed."""


def put_hold(new: NewHold, case_ids: Sequence[int], *, ledger: Ledger, now: datetime) -> Held:
    """Put a hold, record who and why with each of its cases, and make them due.

    Args: case_ids: the cases that *new* concerns. Raises: UsageError: no who or no why.
    """
    require_who_and_why(new.by, new.reason)
    with ledger.begin() as tx:
        tx.cases.wake(now=now, case_ids=case_ids)  # locks them before the hold is looked for
        found = tuple(case.id for case in _unfinished(tx, case_ids))
        number = tx.holds.put(new, now=now)
        if number is None:
            return Held(None, found)
        detail = {
            "hold": number,
            "scope": new.scope.value,
            "kind": new.kind.value,
            "owner": new.owner,
            "until": new.until.isoformat() if new.until is not None else None,
        }
        for case_id in found:
            tx.acts.record(case_id, HOLD, by=new.by, reason=new.reason, detail=detail, now=now)
    return Held(number, found)


def release_holds(
    case_ids: Sequence[int], *, ledger: Ledger, now: datetime, by: str, reason: str
) -> tuple[HeldBy, ...]:
    """Release every hold that keeps one of the cases still, and return them, oldest first.

    A hold of a customer lets all their cases go on. Empty: nothing held them.
    Raises: UsageError: no who or no why.
    """
    require_who_and_why(by, reason)
    with ledger.begin() as tx:
        tx.cases.wake(now=now, case_ids=case_ids)
        cases = _unfinished(tx, case_ids)
        holds = {
            hold.id: hold for case in cases for hold in tx.holds.of_case(case) if hold.in_force(now)
        }
        if not holds:
            return ()
        tx.holds.release(sorted(holds), by=by, reason=reason, now=now)
        for case in cases:
            detail = {"holds": sorted(holds)}
            tx.acts.record(case.id, RELEASE, by=by, reason=reason, detail=detail, now=now)
        for hold in holds.values():
            _wake_others(tx, hold, cases, now)
    return tuple(holds[number] for number in sorted(holds))


def _unfinished(tx: Tx, case_ids: Sequence[int]) -> list[Case]:
    found = [tx.cases.load(case_id) for case_id in sorted(case_ids)]
    return [case for case in found if case is not None and case.state is not CaseState.CLOSED]


def _wake_others(tx: Tx, hold: HeldBy, cases: Sequence[Case], now: datetime) -> None:
    """Wake what else the hold kept still: it looks again at once instead of tomorrow."""
    if hold.scope in {HoldScope.CUSTOMER, HoldScope.CHARGE}:
        tx.cases.wake(now=now, customer_ids={case.customer_id for case in cases})
    elif hold.scope is HoldScope.SUBSCRIPTION:
        tx.cases.wake(now=now, subscription_ids=[hold.target])
