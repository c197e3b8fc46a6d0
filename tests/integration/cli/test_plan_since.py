"""`dunning plan` tells what is otherwise than in yesterday's plan, and why."""

import json
from dataclasses import replace
from datetime import date, timedelta

from tests.integration.cli.conftest import Command
from tests.integration.cli.seeding import NOW, Seeding, berlin, seed_story
from worker.domain.facts import Fact
from worker.domain.forecast_values import PlannedKind
from worker.domain.identifiers import case_name
from worker.domain.kept_plan import KeptPlan, PlannedAct
from worker.domain.policy import Configuration
from worker.domain.readings import DeclineSignals

DAY = timedelta(days=1)


def keep(seeding: Seeding, configuration: Configuration, *acts: PlannedAct, day: int = 4) -> None:
    """Keep a plan that was made on that December morning."""
    made_at = berlin(day, 6, 0)
    plan = KeptPlan(
        date(2026, 12, day), made_at, made_at + 8 * DAY, configuration.digest, tuple(acts)
    )
    with seeding.ledger.begin() as tx:
        assert tx.plans.keep(plan)
        assert not tx.plans.keep(replace(plan, acts=())), "a day's plan is kept once"


def charge(case_id: int, step: str, day: int, hour: int) -> PlannedAct:
    """Return a sure charge of €49.00."""
    at = berlin(day, hour, 19)
    return PlannedAct(case_id, PlannedKind.CHARGE, at, step, 4900, "eur", "charge_due", True)


def test_the_last_line_tells_new_gone_and_moved_with_reasons(
    dunning: Command, seeding: Seeding, configuration: Configuration
) -> None:
    first = seed_story(seeding)
    seeding.customer(50, name="New", email="new@example.com", country="DE")
    failed_at = berlin(4, 12, 0)
    second = seeding.case(50, failed_at=failed_at)
    signals = DeclineSignals(code="card_declined", decline_code="insufficient_funds")
    seeding.failure(50, second, failed_at, signals)
    paid = Fact(
        "payment.recovered",
        case_name(900),
        berlin(4, 9, 0),
        "paid",
        {"case": "C-900", "customer_id": "cus_9", "recovered_by": "customer"},
    )
    with seeding.ledger.begin() as tx:
        tx.facts.append([paid], wall_now=NOW)
    keep(seeding, configuration, charge(first, "try 3", 5, 8), charge(900, "try 2", 6, 9))
    said = dunning.run("plan", "--until", "8 Dec").stdout
    assert "Since yesterday's plan: 0 done, +" in said
    assert " charges (new failure)" in said
    assert "-1 charge (customer paid)" in said
    assert "1 charge moved (network wait)" in said
    told = json.loads(dunning.run("plan", "--until", "8 Dec", "--json").stdout)["since"]
    assert (told["plan_of"], told["done"]) == ("2026-12-04", 0)
    moved = [each for each in told["changes"] if each["change"] == "moved"]
    assert [(each["case"], each["was_at"], each["at"]) for each in moved] == [
        ("C-1001", "2026-12-05T07:19:00Z", "2026-12-06T07:19:00Z")
    ]
    assert moved[0]["because"].endswith("Mastercard advice 27: wait 4 days")


def test_an_older_plan_is_named_by_its_day_and_none_at_all_is_silent(
    dunning: Command, seeding: Seeding, configuration: Configuration
) -> None:
    seed_story(seeding)
    assert "Since " not in dunning.run("plan").stdout
    assert json.loads(dunning.run("plan", "--json").stdout)["since"] is None
    keep(seeding, configuration, day=5)
    assert "Since " not in dunning.run("plan").stdout, "today's own plan is nothing to compare with"
    keep(seeding, configuration, day=2)
    assert "Since the plan of Wed 2 Dec: 0 done, +" in dunning.run("plan").stdout


def test_plans_older_than_five_weeks_are_dropped(
    seeding: Seeding, configuration: Configuration
) -> None:
    keep(seeding, configuration, day=1)
    made_at = berlin(1, 6, 0) + 36 * DAY
    later = KeptPlan(date(2027, 1, 6), made_at, made_at + 8 * DAY, configuration.digest, ())
    with seeding.ledger.begin() as tx:
        tx.plans.keep(later)
        assert (tx.plans.has(date(2026, 12, 1)), tx.plans.has(date(2027, 1, 6))) == (False, True)
