"""What became of charges, counted: the last minutes and what was usual before."""

from collections.abc import Iterable
from datetime import datetime

from sqlalchemy import ColumnElement, Connection, and_, func, select

from worker.domain.breaker import MEAN_OVER, MEMORY, History, Recent
from worker.domain.case import AttemptKind, AttemptState
from worker.domain.policy import DeclineClass
from worker.store.tables import attempts

_SUCCEEDED = attempts.c.state == AttemptState.SUCCEEDED.value
_DECLINED_BY_WILL = and_(
    attempts.c.state == AttemptState.DECLINED.value,
    attempts.c.decline_class != DeclineClass.TECHNICAL.value,
)


def recent_charges(connection: Connection, account_id: str, since: datetime) -> Recent:
    """Return what became of the charges sent since an instant, as the breaker asks."""
    sent = _charges(account_id, since)
    rows = connection.execute(
        select(
            attempts.c.decline_code,
            func.count(),
            func.count().filter(attempts.c.unknown_at.isnot(None)),
            func.count().filter(_SUCCEEDED),
            func.count().filter(_DECLINED_BY_WILL),
        )
        .where(sent)
        .group_by(attempts.c.decline_code)
    ).all()
    return Recent(
        sent=sum(row[1] for row in rows),
        unknown=sum(row[2] for row in rows),
        succeeded=sum(row[3] for row in rows),
        declined=sum(row[4] for row in rows),
        codes={row[0]: row[4] for row in rows if row[0] and row[4]},
    )


def charges_before(
    connection: Connection, account_id: str, at: datetime, *, codes: Iterable[str]
) -> History:
    """Return the charges of the 30 days before an instant, and which of *codes* they had."""
    before = and_(_charges(account_id, at - MEMORY), attempts.c.sent_at <= at)
    week = attempts.c.sent_at > at - MEAN_OVER
    sent, succeeded, declined = connection.execute(
        select(
            func.count(),
            func.count().filter(week, _SUCCEEDED),
            func.count().filter(week, _DECLINED_BY_WILL),
        ).where(before)
    ).one()
    seen = connection.execute(
        select(attempts.c.decline_code)
        .where(before, attempts.c.decline_code.in_(sorted(codes)))
        .distinct()
    ).scalars()
    began_at = connection.execute(
        select(func.min(attempts.c.sent_at)).where(
            attempts.c.account_id == account_id, attempts.c.kind == AttemptKind.CHARGE.value
        )
    ).scalar_one_or_none()
    return History(began_at, sent, frozenset(seen), succeeded, declined)


def _charges(account_id: str, since: datetime) -> ColumnElement[bool]:
    return and_(
        attempts.c.account_id == account_id,
        attempts.c.kind == AttemptKind.CHARGE.value,
        attempts.c.sent_at > since,
    )
