"""The daily addition of facts: its line in the log."""

from tests.integration.jobs.conftest import Bench
from worker.domain.facts import Fact
from worker.jobs.table import prepare, run_job


def test_days_are_added_up_and_a_difference_is_an_error(bench: Bench) -> None:
    prepare(bench.app)
    now = bench.app.begin_run()
    told = {"customer_id": "cus_1", "currency": "eur", "mrr_minor": 900, "mrr_delta_minor": 900}
    with bench.app.ledger.begin() as tx:
        tx.facts.append([Fact("subscription.started", "sub_1", now, "", told)], wall_now=now)
    run_job(bench.app, "figures")
    (line,) = bench.said("figures")
    assert (line["level"], line["days"], line["differences"]) == ("info", 1, 0)
    with bench.app.ledger.connection() as connection:
        connection.exec_driver_sql("UPDATE metric_days SET count = 2")
    run_job(bench.app, "figures")
    line = bench.said("figures")[-1]
    assert (line["level"], line["days"], line["differences"]) == ("error", 0, 1)
    assert line["reason"].endswith(" eur mrr_new")
