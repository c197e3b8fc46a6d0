"""A day's plan kept for the days after it, and how a later plan differs from the last one."""

from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from worker.domain.kept_plan import (
    Change,
    Deed,
    KeptPlan,
    News,
    NewsItem,
    plan_changes,
    planned_act,
)
from worker.office.plan import Plan
from worker.store.kept_plans import read_kept_plan
from worker.store.ledger import PostgresLedger
from worker.store.reading import snapshot
from worker.store.reading_news import SERVICE, read_deeds, read_news

DAYS_AHEAD = 8
"""A kept plan reaches over a whole week to come, so that two of them share seven days."""

NEW_CONFIGURATION = "another configuration"


@dataclass(frozen=True, slots=True)
class Since:
    """How a plan differs from the last one of an earlier day."""

    plan_day: date
    made_at: datetime
    yesterday: bool
    """Whether that is the day before; else none was kept in between."""
    done: int
    """Acts of that plan that were done since."""
    changes: tuple[Change, ...]


def kept_until(now: datetime, zone: ZoneInfo) -> datetime:
    """Return the office midnight until which a plan made at *now* is kept."""
    day = now.astimezone(zone).date() + timedelta(days=DAYS_AHEAD)
    return datetime.combine(day, time.min, zone)


def kept_plan_of(plan: Plan) -> KeptPlan:
    """Return what is kept of *plan*."""
    return KeptPlan(
        day=plan.made_at.astimezone(plan.office.zone).date(),
        made_at=plan.made_at,
        until=plan.until,
        config_digest=plan.office.digest,
        acts=tuple(planned_act(row.planned) for row in plan.rows),
    )


def read_since(ledger: PostgresLedger, plan: Plan) -> Since | None:
    """Return how *plan* differs from the last one kept, or None where none is."""
    account, today = ledger.account_id, plan.made_at.astimezone(plan.office.zone).date()
    with snapshot(ledger) as connection:
        before = read_kept_plan(connection, account, before=today)
        if before is None:
            return None
        news = read_news(connection, account, since=before.made_at)
        deeds = read_deeds(connection, account, since=before.made_at)
    return since_of(before, plan, deeds=deeds, news=news)


def since_of(before: KeptPlan, plan: Plan, *, deeds: list[Deed], news: News) -> Since:
    """Return how *plan* differs from *before*, each difference with its reason."""
    if before.config_digest != plan.office.digest:
        changed = NewsItem(plan.made_at, NEW_CONFIGURATION, SERVICE)
        news = News(news.of_cases, (*news.of_service, changed))
    today = plan.made_at.astimezone(plan.office.zone).date()
    done, changes = plan_changes(
        before,
        (planned_act(row.planned) for row in plan.rows),
        deeds=deeds,
        news=news,
        now=plan.made_at,
        until=min(before.until, plan.until),
    )
    return Since(
        plan_day=before.day,
        made_at=before.made_at,
        yesterday=today - before.day == timedelta(days=1),
        done=done,
        changes=tuple(changes),
    )
