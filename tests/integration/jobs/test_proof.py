"""The daily walk along the chain: its head goes to the log, a flaw stops charging."""

from tests.integration.jobs.conftest import Bench
from worker.domain.facts import Fact
from worker.jobs.table import prepare, run_job


def append(bench: Bench, *subjects: str) -> None:
    """Write facts."""
    now = bench.app.begin_run()
    facts = [Fact("case.opened", subject, now, "") for subject in subjects]
    with bench.app.ledger.begin() as tx:
        tx.facts.append(facts, wall_now=now)


def charging(bench: Bench) -> tuple[bool, str]:
    """Return whether it charges, and why not."""
    with bench.app.ledger.begin() as tx:
        control = tx.control.read()
    assert control is not None
    return control.charging, control.stop_cause


def test_the_head_of_all_facts_goes_to_the_log(bench: Bench) -> None:
    prepare(bench.app)
    append(bench, "C-1", "C-2")
    run_job(bench.app, "seal")
    append(bench, "C-3")
    run_job(bench.app, "audit")
    (line,) = bench.said("audit.head")
    assert (line["level"], line["position"], line["waiting"]) == ("info", 3, 0)
    assert len(line["hash"]) == 64
    assert charging(bench) == (True, "")


def test_a_fact_that_was_altered_stops_charging_and_says_where(bench: Bench) -> None:
    prepare(bench.app)
    append(bench, "C-1", "C-2")
    run_job(bench.app, "seal")
    with bench.app.ledger.connection() as connection:
        connection.exec_driver_sql("UPDATE events SET subject = 'C-9' WHERE subject = 'C-2'")
    run_job(bench.app, "audit")
    (line,) = bench.said("audit.broken")
    assert (line["level"], line["position"]) == ("error", 2)
    assert "was altered" in line["reason"]
    assert bench.said("audit.head") == []
    assert charging(bench) == (False, "invariant")


def test_what_people_have_looked_into_stops_charging_no_second_time(bench: Bench) -> None:
    prepare(bench.app)
    append(bench, "C-1", "C-2", "C-3")
    run_job(bench.app, "seal")
    for subject in ("C-3", "C-2"):
        with bench.app.ledger.connection() as connection:
            alter = "UPDATE events SET subject = 'C-9' WHERE subject = %(subject)s"
            connection.exec_driver_sql(alter, {"subject": subject})
        run_job(bench.app, "audit")
        assert charging(bench) == (False, "invariant")
        with bench.app.ledger.begin() as tx:
            assert tx.control.go(by="jo", now=bench.app.begin_run()) is not None
        run_job(bench.app, "audit")
        assert charging(bench) == (True, "")
    assert [line["position"] for line in bench.said("audit.broken")] == [3, 3, 2, 2]
