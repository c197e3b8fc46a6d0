"""By how much later a case's undone steps fall: time that was stopped, each moment counted once.

A case may stand still for reasons of its own (a hold, a dispute, a pause) while everything is
stopped. What lies within the stop is counted when that ends; only the rest when the case goes on.
"""

from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, Connection, func, literal, select

from worker.store.tables import cases, control

NO_TIME = literal(timedelta())


def stop_in_force(connection: Connection, account_id: str) -> datetime | None:
    """Return since when everything is stopped, or None; nobody starts again before the commit."""
    query = select(control.c.stopped_at).where(
        control.c.account_id == account_id, control.c.charging.is_(False)
    )
    return connection.execute(query.with_for_update(read=True)).scalar_one_or_none()


def after_stop(*, now: datetime, stopped_at: datetime) -> ColumnElement[timedelta]:
    """Return the shift of a case once a stop is over.

    Of one that stands still, what came after that is counted when it goes on.
    """
    until = func.coalesce(cases.c.stood_down_at, now)
    return cases.c.shift + func.greatest(
        until - func.greatest(cases.c.opened_at, stopped_at), NO_TIME
    )


def going_on(*, now: datetime, stopped_at: datetime | None) -> ColumnElement[timedelta]:
    """Return the shift of a case that stood still, or was closed, and goes on.

    Args: stopped_at: since when everything is stopped, where it is.
    """
    since = func.coalesce(cases.c.stood_down_at, cases.c.closed_at, now)
    return cases.c.shift + func.greatest(_counted_until(now, stopped_at) - since, NO_TIME)


def counting_anew(*, now: datetime, stopped_at: datetime | None) -> ColumnElement[timedelta]:
    """Return the shift of a reopened case whose timeline counts from now on."""
    until = func.greatest(_counted_until(now, stopped_at), cases.c.opened_at)
    return until - func.coalesce(cases.c.due_at, cases.c.failed_at)


def _counted_until(now: datetime, stopped_at: datetime | None) -> ColumnElement[datetime]:
    return literal(now if stopped_at is None else min(now, stopped_at))
