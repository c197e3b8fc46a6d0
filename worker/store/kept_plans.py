"""Each office day's plan as it was made, for a month: what tomorrow's plan is compared with."""

from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from typing import Any

from sqlalchemy import Connection, RowMapping, delete, select
from sqlalchemy.dialects.postgresql import insert as upsert

from worker.domain.forecast_values import PlannedKind
from worker.domain.kept_plan import KeptPlan, PlannedAct
from worker.store.office_tables import kept_plans

KEPT_FOR = timedelta(days=35)


class KeptPlans:
    """The kept plans of one account, within one transaction (ports.PlanBook)."""

    def __init__(self, connection: Connection, account_id: str) -> None:
        """Work on *connection*, for *account_id*."""
        self._connection = connection
        self._account = account_id

    def has(self, day: date) -> bool:
        """Return whether the plan of that office day is kept."""
        query = select(kept_plans.c.day).where(
            kept_plans.c.account_id == self._account, kept_plans.c.day == day.isoformat()
        )
        return self._connection.execute(query).first() is not None

    def keep(self, plan: KeptPlan) -> bool:
        """Keep the plan of its day and drop those that are too old; False where one is kept."""
        self._connection.execute(
            delete(kept_plans).where(
                kept_plans.c.account_id == self._account,
                kept_plans.c.made_at < plan.made_at - KEPT_FOR,
            )
        )
        statement = (
            upsert(kept_plans)
            .values(
                account_id=self._account,
                day=plan.day.isoformat(),
                made_at=plan.made_at,
                until=plan.until,
                config_digest=plan.config_digest,
                acts=[_written(act) for act in plan.acts],
            )
            .on_conflict_do_nothing()
            .returning(kept_plans.c.day)
        )
        return self._connection.execute(statement).first() is not None


def read_kept_plan(connection: Connection, account_id: str, *, before: date) -> KeptPlan | None:
    """Return the newest plan of a day before *before*, or None where none is kept."""
    query = (
        select(kept_plans)
        .where(kept_plans.c.account_id == account_id, kept_plans.c.day < before.isoformat())
        .order_by(kept_plans.c.day.desc())
        .limit(1)
    )
    row = connection.execute(query).mappings().one_or_none()
    return _plan_of(row) if row is not None else None


def read_kept_plans(connection: Connection, account_id: str) -> list[KeptPlan]:
    """Return every plan that is kept, by day."""
    query = (
        select(kept_plans).where(kept_plans.c.account_id == account_id).order_by(kept_plans.c.day)
    )
    return [_plan_of(row) for row in connection.execute(query).mappings()]


def _written(act: PlannedAct) -> list[object]:
    """Return an act as one short list: a thousand cases have some five thousand of them."""
    return [
        act.case_id,
        act.kind.value,
        int(act.at.timestamp()),
        act.step,
        act.amount_minor,
        act.currency,
        act.rule,
        int(act.sure),
    ]


def _plan_of(row: RowMapping | Mapping[str, Any]) -> KeptPlan:
    return KeptPlan(
        day=date.fromisoformat(row["day"]),
        made_at=row["made_at"],
        until=row["until"],
        config_digest=row["config_digest"],
        acts=tuple(_act_of(written) for written in row["acts"]),
    )


def _act_of(written: Sequence[Any]) -> PlannedAct:
    case_id, kind, at, step, amount_minor, currency, rule, sure = written[:8]
    return PlannedAct(
        case_id,
        PlannedKind(kind),
        datetime.fromtimestamp(at, UTC),
        step,
        amount_minor,
        currency,
        rule,
        bool(sure),
    )
