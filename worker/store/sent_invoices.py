"""Cases of invoices that are paid by hand, before their due date: nothing is wrong yet."""

from datetime import datetime

from sqlalchemy import ColumnElement, and_

from worker.domain.case import CaseState
from worker.store.tables import cases


def not_due(now: datetime) -> ColumnElement[bool]:
    """Return whether a case is open and its invoice not due at *now*, business time; never null."""
    is_open = cases.c.state == CaseState.OPEN.value
    return and_(is_open, cases.c.due_at.is_not(None), cases.c.due_at > now)
