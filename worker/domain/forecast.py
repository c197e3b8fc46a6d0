"""The engine's own forecast: `decide` run forward in time, on values only (architecture.md D4).

As if every charge is declined alike, every letter is accepted and nobody acts. Cases of one
customer are carried forward together: they wait for each other's charges, and a case that follows
another goes on once that one is over. What a card does in other customers' hands is not foreseen,
nor are the caps of the whole service.
"""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from worker.domain.case import SET_ASIDE, Case
from worker.domain.engine_situation import Situation
from worker.domain.forecast_course import Course
from worker.domain.forecast_outcomes import with_around
from worker.domain.forecast_values import Planned, PlannedKind, Start, Ways


@dataclass(frozen=True, slots=True)
class Forecast:
    """What lies ahead of one case until the forecast's end."""

    case_id: int
    planned: tuple[Planned, ...]
    """In order of time."""
    standing: str
    """Why it stands still at the end; empty where it goes on or is over."""


def forecast(situation: Situation, until: datetime, *, ways: Ways) -> list[Planned]:
    """Return everything that happens to one case before *until*, in order of time.

    Its situation is the one at the beginning, and the case is looked at then.
    """
    [only] = forecast_all([Start(situation, situation.now)], until, ways=ways)
    return list(only.planned)


def forecast_all(starts: Iterable[Start], until: datetime, *, ways: Ways) -> list[Forecast]:
    """Return what happens to each case before *until*, in the order given.

    *starts* has every case that is not closed of each of its customers, at one moment.
    """
    by_customer: dict[str, list[Course]] = defaultdict(list)
    courses = []
    for start in starts:
        course = Course.begin(start, ways)
        courses.append(course)
        by_customer[start.situation.case.customer_id].append(course)
    for together in by_customer.values():
        _carry_on(together, until)
    return [
        Forecast(
            course.at.case.id,
            tuple(sorted(course.planned, key=lambda each: each.at)),
            course.standing,
        )
        for course in courses
    ]


def _carry_on(courses: Sequence[Course], until: datetime) -> None:
    """Do what comes first, again and again, until nothing comes before *until*.

    It ends: each look costs its course one of a bounded number, and each letter goes out once.
    """
    while True:
        coming = [(at, i) for i, each in enumerate(courses) if (at := each.next_at) is not None]
        now, index = min(coming, default=(until, 0))
        if now >= until:
            return
        course = courses[index]
        was_flying, was_closed = course.at.case.in_flight, course.closed
        known = len(course.planned)
        course.step(now)
        others = [each for each in courses if each is not course]
        if any(each.kind is PlannedKind.CHARGE for each in course.planned[known:]):
            _tell_of_charge(course, others)
        if any(each.kind is PlannedKind.LETTER for each in course.planned[known:]):
            _tell_of_letter(course, others, now)
        if was_flying is not None and course.at.case.in_flight is None:
            _tell_of_answer(course, others, now)
        if course.closed and not was_closed:
            _tell_of_end(course, courses, now)


def _tell_of_charge(course: Course, others: Iterable[Course]) -> None:
    """A customer's invoices keep the policy's gap between their charges, and count together."""
    tried = course.at.around.tries[-1]
    for other in others:
        tries = (*other.at.around.tries, tried)
        other.at = with_around(other.at, other_try_at=tried.at, tries=tries)


def _tell_of_letter(course: Course, others: Iterable[Course], now: datetime) -> None:
    """A letter of the case that leads names the subscription's other open invoices as well."""
    writes = course.at.case
    for other in others:
        same = other.at.case.subscription_id == writes.subscription_id != ""
        if same and not course.closed:  # the letter after an end names nothing
            other.at = with_around(other.at, named_at=now)


def _tell_of_answer(course: Course, others: Iterable[Course], now: datetime) -> None:
    for other in others:
        if other.at.around.charge_in_flight_in == course.at.case.id:
            other.at = with_around(other.at, charge_in_flight_in=None)
            other.wake(now)


def _tell_of_end(course: Course, courses: Iterable[Course], now: datetime) -> None:
    """Let the cases of the same subscription go on, or end with it."""
    over = course.at.case
    if not over.subscription_id:
        return
    left = [
        each
        for each in courses
        if each.at.case.subscription_id == over.subscription_id and not each.closed
    ]
    for other in left:
        around = other.at.around
        other.at = with_around(
            other.at,
            leading_case=_leading(other.at.case, [each.at.case for each in left]),
            ended_by_us=around.ended_by_us or course.at.own_cancel_holds,
            set_aside_by_us=around.set_aside_by_us
            | {kind for kind in SET_ASIDE if over.did(frozenset((kind,)))},
        )
        invoice = other.at.invoice
        subscription = course.at.invoice.subscription
        other.at = replace(other.at, invoice=replace(invoice, subscription=subscription))
        other.condition = course.condition  # it waited for nothing but that case
        other.wake(now)


def _leading(case: Case, unfinished: Sequence[Case]) -> int | None:
    """Return the oldest unfinished case of the subscription, where it is older than *case*."""
    oldest = min(unfinished, key=lambda each: (each.failed_at, each.id))
    return oldest.id if oldest.id != case.id else None
