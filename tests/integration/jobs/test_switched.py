"""Who stopped charging by hand stands in the job log of whoever runs, once."""

from tests.integration.jobs.conftest import Bench
from worker.jobs.table import prepare, run_job
from worker.services.operate import go, stop
from worker.services.stop_charging import stop_charging

WHY = "Blue Studio's lawyer rang"


def switch(bench: Bench, *acts: str, by: str = "jo") -> None:
    """Let a person stop or go, one after the other, as their command does: without any log."""
    app, act = bench.app, {"stop": stop, "go": go}
    for name in acts:
        now = app.begin_run()
        act[name](ledger=app.ledger, clock=app.clock, now=now, by=by, reason=WHY)


def test_a_stop_by_hand_is_told_once_by_whichever_process_looks_first(bench: Bench) -> None:
    prepare(bench.app)
    other = bench.with_environ(LOG_FORMAT="json")
    run_job(bench.app, "due_cases")
    assert bench.said("charging.stopped") == []
    switch(bench, "stop")
    for app in (other, bench.app, other):
        run_job(app, "due_cases")
    (line,) = bench.said("charging.stopped")
    assert (line["level"], line["cause"], line["by"]) == ("warn", "switch", "jo")
    assert "dunning status" in line["do"]
    assert bench.said("charging.resumed") == []
    switch(bench, "go", by="kim")
    for app in (bench.app, other):
        run_job(app, "due_cases")
    (line,) = bench.said("charging.resumed")
    assert (line["level"], line["cause"], line["by"]) == ("info", "switch", "kim")
    assert len(bench.said("charging.stopped")) == 1
    assert "Blue Studio" not in bench.stream.getvalue(), "what people type is erasable"


def test_a_heartbeat_tells_it_too_where_no_case_is_looked_for(bench: Bench) -> None:
    prepare(bench.app)
    switch(bench, "stop")
    for _ in range(2):
        run_job(bench.app, "heartbeat")
    said = [line["event"] for line in bench.lines if line["event"] != "config.taken"]
    assert said == ["charging.stopped", "heartbeat", "heartbeat"]


def test_what_was_stopped_and_started_between_two_looks_is_told_in_order(bench: Bench) -> None:
    prepare(bench.app)
    switch(bench, "stop", "go")
    run_job(bench.app, "due_cases")
    said = [line["event"] for line in bench.lines if line["event"].startswith("charging.")]
    assert said == ["charging.stopped", "charging.resumed"]


def test_a_stop_of_the_workers_own_is_left_to_its_own_line(bench: Bench) -> None:
    prepare(bench.app)
    now = bench.app.begin_run()
    with bench.app.ledger.begin() as tx:
        assert stop_charging(tx, cause="invariant", detail="x", now=now, wall_now=now)
    run_job(bench.app, "due_cases")
    assert bench.said("charging.stopped") == []
    switch(bench, "go")
    run_job(bench.app, "due_cases")
    (line,) = bench.said("charging.resumed")
    assert (line["cause"], line["by"]) == ("invariant", "jo")
