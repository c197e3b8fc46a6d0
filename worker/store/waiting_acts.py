"""What people asked of a case and nobody answered yet, read with whatever else a look asks."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, cast

from sqlalchemy import ScalarSelect, bindparam, func, select
from sqlalchemy.dialects.postgresql import JSONB

from worker.domain.case import Approval, CloseRequest, RetryRequest, question_from
from worker.store.tables import operator_acts

RETRY = "retry"
CLOSE = "close"
APPROVE = "approve"


@dataclass(frozen=True, slots=True)
class WaitingActs:
    """The oldest wish of each kind that waits for a case's next look."""

    retry: RetryRequest | None = None
    close: CloseRequest | None = None
    approval: Approval | None = None


def waiting_acts() -> ScalarSelect[Any]:
    """Return the waiting acts on the case `case` as one JSON array, for a query that asks more."""
    found = func.jsonb_agg(func.to_jsonb(operator_acts.table_valued()), type_=JSONB)
    waits = (operator_acts.c.case_id == bindparam("case"), operator_acts.c.answered_at.is_(None))
    return select(found).where(*waits).scalar_subquery()


def waiting_acts_from_json(rows: object) -> WaitingActs:
    """Return what `waiting_acts` found."""
    found = cast(Sequence[Mapping[str, Any]], rows or ())
    newest_first = sorted(found, key=lambda row: row["id"], reverse=True)
    of_kind = {row["act"]: row for row in newest_first}
    retry, close, approval = of_kind.get(RETRY), of_kind.get(CLOSE), of_kind.get(APPROVE)
    return WaitingActs(
        retry=_retry(retry) if retry else None,
        close=CloseRequest(close["by"], close["reason"]) if close else None,
        approval=_approval(approval) if approval else None,
    )


def _retry(row: Mapping[str, Any]) -> RetryRequest:
    return RetryRequest(row["id"], row["by"], row["reason"], datetime.fromisoformat(row["at"]))


def _approval(row: Mapping[str, Any]) -> Approval:
    return Approval(row["id"], row["by"], question_from(row["detail"]))
