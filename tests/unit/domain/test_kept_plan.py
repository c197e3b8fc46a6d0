"""A kept plan against a later one and against the deeds: every difference with its reason."""

from datetime import UTC, date, datetime, timedelta

import pytest

from worker.domain.forecast_values import PlannedKind
from worker.domain.kept_plan import (
    ChangeKind,
    Deed,
    KeptPlan,
    News,
    NewsItem,
    PlannedAct,
    SurpriseKind,
    plan_changes,
    surprises,
)

MADE_AT = datetime(2026, 12, 7, 5, 0, tzinfo=UTC)
HOUR, DAY = timedelta(hours=1), timedelta(days=1)
CHARGE, LETTER = PlannedKind.CHARGE, PlannedKind.LETTER


def act(
    case_id: int,
    step: str,
    *,
    hours: float,
    kind: PlannedKind = CHARGE,
    sure: bool = True,
    why: str = "",
) -> PlannedAct:
    """Return an act so many hours after the plan was made."""
    at = MADE_AT + hours * HOUR
    return PlannedAct(case_id, kind, at, step, 4900, "eur", "charge_due", sure, why)


def kept(*acts: PlannedAct) -> KeptPlan:
    """Return the plan of Monday."""
    return KeptPlan(date(2026, 12, 7), MADE_AT, MADE_AT + 8 * DAY, "d1", acts)


def deed(case_id: int, step: str, *, hours: float, kind: PlannedKind = CHARGE) -> Deed:
    """Return something that was done so many hours after the plan was made."""
    return Deed(case_id, kind, step, MADE_AT + hours * HOUR)


def news(*told: tuple[int, float, str, int]) -> News:
    """Return news of cases: case, hours, word, weight."""
    found: dict[int, list[NewsItem]] = {}
    for case_id, hours, word, weight in told:
        found.setdefault(case_id, []).append(NewsItem(MADE_AT + hours * HOUR, word, weight))
    return News(found)


def test_each_difference_of_two_plans_has_its_kind_and_reason() -> None:
    before = kept(
        act(1, "try 1", hours=4),
        act(2, "try 1", hours=30),
        act(3, "try 1", hours=30),
        act(4, "try 1", hours=30),
        act(5, "try 9", hours=500),
    )
    later = [
        act(3, "try 1", hours=78, why="moved: Mastercard advice 27"),
        act(4, "try 1", hours=30.5),
        act(6, "try 1", hours=48),
        act(6, "try 9", hours=500),
    ]
    done, changes = plan_changes(
        before,
        later,
        deeds=[deed(1, "try 1", hours=4.2)],
        news=news((2, 3, "customer paid", 85), (2, 2, "declined", 40), (6, 5, "new failure", 90)),
        now=MADE_AT + DAY,
        until=MADE_AT + 8 * DAY,
    )
    assert done == 1
    assert [(each.change, each.act.case_id, each.because) for each in changes] == [
        (ChangeKind.GONE, 2, "customer paid"),
        (ChangeKind.NEW, 6, "new failure"),
        (ChangeKind.MOVED, 3, "moved: Mastercard advice 27"),
    ]
    assert changes[2].was_at == MADE_AT + 30 * HOUR


def test_what_no_news_explains_has_no_reason() -> None:
    now, until = MADE_AT + DAY, MADE_AT + 8 * DAY
    before = kept(act(1, "try 1", hours=30), act(2, "", hours=3, kind=PlannedKind.CLOSE))
    _, changes = plan_changes(before, [], deeds=[], news=news(), now=now, until=until)
    assert [each.because for each in changes] == [""]


def test_what_concerns_the_whole_service_explains_every_case_but_weighs_least() -> None:
    stopped = NewsItem(MADE_AT + HOUR, "charging was stopped", 15)
    told = News({1: [NewsItem(MADE_AT, "held", 70)]}, (stopped,))
    assert (told.reason(1), told.reason(2)) == ("held", "charging was stopped")
    assert told.reason(2, by=MADE_AT) == ""


@pytest.mark.parametrize("late", [0.0, 1.9])
def test_deeds_as_planned_surprise_nobody(late: float) -> None:
    plan = kept(act(1, "try 1", hours=4), act(1, "second letter", hours=6, kind=LETTER, sure=False))
    done = [deed(1, "try 1", hours=4 + late)]
    assert surprises(plan, done, news(), until=MADE_AT + DAY, slack=2 * HOUR) == []


def test_a_deed_that_no_plan_knew_and_a_sure_act_that_was_not_done_are_found() -> None:
    plan = kept(act(1, "try 1", hours=4), act(3, "try 1", hours=4), act(4, "try 2", hours=50))
    done = [deed(2, "try 1", hours=5), deed(3, "try 1", hours=9), deed(9, "try 1", hours=40)]
    told = news((3, 6, "held", 70), (2, 7, "declined", 40), (1, 3, "customer paid", 85))
    found = surprises(plan, done, told, until=MADE_AT + DAY, slack=2 * HOUR)
    assert [(each.kind, each.case_id, each.because) for each in found] == [
        (SurpriseKind.UNPLANNED, 2, ""),  # its only news came after the deed
        (SurpriseKind.UNPLANNED, 3, "held"),
        (SurpriseKind.UNDONE, 1, "customer paid"),
    ]
