"""The circuit breaker's rules: what trips it, what never does."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from worker.domain.breaker import History, Recent, Trip, unknown_answers, unusual_outcomes
from worker.domain.policy import BreakerLimits

NOW = datetime(2026, 12, 1, 9, tzinfo=UTC)
LIMITS = BreakerLimits()
LONG = History(
    began_at=NOW - timedelta(days=31),
    sent=200,
    codes_seen=frozenset(("insufficient_funds",)),
    week_succeeded=30,
    week_declined=70,
)


def causes(recent: Recent, history: History = LONG) -> list[str]:
    """Return why charging stops."""
    trips: list[Trip | None] = [
        unknown_answers(recent, LIMITS),
        unusual_outcomes(recent, history, LIMITS, now=NOW),
    ]
    return [trip.cause for trip in trips if trip is not None]


@pytest.mark.parametrize(
    ("sent", "unknown", "trips"),
    [(20, 1, False), (20, 2, True), (19, 19, False), (41, 7, True), (100, 5, False)],
)
def test_more_than_five_percent_unknown_of_at_least_twenty(
    sent: int, unknown: int, trips: bool
) -> None:
    found = causes(Recent(sent=sent, unknown=unknown), History())
    assert found == (["unknown_answers"] if trips else [])


def test_the_trip_says_what_was_seen() -> None:
    trip = unknown_answers(Recent(sent=41, unknown=7), LIMITS)
    assert trip is not None
    assert (trip.seen, trip.of, trip.limit) == (7, 41, "5 %")
    assert trip.said == "7 of 41 answers unknown in 10 min (limit 5 %)"


def test_codes_that_nobody_saw_for_thirty_days() -> None:
    usual = Recent(sent=20, succeeded=6, declined=14, codes={"insufficient_funds": 14})
    assert causes(usual) == []
    two = replace(usual, codes={"insufficient_funds": 12, "no_such_issuer": 2})
    assert causes(two) == [], "just ten percent"
    three = replace(usual, codes={"insufficient_funds": 11, "no_such_issuer": 3})
    assert causes(three) == ["new_decline_codes"]


def test_less_than_a_third_of_the_usual_successes() -> None:
    """30 of 100 is usual, so one of 20 (5 %) is too few and two (10 %) are not."""
    codes = {"insufficient_funds": 19}
    assert causes(Recent(sent=20, succeeded=2, declined=18, codes=codes)) == []
    assert causes(Recent(sent=20, succeeded=1, declined=19, codes=codes)) == ["few_successes"]


@pytest.mark.parametrize(
    "short",
    [
        replace(LONG, sent=199),
        replace(LONG, began_at=NOW - timedelta(days=29)),
        History(),
    ],
)
def test_nothing_is_compared_with_a_short_history(short: History) -> None:
    strange = Recent(sent=20, declined=20, codes={"no_such_issuer": 20})
    assert causes(strange, short) == []


def test_where_nothing_ever_succeeds_few_successes_are_usual() -> None:
    never = replace(LONG, week_succeeded=0)
    codes = {"insufficient_funds": 20}
    assert causes(Recent(sent=20, declined=20, codes=codes), never) == []
