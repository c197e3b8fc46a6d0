"""When a customer's discount serves whom."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

from worker.domain.customer_discount import CustomerDiscount, Timeline, as_billed
from worker.domain.readings import DiscountReading, SubscriptionReading

NOW = datetime(2026, 3, 1, tzinfo=UTC)
DAY = timedelta(days=1)
FIRST = CustomerDiscount("di_1", "cus_1", NOW, end_at=NOW + 30 * DAY)
SECOND = CustomerDiscount("di_2", "cus_1", NOW + 10 * DAY)
PLAIN = SubscriptionReading("sub_1", "cus_1", "active", NOW, "eur")


def names(timeline: Timeline, *days: float) -> list[str]:
    """Return the discounts in force so many days after the first began."""
    found = (timeline.at(NOW + day * DAY) for day in days)
    return [each.id if each is not None else "" for each in found]


def test_it_serves_from_its_first_instant_up_to_its_end() -> None:
    assert names(Timeline((FIRST,)), -1, 0, 29.9, 30, 31) == ["", "di_1", "di_1", "", ""]


def test_what_was_taken_away_is_over_before_its_end() -> None:
    closed = replace(FIRST, closed_at=NOW + 5 * DAY)
    assert names(Timeline((closed,)), 4.9, 5, 29) == ["di_1", "", ""]
    late = replace(FIRST, closed_at=NOW + 31 * DAY)
    assert late.over_at == FIRST.end_at


def test_a_new_one_ends_the_one_before_for_good() -> None:
    both = Timeline((SECOND, FIRST))
    assert names(both, 9.9, 10, 40) == ["di_1", "di_2", "di_2"]
    gone = Timeline((FIRST, replace(SECOND, closed_at=NOW + 12 * DAY)))
    assert names(gone, 11, 12, 20) == ["di_2", "", ""]


def test_each_beginning_and_end_is_a_change_once() -> None:
    again = replace(SECOND, id="di_3", start_at=NOW + 30 * DAY)
    timeline = Timeline((FIRST, SECOND, again))
    changes = timeline.changes(after=NOW - DAY, until=NOW + 60 * DAY)
    assert changes == [NOW, NOW + 10 * DAY, NOW + 30 * DAY]
    assert timeline.changes(after=NOW, until=NOW + 10 * DAY) == [NOW + 10 * DAY]


def test_a_subscriptions_own_discounts_take_its_place() -> None:
    timeline = Timeline((FIRST,))
    assert as_billed(PLAIN, timeline, at=NOW).discounts == (DiscountReading("di_1"),)
    assert as_billed(PLAIN, timeline, at=NOW - DAY) == PLAIN
    own = replace(PLAIN, discounts=(DiscountReading("di_own"),))
    assert as_billed(own, timeline, at=NOW) == own
