"""The days' figures are those of all facts, however they came, and a difference is seen."""

from datetime import date, timedelta
from random import Random

from sqlalchemy import text

from tests.integration.metrics.telling import Telling, at
from worker.services.roll_up_days import RolledUp
from worker.store.metrics_daily import DayFigure, read_days

FIRST, LAST = date(2026, 10, 1), date(2026, 12, 31)


def roll_up(telling: Telling) -> RolledUp:
    """Write what was told and roll it up."""
    telling.write()
    return telling.roll_up()


def kept(telling: Telling) -> list[DayFigure]:
    """Return the kept days."""
    with telling.ledger.connection() as connection:
        account = telling.ledger.account_id
        return list(read_days(connection, account, first=FIRST, last=LAST))


def computed(telling: Telling) -> list[DayFigure]:
    """Return the days as the view computes them from all facts."""
    query = """SELECT on_day, currency, measure, count, amount_minor FROM metrics.daily
               ORDER BY on_day, currency, measure"""
    with telling.ledger.connection() as connection:
        return [DayFigure(*row) for row in connection.execute(text(query))]


def tell_a_month(telling: Telling, seed: int) -> None:
    """Tell beginnings, renewals, failures and ends on the days of a month, in no order."""
    draw = Random(seed)  # noqa: S311 (a story, no secret)
    for number in range(40):
        name = f"{seed}_{number}"
        begun = at(10, 1) + timedelta(hours=draw.randrange(700))
        telling.subscription("started", name, begun, 1000, currency=draw.choice(["eur", "usd"]))
        if draw.random() < 0.5:
            telling.renewed(name, begun + timedelta(days=30))
        if draw.random() < 0.4:
            case = telling.failed(name, begun + timedelta(days=31))
            telling.recovered(case, begun + timedelta(days=draw.randrange(32, 40)))
        if draw.random() < 0.3:
            ended = begun + timedelta(days=41)
            telling.subscription("churned", name, ended, 0, kind="voluntary", reason="x")


def test_days_that_grow_step_by_step_are_those_of_all_facts(telling: Telling) -> None:
    for seed in range(3):
        tell_a_month(telling, seed)
        rolled = roll_up(telling)
        assert rolled.days > 20
        assert rolled.differences == ()
        assert kept(telling) == computed(telling) != []


def test_only_days_with_new_facts_are_made_anew(telling: Telling) -> None:
    tell_a_month(telling, 1)
    roll_up(telling)
    assert roll_up(telling) == RolledUp(0)
    booked = at(12, 3).isoformat()
    telling.subscription("started", "late", at(10, 9), 700, booked_at=booked)
    assert roll_up(telling) == RolledUp(1)
    assert [day.count for day in kept(telling) if day.on_day == date(2026, 12, 3)] == [1]
    assert kept(telling) == computed(telling)


def test_a_day_that_is_not_what_its_facts_say_is_named_and_cured(telling: Telling) -> None:
    telling.subscription("started", 1, at(10, 9), 700)
    telling.subscription("started", 2, at(10, 10), 700)
    roll_up(telling)
    with telling.ledger.connection() as connection:
        connection.exec_driver_sql(
            "UPDATE metric_days SET amount_minor = 701 WHERE on_day = '2026-10-10'"
        )
    [difference] = roll_up(telling).differences
    assert (difference.on_day, difference.measure) == (date(2026, 10, 10), "mrr_new")
    assert kept(telling) == computed(telling)
    assert roll_up(telling) == RolledUp(0)
