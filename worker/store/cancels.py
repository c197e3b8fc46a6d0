"""Which cancels of ours are the ones that Stripe shows."""

from datetime import datetime

from sqlalchemy import BindParameter, ColumnElement, and_, func, or_, true

from worker.domain.case import AttemptKind
from worker.domain.engine_situation import ENDING_REST
from worker.store.tables import attempts, last_asked_at


def is_shown(canceled_at: BindParameter[datetime]) -> ColumnElement[bool]:
    """Return whether an attempt is a cancel, and the one that Stripe dates at *canceled_at*.

    A cancel for the period's end may have been undone, and the subscription end by now through
    somebody else's: Stripe tells when the cancel that it shows was asked for. Where it does not,
    every cancel of ours may be it.
    """
    in_time = func.coalesce(canceled_at <= last_asked_at + ENDING_REST, true())
    return or_(
        attempts.c.kind == AttemptKind.CANCEL.value,
        and_(attempts.c.kind == AttemptKind.CANCEL_AT_PERIOD_END.value, in_time),
    )
