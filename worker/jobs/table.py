"""What each scheduled job does; the names are frozen, since rows and messages carry them."""

from collections.abc import Callable
from datetime import datetime, timedelta

from worker.bootstrap import ACCOUNT_UNNAMED, JOB_LEASE, App
from worker.domain.metrics_rules import DEFAULTS
from worker.errors import ConfigError, GatewayUnavailable, ServiceUnavailable
from worker.jobs.boundary import Boundary
from worker.jobs.comparison import compare, fold
from worker.jobs.figures import add_up_days
from worker.jobs.office import keep_plan, send_daily_mail, send_staff_mails
from worker.jobs.proof import audit, retention, seal
from worker.jobs.sinks import publish
from worker.jobs.switched import say_who_switched
from worker.ports import Control
from worker.services.backfill import backfill, begin_ledger, needs_backfill
from worker.services.business_time import mirror_business_time
from worker.services.case_turn import FEED_LAG_MAX
from worker.services.check_invariants import check_invariants
from worker.services.find_due import find_due_cases, find_due_letters
from worker.services.keep_configuration import FIRST, keep_first
from worker.services.read_feed import CURSOR, position_of_feed, read_feed
from worker.services.run_schedule import ensure_jobs
from worker.services.scan_calendar import scan_calendar
from worker.services.summarise import oldest_late_seconds, summarise
from worker.services.sweep import sweep
from worker.services.tie_out import tie_out
from worker.services.trip_breaker import trip_breaker

Job = Callable[[App, datetime], None]

LOST_AFTER = timedelta(minutes=1)
"""A job that was rung for so long ago and did not begin has lost its message."""


def read_stripe(app: App, now: datetime) -> None:
    """Backfill where needed, read events, fold facts, and follow the test clock, if there is one.

    The clock's new time is mirrored last: nobody works on an hour whose events are not known yet.
    """
    frozen_at = app.stripe.test_clock_now() if app.environment.stripe_test_clock else None
    now = frozen_at or now
    position = position_of_feed(app.ledger)
    if needs_backfill(position, now=now):
        backfill(
            ledger=app.ledger,
            stripe=app.stripe,
            reader=app.reader,
            log=app.log,
            clock=app.clock,
            rules=app.configuration.dunning,
            api_version=app.api_version,
            now=now,
        )
        position = position_of_feed(app.ledger)
    began = app.clock.monotonic_seconds()
    run = read_feed(
        position,
        ledger=app.ledger,
        stripe=app.stripe,
        reader=app.reader,
        log=app.log,
        clock=app.clock,
        configuration=app.configuration,
        now=now,
        test_clock=app.environment.stripe_test_clock or "",
    )
    fold(app)
    if frozen_at is not None:
        mirror_business_time(frozen_at, ledger=app.ledger, clock=app.clock)
    write = app.log.info if run.events else app.log.debug
    write(
        "read_stripe",
        events=run.events,
        opened=len(run.opened),
        cases=list(run.opened),
        parked=run.parked,
        past=run.before_go_live,
        ms=_took_ms(app, began),
        business_at=now,
    )


def due_cases(app: App, now: datetime) -> None:
    """Ring for every due case, unless the last charges look so wrong that charging stops."""
    trip_breaker(
        ledger=app.ledger,
        clock=app.clock,
        log=app.log,
        limits=app.configuration.dunning.limits.breaker,
        now=now,
    )
    say_who_switched(app, now)
    began = app.clock.monotonic_seconds()
    found = find_due_cases(ledger=app.ledger, doorbell=app.doorbell, clock=app.clock, now=now)
    said = {"found": found.count, "queue": found.waiting}
    if not found.count:  # as mostly; how late what waits is, every heartbeat says
        app.log.debug("due_cases", **said, ms=_took_ms(app, began), business_at=now)
        return
    said["oldest_late_s"] = oldest_late_seconds(ledger=app.ledger, now=now)
    app.log.info("due_cases", **said, ms=_took_ms(app, began), business_at=now)


def deliver_letters(app: App, now: datetime) -> None:
    """Ring for every letter that may go out now."""
    found = find_due_letters(ledger=app.ledger, doorbell=app.doorbell, clock=app.clock, now=now)
    write = app.log.info if found.count else app.log.debug
    write("deliver_letters", found=found.count, queue=found.waiting, business_at=now)


def renewals_cards_trials(app: App, now: datetime) -> None:
    """Queue calendar letters."""
    queued = scan_calendar(ports=app.case_ports, now=now)
    write = app.log.info if queued else app.log.debug
    write("calendar", letters=queued, business_at=now)


def sweep_up(app: App, now: datetime) -> None:
    """Take up what a stopped process left."""
    swept = sweep(ports=app.case_ports, now=now)
    write = app.log.info if swept.anything else app.log.debug
    write("sweep", unknown=swept.letters_unknown, checked=swept.refreshed, business_at=now)


def heartbeat(app: App, now: datetime) -> None:
    """Say once a minute how much waits and how late, and who switched charging off or on."""
    say_who_switched(app, now)
    with app.ledger.begin() as tx:
        control, read_at = tx.control.read(), tx.control.cursor(CURSOR)
    lag_seconds = int((now - read_at).total_seconds()) if read_at is not None else -1
    charging = "yes" if control is not None and control.charging else "no"
    if control is not None and not control.charging:
        charging = control.stop_cause or "no"
    if lag_seconds > FEED_LAG_MAX.total_seconds():
        app.log.warning(
            "feed.behind",
            feed_lag_s=lag_seconds,
            do="look at Stripe's status page; charges wait until the feed has caught up",
        )
    app.log.info(
        "heartbeat",
        oldest_late_s=oldest_late_seconds(ledger=app.ledger, now=now),
        feed_lag_s=lag_seconds,
        charging=charging,
        business_at=now,
    )


def invariants(app: App, now: datetime) -> None:
    """Check the ledger's promises."""
    check_invariants(
        ledger=app.ledger,
        clock=app.clock,
        log=app.log,
        configuration=app.configuration,
        now=now,
    )


def check_revenue(app: App, now: datetime) -> None:
    """Check that the facts of revenue tie out."""
    rules = app.configuration.dunning.metrics or DEFAULTS
    tie_out(ledger=app.ledger, log=app.log, rules=rules, now=now)


def daily_summary(app: App, now: datetime) -> None:
    """Write the day's line."""
    summarise(ports=app.case_ports, now=now)


JOBS: dict[str, Job] = {
    "read_stripe": read_stripe,
    "due_cases": due_cases,
    "deliver_letters": deliver_letters,
    "renewals_cards_trials": renewals_cards_trials,
    "sweep": sweep_up,
    "reconcile": compare,
    "heartbeat": heartbeat,
    "invariants": invariants,
    "summary": daily_summary,
    "plan": keep_plan,
    "daily_mail": send_daily_mail,
    "staff_mail": send_staff_mails,
    "seal": seal,
    "audit": audit,
    "figures": add_up_days,
    "retention": retention,
    "sinks": publish,
    "tie_out": check_revenue,
}


def run_job(app: App, name: str, boundary: Boundary | None = None) -> None:
    """Run the job called *name* and record how it ended; an unknown name is logged and dropped."""
    boundary = boundary or Boundary(app.log, app.clock)
    job = JOBS.get(name)
    if job is None:
        app.log.warning("job.unknown", job=name, do="none: an older or newer release sent it")
        return
    wall_now = app.clock.wall_now()
    with app.ledger.begin() as tx:
        ours = tx.jobs.take(
            name, process=app.process_name, wall_now=wall_now, until=wall_now + JOB_LEASE
        )
        control = tx.control.read()
    if not ours:  # a long run goes on; whatever it leaves is found by the next one
        app.log.debug("job.busy", job=name)
        return
    now = app.begin_with(control)
    outcome = "failed"
    try:
        job(app, now)
        outcome = "ok"
    except ServiceUnavailable as away:  # passing: the job is due again by itself
        outcome = "unavailable"
        boundary.say_away(name, away)
    finally:
        with app.ledger.begin() as tx:
            tx.jobs.ended(name, outcome=outcome, wall_now=app.clock.wall_now())


def ring_lost_jobs(app: App) -> list[str]:
    """Ring again for jobs whose message or process was lost, and return their names.

    A daily job that lost its one message would otherwise wait for another day.
    """
    wall_now = app.clock.wall_now()
    with app.ledger.begin() as tx:
        lost = tx.jobs.take_lost(started_before=wall_now - LOST_AFTER, wall_now=wall_now)
    for name in lost:
        app.doorbell.run_job(name)
    return lost


def prepare(app: App) -> None:
    """Write what a fresh ledger needs: control row, configuration, job rows; an old one keeps
    them."""
    app.sinks  # noqa: B018 (a broken sinks.yaml is told before anything runs)
    frozen_at = app.stripe.test_clock_now() if app.environment.stripe_test_clock else None
    now = frozen_at or app.clock.wall_now()
    begin_ledger(
        ledger=app.ledger,
        clock=app.clock,
        configuration=app.configuration,
        live_key=app.environment.stripe_key_is_live,
        now=now,
    )
    if app.directory is not None:
        if keep_first(app.directory.files, app.configuration, ledger=app.ledger, now=now):
            app.version_no = FIRST
        app.begin_run()
    with app.ledger.begin() as tx:
        control = tx.control.read()
    if control is not None:
        refuse_foreign_ledger(app, control)
    if frozen_at is not None and control is not None and control.business_at is None:
        mirror_business_time(frozen_at, ledger=app.ledger, clock=app.clock)
    ensure_jobs(ledger=app.ledger, clock=app.clock, now=now)


def refuse_foreign_ledger(app: App, control: Control) -> None:
    """Refuse to work where key and ledger do not belong together. Raises: ConfigError: operator."""
    environment = app.environment
    problems = []
    if control.live != environment.stripe_key_is_live:
        mode = "live" if control.live else "test"
        problems.append(
            f"STRIPE_API_KEY: this ledger holds {mode} data and the key is of the other mode; "
            "use another database (DATABASE_URL) or the key that belongs to it."
        )
    if control.business_at is not None and not environment.stripe_test_clock:
        problems.append(
            "STRIPE_TEST_CLOCK is not set, but this ledger follows a test clock; set it, or use "
            "another database (DATABASE_URL)."
        )
    try:
        account_id = app.account_of_key()
    except GatewayUnavailable:  # away: then nothing is charged, and the next boot asks again
        account_id = ACCOUNT_UNNAMED
    told = ACCOUNT_UNNAMED not in {account_id, app.ledger.account_id}
    if told and account_id != app.ledger.account_id:
        problems.append(
            f"STRIPE_API_KEY belongs to {account_id}, this ledger to {app.ledger.account_id}; "
            "use another database (DATABASE_URL) or the key that belongs to it."
        )
    if problems:
        raise ConfigError(*problems)


def _took_ms(app: App, began: float) -> int:
    return int((app.clock.monotonic_seconds() - began) * 1000)
