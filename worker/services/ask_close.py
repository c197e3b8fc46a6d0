"""A person wishes a case closed: recorded for the worker, which closes it at its next look.

Stripe's invoice and subscription stay as they are. From this commit on no new charge or ending
begins; what Stripe may be working on already is settled first.
"""

from datetime import datetime

from worker.domain.case import CaseState
from worker.domain.identifiers import case_name
from worker.errors import UsageError
from worker.ports import Ledger
from worker.services.bulk_run import take_part
from worker.services.operate import require_who_and_why


def ask_close(
    case_id: int,
    *,
    ledger: Ledger,
    now: datetime,
    by: str,
    reason: str,
    run: int | None = None,
) -> None:
    """Record the wish and make the case due.

    Args: run: the act on many cases that this is part of. Raises: UsageError: no who or no why,
    the case is closed, or the wish waits already.
    """
    require_who_and_why(by, reason)
    name = case_name(case_id)
    with ledger.begin() as tx:
        tx.cases.wake(now=now, case_ids=[case_id])
        take_part(tx, run, case_id)
        case = tx.cases.load(case_id)
        if case is None or case.state is CaseState.CLOSED:
            raise UsageError(f"Refused: {name} is closed.")
        if tx.acts.ask_close(case_id, by=by, reason=reason, now=now, run=run) is None:
            raise UsageError(f"Refused: {name} is to be closed already; it waits for the worker.")
