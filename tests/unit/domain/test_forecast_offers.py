"""A forecast gives what a letter offers when the letter goes out, as the worker does."""

from dataclasses import replace
from datetime import datetime, timedelta

from tests.unit.domain.building import after, around, case, done, letter, policy, situation
from worker.domain.case import Case, LetterState, Surroundings
from worker.domain.forecast import forecast
from worker.domain.forecast_values import Planned, PlannedKind, Ways
from worker.domain.offers import Given, Offer

DAY = timedelta(days=1)
WEEK = Offer(extra=7 * DAY)
NIGHT = timedelta(hours=12)
FIRST = "first letter"


def plan(
    found: Case, known: Surroundings | None = None, *, offer: Offer | None = WEEK
) -> list[Planned]:
    """Return what is planned where each letter waits for half a day."""
    steps = tuple(
        replace(step, offer=offer if step.name == FIRST else None) for step in policy().steps
    )
    at = situation(after(hours=5), found, None, known, by=policy(steps=steps))

    def next_morning(_customer: object, at: datetime) -> datetime:
        return at + NIGHT

    return list(forecast(at, after(days=40), ways=Ways(next_morning)))


def ends_at(planned: list[Planned]) -> datetime:
    """Return when the subscription is ended."""
    return next(each.at for each in planned if each.kind is PlannedKind.ENDING)


def test_the_end_moves_by_what_the_letter_offers_and_the_letter_says_so() -> None:
    with_days, without = plan(case()), plan(case(), offer=None)
    assert (ends_at(without), ends_at(with_days)) == (after(days=14), after(days=21))
    first = next(each for each in with_days if each.kind is PlannedKind.LETTER)
    assert (first.offer, first.at) == ("7 more days", after(hours=5) + NIGHT)


def test_days_that_were_given_already_are_not_given_twice() -> None:
    queued = letter(FIRST, LetterState.QUEUED)
    given = Given(case().id, FIRST, after(hours=4), WEEK)
    moved = replace(case(steps=done(FIRST), letters=(queued,)), shift=7 * DAY)
    assert ends_at(plan(moved, around(last_offer=given))) == ends_at(plan(case()))
