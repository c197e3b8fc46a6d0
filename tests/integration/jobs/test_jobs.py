"""Scheduled jobs in this process: names, outcomes, a fresh ledger, a ledger of somebody else."""

from datetime import UTC, datetime, timedelta

import pytest

from tests.integration.jobs.conftest import Bench
from worker.bootstrap import App
from worker.domain.job_times import BUSINESS_JOBS, WALL_JOBS
from worker.errors import ConfigError, GatewayUnavailable
from worker.jobs.table import JOBS, prepare, ring_lost_jobs, run_job

FROZEN = datetime.fromtimestamp(1_796_112_000, UTC)


def outcome(app: App, name: str) -> str | None:
    """Return how the last run of a job ended."""
    with app.ledger.connection() as connection:
        query = "SELECT last_outcome FROM jobs WHERE name = %(name)s"
        found: str | None = connection.exec_driver_sql(query, {"name": name}).scalar_one_or_none()
    return found


def test_every_scheduled_name_has_its_job_and_its_time(bench: Bench) -> None:
    assert set(JOBS) == {*WALL_JOBS, *BUSINESS_JOBS} == set(bench.app.configuration.schedule)


def test_a_fresh_ledger_is_begun_once(bench: Bench) -> None:
    app = bench.app
    prepare(app)
    with app.ledger.begin() as tx:
        first = tx.control.read()
        assert first is not None
        assert (first.charging, first.go_live_at, first.business_at) == (True, FROZEN, FROZEN)
        tx.control.stop(cause="switch", detail="", by="jo", now=FROZEN)
    prepare(app)
    with app.ledger.begin() as tx:
        again = tx.control.read()
        assert again is not None
        assert (again.charging, again.go_live_at) == (False, FROZEN)
        assert tx.jobs.due(list(BUSINESS_JOBS), now=FROZEN) == sorted(BUSINESS_JOBS)


@pytest.mark.parametrize("name", sorted(JOBS))
def test_every_job_runs_on_a_fresh_ledger(bench: Bench, name: str) -> None:
    prepare(bench.app)
    run_job(bench.app, name)
    assert outcome(bench.app, name) == "ok"
    assert [line for line in bench.lines if line["level"] in ("warn", "error")] == []


def test_an_unknown_job_is_said_and_dropped(bench: Bench) -> None:
    prepare(bench.app)
    run_job(bench.app, "of_a_later_release")
    (line,) = bench.said("job.unknown")
    assert (line["level"], line["job"]) == ("warn", "of_a_later_release")
    assert outcome(bench.app, "of_a_later_release") is None


def test_a_job_while_stripe_is_away_is_due_again_by_itself(bench: Bench) -> None:
    prepare(bench.app)
    away = bench.with_environ(STRIPE_API_BASE="http://127.0.0.1:9")
    run_job(away, "read_stripe")
    assert outcome(bench.app, "read_stripe") == "unavailable"
    (line,) = bench.said("stripe.unavailable")
    assert line["job"] == "read_stripe"


def test_a_job_that_breaks_is_recorded_as_failed(bench: Bench) -> None:
    prepare(bench.app)
    change = "ALTER TABLE letters ALTER lease_until TYPE {0} USING lease_until::{0}"
    with bench.app.ledger.connection() as connection:
        connection.exec_driver_sql(change.format("text"))
    try:
        with pytest.raises(Exception, match="operator does not exist"):
            run_job(bench.app, "deliver_letters")
    finally:
        with bench.app.ledger.connection() as connection:
            connection.exec_driver_sql(change.format("timestamptz"))
    assert outcome(bench.app, "deliver_letters") == "failed"


def test_a_job_that_still_runs_is_left_alone(bench: Bench) -> None:
    app = bench.app
    prepare(app)
    now = app.clock.wall_now()
    with app.ledger.begin() as tx:
        later = now + timedelta(minutes=1)
        assert tx.jobs.take("sweep", process="worker-other-1", wall_now=now, until=later)
    run_job(app, "sweep")
    assert (outcome(app, "sweep"), bench.said("sweep")) == ("", [])
    assert [line["job"] for line in bench.said("job.busy")] == ["sweep"]


def test_a_beat_keeps_the_jobs_of_its_process(bench: Bench) -> None:
    app = bench.app
    prepare(app)
    now = app.clock.wall_now()
    with app.ledger.begin() as tx:
        tx.jobs.take("sweep", process=app.process_name, wall_now=now, until=now)
    app.beat()
    run_job(bench.with_environ(), "sweep")
    assert len(bench.said("job.busy")) == 1


def test_a_job_whose_message_was_lost_is_rung_for_again(bench: Bench) -> None:
    app = bench.app
    prepare(app)
    now = app.clock.wall_now()
    with app.ledger.begin() as tx:
        long_ago = now - timedelta(minutes=2)
        tx.jobs.started("summary", next_due_at=now + timedelta(days=1), wall_now=long_ago)
    assert ring_lost_jobs(app) == ["summary"]
    assert app.doorbell.waiting() == 1
    assert ring_lost_jobs(app) == []


def test_another_account_of_the_key_is_refused(bench: Bench) -> None:
    prepare(bench.app)
    with bench.app.ledger.connection() as connection:
        for table in ("control", "jobs"):
            connection.exec_driver_sql(f"UPDATE {table} SET account_id = 'acct_other'")
    other = bench.with_environ()
    with pytest.raises(ConfigError, match="STRIPE_API_KEY belongs to acct_1Sandbox"):
        prepare(other)


def test_a_ledger_on_a_test_clock_needs_it_for_ever(bench: Bench) -> None:
    prepare(bench.app)
    other = bench.with_environ(STRIPE_TEST_CLOCK="")
    with pytest.raises(ConfigError, match="STRIPE_TEST_CLOCK is not set"):
        prepare(other)


def test_stripe_away_does_not_stop_a_known_ledger(bench: Bench) -> None:
    app = bench.with_environ(STRIPE_TEST_CLOCK="")
    prepare(app)
    away = bench.with_environ(STRIPE_TEST_CLOCK="", STRIPE_API_BASE="http://127.0.0.1:9")
    prepare(away)
    with pytest.raises(GatewayUnavailable):
        away.account_of_key()
    with away.ledger.begin() as tx:
        assert tx.control.read() is not None
