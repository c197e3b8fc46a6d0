"""What is kept of the views is what all facts say, whatever is told in whatever order."""

from datetime import datetime, timedelta
from random import Random
from typing import Any

import pytest
from sqlalchemy import text

from tests.integration.metrics.telling import DECEMBER, NOVEMBER, Telling, at
from worker.domain.metric_groups import GroupBy
from worker.ports.days import RowDifference
from worker.store.metric_sources import VIEWS, read_sources
from worker.store.reading import snapshot

NOW = at(2, 1, year=2027)
GROUPS = (None, GroupBy("plan", "plan"), GroupBy("metadata.team", "metadata", "team"))


class Stories:
    """Tells what happens to a few subscriptions, in any order of instants."""

    def __init__(self, telling: Telling, seed: int) -> None:
        """Draw from *seed*."""
        self.telling = telling
        self.draw = Random(seed)  # noqa: S311 (stories, no secrets)
        self.told: list[tuple[str, int, str]] = []
        self.cases: list[str] = []

    def tell(self, count: int) -> None:
        """Tell so many things."""
        for _ in range(count):
            number = self.draw.randrange(12)
            when = at(10, 1) + timedelta(hours=self.draw.randrange(24 * 90))
            self.draw.choice((self._changed, self._changed, self._renewed, self._case))(
                number, when
            )

    def _about(self, number: int) -> dict[str, Any]:
        return {
            "customer": number // 3,
            "currency": "usd" if number % 5 == 0 else "eur",
            "price_id": f"price_{self.draw.randrange(2)}",
            "metadata": {"team": f"t{number % 2}"},
            "period_end": (at(11, 1) + timedelta(days=self.draw.randrange(60))).isoformat(),
        }

    def _changed(self, number: int, when: datetime) -> None:
        what = self.draw.choice(("started", "expanded", "churned", "reactivated", "paused"))
        mrr = 0 if what in {"churned", "paused"} else self.draw.randrange(1, 9) * 100
        end = {"kind": self.draw.choice(("voluntary", "involuntary")), "reason": "x"}
        booked = (at(11, 1) + timedelta(hours=self.draw.randrange(24 * 60))).isoformat()
        further = end if what == "churned" else {}
        fact = self.telling.subscription(
            what,
            number,
            when,
            mrr,
            **(self._about(number) | further | {"booked_at": booked}),
        )
        self.told.append((what, number, fact))
        if self.draw.random() < 0.2:
            what, number, fact = self.draw.choice(self.told)
            self.telling.subscription(
                what,
                number,
                when,
                0,
                **(self._about(number) | {"sign": -1, "corrects": fact}),
            )

    def _renewed(self, number: int, when: datetime) -> None:
        about = self._about(number)
        del about["period_end"]
        self.telling.renewed(
            number,
            when,
            on_time=self.draw.random() < 0.7,
            invoice=f"in_{self.draw.randrange(40)}",
            **about,
        )

    def _case(self, number: int, when: datetime) -> None:
        if not self.cases or self.draw.random() < 0.4:
            invoice = f"in_{self.draw.randrange(40)}"
            self.cases.append(self.telling.failed(number, when, invoice=invoice))
            return
        case = self.draw.choice(self.cases)
        kind = self.draw.randrange(5)
        if kind == 0:
            self.telling.recovered(case, when, by=self.draw.choice(("retry", "new_card")))
        elif kind == 1:
            self.telling.of_case("case.opened", case, when, state="open")
        elif kind == 2:
            self.telling.of_case("notice.sent", case, when, notice="x")
        elif kind == 3:
            self.telling.of_case("payment.retried", case, when, outcome="declined")
        else:
            self.telling.card_updated(number, when)


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
