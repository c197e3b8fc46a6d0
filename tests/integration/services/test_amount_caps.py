"""A charge that is over the cap of amounts alone goes to a person; nobody else waits for it."""

from dataclasses import replace
from datetime import datetime

from tests.integration.services.bench import Bench
from worker.domain.case import CaseState
from worker.domain.policy import AmountLimit
from worker.domain.readings import Answer, AnswerKind


def allow(bench: Bench, per_day_minor: int) -> None:
    """Let so much be charged a day."""
    dunning = bench.ports.configuration.dunning
    amounts = (AmountLimit("eur", per_day_minor=per_day_minor),)
    rules = replace(dunning, limits=replace(dunning.limits, charged_amounts=amounts))
    bench.ports = replace(
        bench.ports, configuration=replace(bench.ports.configuration, dunning=rules)
    )


def test_it_waits_for_a_person_and_a_higher_limit_lets_it_go_on(bench: Bench) -> None:
    allow(bench, 1199)
    case_id = bench.case()
    assert bench.look(case_id) == "over_limit"
    case = bench.loaded(case_id)
    assert case.state is CaseState.IN_REVIEW
    assert case.reason == "its amount alone is over the limit of 11.99 EUR per day"
    assert bench.stripe.asked == ["read in_1"]
    (line,) = bench.said("review.opened")
    assert line["do"] == f"dunning case C-{case_id}"

    allow(bench, 1200)
    with bench.ledger.begin() as tx:
        tx.cases.wake(now=bench.clock.now, case_ids=[case_id])
    bench.stripe.answers = [Answer(AnswerKind.UNKNOWN)]
    assert [bench.look(case_id), bench.look(case_id)] == ["limit_raised", "charge_due"]
    assert bench.stripe.asked.count("pay in_1") == 1


def test_what_only_finds_no_room_today_waits_until_tomorrow(bench: Bench) -> None:
    allow(bench, 1200)
    first, second = bench.case(1), bench.case(2)
    bench.stripe.answers = [Answer(AnswerKind.UNKNOWN)]
    assert bench.look(first) == "charge_due"
    rules = []
    while second in bench.due()[0]:
        rules.append(bench.look(second))
        assert len(rules) < 5, rules
    assert bench.loaded(second).state is CaseState.OPEN
    assert bench.stripe.asked.count("pay in_2") == 0
    (line,) = bench.said("limit.reached")
    assert line["limit"] == "12.00 EUR per day"
    assert line["waiting"] >= 1
    waits = "SELECT waits_for, next_action_at FROM cases WHERE invoice_id = 'in_2'"
    with bench.ledger.connection() as connection:
        limit, next_at = connection.exec_driver_sql(waits).one()
    assert limit == "12.00 EUR per day"
    assert next_at == line_clears(line)


def line_clears(line: dict[str, str]) -> object:
    """Return when the line says that there is room again."""
    return datetime.fromisoformat(line["clears_at"])
