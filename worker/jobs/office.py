"""The jobs that work for the office: the day's plan is kept."""

from datetime import datetime

from worker.bootstrap import App
from worker.office.charging import ALIVE_WITHIN, Charging, charging_of
from worker.office.plan import Plan, read_plan_of
from worker.office.since import kept_plan_of, kept_until
from worker.office.ways import office_of
from worker.store.reading import snapshot
from worker.store.reading_status import read_signs


def keep_plan(app: App, now: datetime) -> None:
    """Keep the plan of the office day of *now*, once.

    It may take long: reading is one short transaction, forecasting none, and a lost run leaves
    nothing behind.
    """
    began = app.clock.monotonic_seconds()
    office = office_of(app.configuration)
    day = now.astimezone(office.zone).date()
    with app.ledger.begin() as tx:
        if tx.plans.has(day):
            return
    plan = plan_at(app, now)
    kept = kept_plan_of(plan)
    with app.ledger.begin() as tx:
        tx.plans.keep(kept)
    app.log.info(
        "plan",
        planned=len(kept.acts),
        ms=int((app.clock.monotonic_seconds() - began) * 1000),
        business_at=now,
    )


def plan_at(app: App, now: datetime) -> Plan:
    """Return the plan of the days after *now* that is kept and mailed."""
    office, wall_now = office_of(app.configuration), app.clock.wall_now()
    return read_plan_of(
        app.ledger,
        office,
        charging_at(app, now),
        now=now,
        wall_now=wall_now,
        until=kept_until(now, office.zone),
    )


def charging_at(app: App, now: datetime) -> Charging:
    """Return whether charges are made at *now*, and if not, why."""
    with snapshot(app.ledger) as connection:
        signs = read_signs(
            connection,
            app.ledger.account_id,
            alive_since=app.clock.wall_now() - ALIVE_WITHIN,
        )
    if signs is None:
        return Charging(yes=True)
    return charging_of(signs, app.configuration.dunning.mode, now=now, runs=True)
