"""What a process says, and how it ends, where it cannot do its work."""

from collections.abc import Callable, Mapping

import pytest

from tests.integration.cli_run.service import Service
from tests.integration.gateway.scripted_stripe import Play, scripted_stripe
from worker import schedule
from worker.errors import ConfigError, GatewayUnavailable, ServiceUnavailable
from worker.jobs.launch import run_workers
from worker.store.migrate import newest

NOWHERE = "postgresql:///dunning?host=/nonexistent"
NO_REDIS = "unix:///nonexistent/valkey.sock?db=0"


def work(environ: Mapping[str, str]) -> int:
    """Run what `dunning work` runs, up to where it would start its processes."""
    return run_workers(environ, processes=1, threads=1)


PROCESSES = pytest.mark.parametrize("run", [work, schedule.run], ids=["work", "schedule"])
Run = Callable[[Mapping[str, str]], int]


@pytest.mark.parametrize(
    ("run", "needed"),
    [
        (work, ("DATABASE_URL", "REDIS_URL", "STRIPE_API_KEY", "SMTP_URL")),
        (schedule.run, ("DATABASE_URL", "REDIS_URL")),
    ],
)
def test_each_missing_variable_is_one_sentence(run: Run, needed: tuple[str, ...]) -> None:
    with pytest.raises(ConfigError) as caught:
        run({})
    assert [problem.split()[0] for problem in caught.value.problems] == list(needed)
    assert all("is not set; set it to something like" in one for one in caught.value.problems)


@PROCESSES
def test_a_database_that_is_away_is_one_sentence(service: Service, run: Run) -> None:
    with pytest.raises(ServiceUnavailable) as caught:
        run(service.environ | {"DATABASE_URL": NOWHERE})
    assert str(caught.value) == "The database does not answer. Check DATABASE_URL and the server."


@PROCESSES
def test_a_redis_that_is_away_is_one_sentence(service: Service, run: Run) -> None:
    with pytest.raises(ServiceUnavailable, match=r"^Redis \(REDIS_URL\) does not answer"):
        run(service.environ | {"REDIS_URL": NO_REDIS})


@PROCESSES
def test_a_database_without_tables_says_what_to_run(
    service: Service, database_url: str, run: Run
) -> None:
    with pytest.raises(ServiceUnavailable, match="no tables yet: run dunning migrate"):
        run(service.environ | {"DATABASE_URL": database_url})


def test_a_database_of_an_older_release_says_what_to_run(service: Service) -> None:
    service.execute("ALTER TABLE alembic_version RENAME TO other")
    try:
        with pytest.raises(ServiceUnavailable, match="of an older release: run dunning migrate"):
            work(service.environ)
    finally:
        service.execute("ALTER TABLE other RENAME TO alembic_version")


def test_a_key_that_stripe_does_not_know_begins_no_ledger(service: Service) -> None:
    error = {"error": {"type": "invalid_request_error", "message": "Invalid API Key provided"}}
    with scripted_stripe() as stripe:
        stripe.play(Play(401, error))
        with pytest.raises(ConfigError, match="Stripe does not know STRIPE_API_KEY"):
            work(service.environ | {"STRIPE_API_BASE": stripe.url})
    assert service.value("SELECT count(*) FROM control") == 0


def test_stripe_away_stops_a_first_start(service: Service) -> None:
    with pytest.raises(GatewayUnavailable):
        work(service.environ | {"STRIPE_API_BASE": "http://127.0.0.1:9"})
    assert service.value("SELECT count(*) FROM control") == 0


def test_a_wrong_setting_ends_with_2_and_shows_no_secret(service: Service) -> None:
    code, out, err = service.run(
        "work",
        DATABASE_URL="mysql://jo:hunter2@db/dunning",
        REDIS_URL="http://cache",
        STRIPE_API_KEY="pk_test_hunter2",
    )
    assert (code, out) == (2, "")
    assert len(err.splitlines()) == 3
    assert "STRIPE_API_KEY begins with pk_: that is a publishable key." in err
    assert "hunter2" not in err
    assert "Traceback" not in err


@pytest.mark.parametrize("command", ["migrate", "schedule", "work"])
def test_a_neighbour_that_is_away_ends_with_4(service: Service, command: str) -> None:
    code, out, err = service.run(command, DATABASE_URL=NOWHERE)
    assert (code, out) == (4, "")
    assert err == "The database does not answer. Check DATABASE_URL and the server.\n"


def test_migrating_again_says_the_same(service: Service) -> None:
    assert service.run("migrate") == (0, f"The database is at revision {newest()}.\n", "")


def test_a_worker_without_threads_is_refused(service: Service) -> None:
    code, out, err = service.run("work", "--threads", "0")
    assert (code, out) == (2, "")
    assert "--threads" in err


def test_a_worker_process_that_cannot_begin_ends_the_whole(service: Service) -> None:
    """As where the database goes away between the look around and the start."""
    program = (
        "import os, sys; from worker.jobs import launch; launch._look_around = lambda app: None;"
        "sys.exit(launch.run_workers(os.environ, processes=2, threads=1))"
    )
    ended = service.run_python(program, DATABASE_URL=NOWHERE)
    assert ended.process.returncode == 4
    assert {line["event"] for line in ended.lines} == {"job.failed", "library"}
    assert all("does not answer" in line["error"] for line in ended.said("job.failed"))
    assert ended.err.read_text() == ""
