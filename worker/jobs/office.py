"""The jobs that work for the office: the day's plan is kept, staff gets its mails."""

from datetime import date, datetime, timedelta

from worker.bootstrap import App
from worker.domain.staff import DAILY_PLAN, AlertKind
from worker.jobs.tell_of_stops import tell_of_stops
from worker.office.alerts import TOGETHER, alert_mail, read_lines, read_occurrences
from worker.office.charging import ALIVE_WITHIN, Charging, charging_of
from worker.office.daily_mail import SATURDAY, daily_mail, previous_mail_day, read_morning
from worker.office.plan import Plan, read_plan_of
from worker.office.since import kept_plan_of, kept_until, read_since
from worker.office.staff_document import content_of
from worker.office.ways import office_of
from worker.office.words import OfficeWords
from worker.services.staff_mail import deliver_staff_mails, queue_staff_mail
from worker.store.reading import snapshot
from worker.store.reading_day import Told
from worker.store.reading_status import read_signs

RESULT_MAX = timedelta(days=31)
"""After a longer absence the mail tells of the last month only."""


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


def send_daily_mail(app: App, now: datetime) -> None:
    """Queue and send the mail of the office day of *now*, once; none on a day without one.

    A mail whose hour passed while nobody worked is still sent on its day; a day later it would
    tell of the past, and the next one tells of all days since the last.
    """
    rules = app.configuration.notices.staff
    daily = rules.daily_plan if rules is not None else None
    if daily is None:
        return
    local = now.astimezone(office_of(app.configuration).zone)
    day = local.date()
    if local.time() < daily.at or (daily.weekdays_only and day.weekday() >= SATURDAY):
        return
    occasion = f"{DAILY_PLAN} {day.isoformat()}"
    with app.ledger.begin() as tx:
        to = [each for each in daily.to if tx.staff.untold([occasion], to=each)]
        last_day = tx.jobs.last_period(DAILY_PLAN)
    if not to:
        return
    before = previous_mail_day(day, weekdays_only=daily.weekdays_only)
    if last_day and last_day < day.isoformat():
        before = max(date.fromisoformat(last_day), day - RESULT_MAX)
    plan = plan_at(app, now)
    morning = read_morning(app.ledger, plan, read_since(app.ledger, plan), result_from=before)
    content = content_of(daily_mail(morning))
    queue_staff_mail(
        DAILY_PLAN,
        to,
        [occasion],
        content,
        ledger=app.ledger,
        post=app.staff_post,
        clock=app.clock,
        useful_for=timedelta(hours=12),
    )
    with app.ledger.begin() as tx:
        tx.jobs.once(DAILY_PLAN, day.isoformat(), now=now)
    _deliver(app)


def send_staff_mails(app: App, now: datetime) -> None:
    """Queue what staff must be told at once, then send every mail to staff that waits."""
    rules = app.configuration.notices.staff
    if rules is None:
        return
    if rules.at_once is not None:
        if AlertKind.CHARGING_STOPPED in rules.at_once.kinds:
            tell_of_stops(app, rules.at_once.to, now)
        for kind, told in read_occurrences(app.ledger, rules.at_once.kinds, now=now).items():
            for address in rules.at_once.to:
                _tell(app, kind, told, address, now)
    _deliver(app)


def _tell(app: App, kind: AlertKind, told: list[Told], address: str, now: datetime) -> None:
    """Queue the mail about what *address* was not told of yet, unless one came a moment ago."""
    wall_now = app.clock.wall_now()
    with app.ledger.begin() as tx:
        untold = tx.staff.untold((each.occasion for each in told), to=address)
        last_at = tx.staff.last_queued_at(kind.value, to=address)
    gap = TOGETHER.get(kind)
    if not untold or (gap is not None and last_at is not None and wall_now - last_at < gap):
        return
    news = [each for each in told if each.occasion in untold]
    words = OfficeWords(office_of(app.configuration).zone, now)
    document = alert_mail(kind, news, read_lines(app.ledger, news), words)
    if document is None:
        return
    queue_staff_mail(
        kind.value,
        [address],
        untold,
        content_of(document),
        ledger=app.ledger,
        post=app.staff_post,
        clock=app.clock,
        useful_for=timedelta(hours=24),
    )


def _deliver(app: App) -> None:
    deliver_staff_mails(ledger=app.ledger, post=app.staff_post, clock=app.clock, log=app.log)
