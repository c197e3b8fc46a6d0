"""The one row that all obey, the jobs that are due, and who is alive."""

from datetime import datetime, timedelta

from tests.integration.store.building import DAY, MINUTE, NOW, WALL, at_once
from worker.ports import Control
from worker.store.ledger import PostgresLedger


def create(ledger: PostgresLedger, *, charging: bool = True) -> None:
    """Write the first control row."""
    with ledger.begin() as tx:
        cause = "" if charging else "not armed"
        tx.control.create(charging=charging, go_live_at=NOW, cause=cause, live=False)


def read(ledger: PostgresLedger) -> Control:
    """Return the control row."""
    with ledger.begin() as tx:
        found = tx.control.read()
    assert found is not None
    return found


def stop(ledger: PostgresLedger, cause: str = "switch") -> bool:
    """Stop the service."""
    with ledger.begin() as tx:
        return tx.control.stop(cause=cause, detail="why", by="jo", now=NOW)


def go(ledger: PostgresLedger) -> Control | None:
    """Start it again."""
    with ledger.begin() as tx:
        return tx.control.go(by="jo", now=NOW)


def test_a_fresh_ledger_has_no_control_row(ledger: PostgresLedger) -> None:
    with ledger.begin() as tx:
        assert tx.control.read() is None
        assert tx.control.go(by="jo", now=NOW) is None
        assert not tx.control.stop(cause="switch", detail="", by="jo", now=NOW)


def test_the_first_control_row_stays(ledger: PostgresLedger) -> None:
    create(ledger, charging=False)
    create(ledger, charging=True)
    found = read(ledger)
    assert (found.charging, found.stop_cause, found.stopped_at) == (False, "not armed", NOW)


def test_of_eight_processes_that_begin_at_once_one_writes_the_row(ledger: PostgresLedger) -> None:
    at_once(8, lambda number: create(ledger, charging=number % 2 == 0))
    with ledger.connection() as connection:
        assert connection.exec_driver_sql("SELECT count(*) FROM control").scalar_one() == 1


def test_the_first_cause_of_a_stop_stays(ledger: PostgresLedger) -> None:
    create(ledger)
    assert stop(ledger)
    assert not stop(ledger, "breaker")
    assert (read(ledger).charging, read(ledger).stop_cause) == (False, "switch")


def test_go_returns_what_was_stopped(ledger: PostgresLedger) -> None:
    create(ledger)
    assert go(ledger) is None
    stop(ledger)
    before = go(ledger)
    assert before is not None
    assert (before.stopped_at, before.stop_cause) == (NOW, "switch")
    after = read(ledger)
    assert (after.charging, after.stopped_at, after.stop_cause) == (True, None, "")


def test_of_eight_starts_at_once_one_moves_the_waiting_steps(ledger: PostgresLedger) -> None:
    create(ledger)
    stop(ledger)
    assert len([row for row in at_once(8, lambda _: go(ledger)) if row is not None]) == 1


def test_business_time_never_goes_back(ledger: PostgresLedger) -> None:
    create(ledger)
    assert read(ledger).business_at is None
    for at in (NOW, NOW + DAY, NOW, NOW + MINUTE):
        with ledger.begin() as tx:
            tx.control.set_business_time(at, wall_now=WALL)
    assert read(ledger).business_at == NOW + DAY


def test_cursors_are_told_apart_by_name(ledger: PostgresLedger) -> None:
    with ledger.begin() as tx:
        assert tx.control.cursor("events") is None
        tx.control.set_cursor("events", NOW)
        tx.control.set_cursor("facts", NOW - DAY)
        tx.control.set_cursor("events", NOW + MINUTE)
        assert tx.control.cursor("events") == NOW + MINUTE
        assert tx.control.cursor("facts") == NOW - DAY


def test_a_cursor_never_goes_back(ledger: PostgresLedger) -> None:
    with ledger.begin() as tx:
        tx.control.set_cursor("events", NOW)
        tx.control.set_cursor("events", NOW - DAY)
        assert tx.control.cursor("events") == NOW


def test_a_policy_is_kept_under_its_digest(ledger: PostgresLedger) -> None:
    with ledger.begin() as tx:
        tx.control.put_policy("d1", {"name": "monthly"}, wall_now=WALL)
        tx.control.put_policy("d1", {"name": "changed"}, wall_now=WALL)
        assert tx.control.policy("d1") == {"name": "monthly"}
        assert tx.control.policy("d2") is None


def test_a_job_is_due_from_its_instant_until_it_starts(ledger: PostgresLedger) -> None:
    with ledger.begin() as tx:
        tx.jobs.ensure("sweep", first_due_at=NOW)
        tx.jobs.ensure("sweep", first_due_at=NOW - DAY)
        tx.jobs.ensure("summary", first_due_at=NOW)
        assert tx.jobs.due(["sweep", "unheard_of"], now=NOW - MINUTE) == []
        assert tx.jobs.due(["sweep", "unheard_of"], now=NOW) == ["sweep"]
        tx.jobs.started("sweep", next_due_at=NOW + MINUTE, wall_now=WALL)
        assert tx.jobs.due(["sweep"], now=NOW) == []
        assert tx.jobs.due(["sweep", "summary"], now=NOW + MINUTE) == ["summary", "sweep"]


def test_of_eight_schedulers_at_once_one_starts_the_job(ledger: PostgresLedger) -> None:
    with ledger.begin() as tx:
        tx.jobs.ensure("summary", first_due_at=NOW)

    def start(_: int) -> int:
        with ledger.begin() as tx:
            found = tx.jobs.due(["summary"], now=NOW)
            for name in found:
                tx.jobs.started(name, next_due_at=NOW + DAY, wall_now=WALL)
        return len(found)

    assert sum(at_once(8, start)) == 1


def test_ringing_makes_a_job_due_and_never_later(ledger: PostgresLedger) -> None:
    with ledger.begin() as tx:
        tx.jobs.ensure("summary", first_due_at=NOW + DAY)
        tx.jobs.ring("summary", at=NOW)
        assert tx.jobs.due(["summary"], now=NOW) == ["summary"]
        tx.jobs.ring("summary", at=NOW + DAY)
        assert tx.jobs.due(["summary"], now=NOW) == ["summary"]


def take(ledger: PostgresLedger, process: str, wall_now: datetime = WALL) -> bool:
    """Begin a run of `sweep` for 90 seconds."""
    with ledger.begin() as tx:
        until = wall_now + timedelta(seconds=90)
        return tx.jobs.take("sweep", process=process, wall_now=wall_now, until=until)


def test_a_job_runs_in_one_place_at_a_time(ledger: PostgresLedger) -> None:
    with ledger.begin() as tx:
        tx.jobs.ensure("sweep", first_due_at=NOW)
    assert at_once(8, lambda number: take(ledger, f"worker-{number}")).count(True) == 1
    with ledger.begin() as tx:
        tx.jobs.ended("sweep", outcome="ok", wall_now=WALL)
    assert take(ledger, "worker-9")


def test_a_run_of_a_dead_process_ends_with_its_lease(ledger: PostgresLedger) -> None:
    with ledger.begin() as tx:
        tx.jobs.ensure("sweep", first_due_at=NOW)
    assert take(ledger, "worker-1")
    assert not take(ledger, "worker-2", WALL + MINUTE)
    with ledger.begin() as tx:
        tx.jobs.keep("worker-1", until=WALL + 5 * MINUTE)
        tx.jobs.keep("worker-2", until=WALL + 50 * MINUTE)
    assert not take(ledger, "worker-2", WALL + 4 * MINUTE)
    assert take(ledger, "worker-2", WALL + 6 * MINUTE)


def lost(ledger: PostgresLedger, wall_now: datetime) -> list[str]:
    """Return what was lost, a minute being long enough."""
    with ledger.begin() as tx:
        return tx.jobs.take_lost(started_before=wall_now - MINUTE, wall_now=wall_now)


def test_a_started_job_that_never_began_is_found(ledger: PostgresLedger) -> None:
    with ledger.begin() as tx:
        tx.jobs.ensure("sweep", first_due_at=NOW)
        tx.jobs.ensure("summary", first_due_at=NOW)
    assert lost(ledger, WALL) == []
    with ledger.begin() as tx:
        tx.jobs.started("sweep", next_due_at=NOW + DAY, wall_now=WALL)
    assert lost(ledger, WALL + MINUTE) == []
    assert lost(ledger, WALL + 2 * MINUTE) == ["sweep"]
    assert lost(ledger, WALL + 2 * MINUTE) == []
    assert take(ledger, "worker-1", WALL + 2 * MINUTE)
    assert lost(ledger, WALL + 3.5 * MINUTE) == []
    assert lost(ledger, WALL + 4 * MINUTE) == ["sweep"]
    with ledger.begin() as tx:
        tx.jobs.ended("sweep", outcome="ok", wall_now=WALL + 5 * MINUTE)
    assert lost(ledger, WALL + 60 * MINUTE) == []


def test_an_outward_job_runs_once_per_period(ledger: PostgresLedger) -> None:
    def once(period: str) -> bool:
        with ledger.begin() as tx:
            return tx.jobs.once("summary", period, now=NOW)

    assert at_once(8, lambda _: once("2026-12-01")).count(True) == 1
    assert once("2026-12-02")
    assert not once("2026-12-01")


def test_processes_live_as_long_as_they_beat(ledger: PostgresLedger) -> None:
    with ledger.begin() as tx:
        tx.jobs.beat("worker-a-1", wall_now=WALL - 4 * MINUTE, config_digest="d1")
        tx.jobs.beat("scheduler-a-2", wall_now=WALL, config_digest="d1")
        assert tx.jobs.alive(since=WALL - 3 * MINUTE) == {"scheduler-a-2": "d1"}
        tx.jobs.beat("worker-a-1", wall_now=WALL + timedelta(seconds=1), config_digest="d2")
        assert tx.jobs.alive(since=WALL) == {"scheduler-a-2": "d1", "worker-a-1": "d2"}
