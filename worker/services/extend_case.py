"""A person gives a case more time: what is undone and the ending move later."""

from datetime import datetime, timedelta

from worker.domain.case import CaseState
from worker.domain.identifiers import case_name
from worker.domain.staff_words import StaffWords
from worker.errors import UsageError
from worker.ports import Clock, Ledger
from worker.services.bulk_run import take_part
from worker.services.case_facts import case_fact
from worker.services.operate import require_who_and_why

EXTEND = "extend"
DAYS_MAX = 90
"""Who needs longer than a quarter of a year writes another policy or closes the invoice."""


def require_days(days: int) -> None:
    """Refuse a number of days that is out of range. Raises: UsageError."""
    if not 1 <= days <= DAYS_MAX:
        raise UsageError(f"Refused: --days {days} is not between 1 and {DAYS_MAX}.")


def extend_case(
    case_id: int,
    days: int,
    *,
    ledger: Ledger,
    clock: Clock,
    now: datetime,
    by: str,
    reason: str,
    run: int | None = None,
) -> None:
    """Move a case's undone steps and its ending later by *days*, and keep who and why.

    Args: run: the act on many cases that this is part of. Raises: UsageError: no who or why, the
    days are out of range, or the case is closed.
    """
    require_who_and_why(by, reason)
    require_days(days)
    with ledger.begin() as tx:
        tx.cases.move_later(case_id, by=timedelta(days=days), now=now)
        take_part(tx, run, case_id)  # nothing is written where it is not the first time
        case = tx.cases.load(case_id)
        if case is None or case.state is CaseState.CLOSED:
            raise UsageError(f"Refused: {case_name(case_id)} is closed.")  # nothing is written
        tx.acts.record(
            case_id, EXTEND, by=by, reason=reason, detail={"days": days}, now=now, run=run
        )
        said = StaffWords(f"{days} day{'s' if days > 1 else ''}, by {by}: {reason}")
        fact = case_fact(
            case,
            "case.extended",
            at=now,
            occasion=clock.wall_now().isoformat(),
            data={"days": days, "by": by, "reason": said},
        )
        tx.facts.append([fact], wall_now=clock.wall_now())
