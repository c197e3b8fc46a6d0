"""What is kept of the views is what all facts say, whatever is told in whatever order."""

import pytest
from sqlalchemy import text

from tests.integration.metrics.stories import Stories
from tests.integration.metrics.telling import DECEMBER, NOVEMBER, Telling, at
from worker.domain.metric_groups import GroupBy
from worker.ports.days import RowDifference
from worker.store.metric_sources import VIEWS, read_sources
from worker.store.reading import snapshot

NOW = at(2, 1, year=2027)
GROUPS = (None, GroupBy("plan", "plan"), GroupBy("metadata.team", "metadata", "team"))


@pytest.mark.parametrize("seed", range(2))
def test_kept_rows_and_newer_facts_are_together_what_all_facts_say(
    telling: Telling, seed: int
) -> None:
    stories = Stories(telling, seed)
    for step in range(6):
        stories.tell(30)
        telling.write()
        period = (NOVEMBER, DECEMBER)[step % 2]
        assert telling.counts(period, GROUPS[step % 3], NOW).revenue != ()
        if step % 2 == 0:
            rolled = telling.roll_up()
            assert (rolled.days > 0, rolled.rows) == (True, ())
    with snapshot(telling.ledger) as connection:
        sources = read_sources(connection, telling.ledger.account_id)
    assert sources.behind is not None
    assert all(sources.behind.values())


def test_before_the_first_run_all_comes_from_the_facts(telling: Telling) -> None:
    telling.subscription("started", 1, at(11, 9), 700)
    telling.write()
    with snapshot(telling.ledger) as connection:
        assert read_sources(connection, telling.ledger.account_id) == VIEWS
    assert telling.counts(NOVEMBER, None, NOW).revenue[0].closing_minor == 700


@pytest.mark.parametrize(
    ("change", "differs"),
    [
        ("UPDATE kept_movements SET delta_minor = 701", RowDifference("movements", "cus_1")),
        ("DELETE FROM kept_renewals", RowDifference("renewals", "sub_1")),
        (
            "INSERT INTO kept_recoveries (account_id, case_name) VALUES ('acct_metrics', 'C-9')",
            RowDifference("recoveries", "C-9"),
        ),
    ],
)
def test_a_row_that_is_not_what_the_facts_say_is_named_and_cured(
    telling: Telling, change: str, differs: RowDifference
) -> None:
    telling.subscription("started", 1, at(11, 9), 700, period_end=at(12, 9).isoformat())
    telling.write()
    assert telling.roll_up().rows == ()
    with telling.ledger.connection() as connection:
        connection.execute(text(change))
    assert telling.roll_up().rows == (differs,)
    assert telling.roll_up().rows == ()
    assert telling.counts(NOVEMBER, None, NOW).revenue[0].closing_minor == 700
