"""A person holds cases, or lets them go on; the worker stands them down and up again by itself.

From the commit on nothing new is charged, written or ended: the worker asks for holds in the
commit before each of these. A hold needs no case yet: those to come find it.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from worker.domain.case import Case, CaseState
from worker.domain.holds import HeldBy, HoldScope
from worker.ports import Ledger, NewHold, Tx
from worker.services.bulk_run import take_part
from worker.services.operate import require_who_and_why

HOLD = "hold"
RELEASE = "release"

Target = tuple[HoldScope, str]


@dataclass(frozen=True, slots=True)
class Held:
    """What putting a hold came to."""

    number: int | None
    """None where a hold of the same kind is in force there already: nothing was written."""
    case_ids: tuple[int, ...]
    """The cases that stand still because of it and are not closed."""


@dataclass(frozen=True, slots=True)
class Released:
    """What releasing came to."""

    ended: tuple[HeldBy, ...]
    """Oldest first; empty: there was nothing to release."""
    wider: tuple[HeldBy, ...]
    """Holds by metadata that still keep one of the cases still: they are on others as well."""


def put_hold(new: NewHold, *, ledger: Ledger, now: datetime, run: int | None = None) -> Held:
    """Put a hold, record who and why with each of its cases, and make them due.

    Args: run: the act on many cases that this is part of; the hold is then on a case.
    Raises: UsageError: no who or no why.
    """
    require_who_and_why(new.by, new.reason)
    with ledger.begin() as tx:
        concerned = tx.holds.concerned(new.scope, new.target)
        tx.cases.wake(now=now, case_ids=concerned)  # locks them before the hold is looked for
        for case_id in concerned:
            take_part(tx, run, case_id)
        found = tuple(case.id for case in _unfinished(tx, concerned))
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
            tx.acts.record(
                case_id, HOLD, by=new.by, reason=new.reason, detail=detail, now=now, run=run
            )
    return Held(number, found)


def release_holds(
    case_ids: Sequence[int],
    *,
    ledger: Ledger,
    now: datetime,
    by: str,
    reason: str,
    targets: Sequence[Target] = (),
    run: int | None = None,
) -> Released:
    """Release every hold that keeps one of the cases still, and those on *targets*.

    A hold of a customer lets all their cases go on; one by metadata is released only as a target.
    Args: run: the act on many cases that this is part of. Raises: UsageError: no who or no why.
    """
    require_who_and_why(by, reason)
    with ledger.begin() as tx:
        ends = {
            hold.id: hold
            for scope, target in targets
            for hold in tx.holds.on_target(scope, target, now=now)
        }
        wider: dict[int, HeldBy] = {}
        for case in _unfinished(tx, case_ids):
            for hold in tx.holds.of_case(case):
                if hold.in_force(now) and hold.id not in ends:
                    found = wider if hold.scope is HoldScope.METADATA else ends
                    found[hold.id] = hold
        # All cases are locked at once, by id: also those that the holds keep still besides.
        others = set().union(*(_concerned(tx, hold) for hold in ends.values())) - set(case_ids)
        tx.cases.wake(now=now, case_ids={*case_ids, *others})
        for case_id in case_ids:
            take_part(tx, run, case_id)
        if not ends:
            return Released((), tuple(wider.values()))
        tx.holds.release(sorted(ends), by=by, reason=reason, now=now)
        detail = {"holds": sorted(ends)}
        for case in _unfinished(tx, sorted({*case_ids, *others})):
            part_of = run if case.id in case_ids else None
            tx.acts.record(
                case.id, RELEASE, by=by, reason=reason, detail=detail, now=now, run=part_of
            )
    return Released(tuple(ends[number] for number in sorted(ends)), tuple(wider.values()))


def _concerned(tx: Tx, hold: HeldBy) -> set[int]:
    return set(tx.holds.concerned(hold.scope, hold.target))


def _unfinished(tx: Tx, case_ids: Sequence[int]) -> list[Case]:
    found = [tx.cases.load(case_id) for case_id in sorted(case_ids)]
    return [case for case in found if case is not None and case.state is not CaseState.CLOSED]
