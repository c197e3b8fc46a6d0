"""Caps: where their windows begin and end, also on days that are not 24 hours long."""

from datetime import UTC, datetime, timedelta

from worker.domain.caps import (
    Cap,
    Counted,
    Window,
    cap_of_ending,
    caps_of_charge,
    caps_of_letter,
    passed_alone,
    start_of_day,
    start_of_next_day,
)
from worker.domain.money import Money
from worker.domain.policy import AmountLimit, Limits

BERLIN = "Europe/Berlin"
NOW = datetime(2026, 12, 1, 8, 20, tzinfo=UTC)
LIMITS = Limits(
    charges_per_day=4000,
    charged_amounts=(AmountLimit("eur", per_hour_minor=1_000_00, per_day_minor=5_000_00),),
)


def test_an_hours_cap_clears_as_its_oldest_act_leaves_the_hour() -> None:
    cap = Cap(Counted.CHARGES, Window.HOUR, 500)
    assert cap.since(NOW, BERLIN) == NOW - timedelta(hours=1)
    oldest_at = NOW - timedelta(minutes=50)
    assert cap.clears_at(NOW, BERLIN, oldest_at=oldest_at) == NOW + timedelta(minutes=10)


def test_a_days_cap_clears_at_the_offices_midnight() -> None:
    cap = cap_of_ending(LIMITS)
    assert cap.since(NOW, BERLIN) == datetime(2026, 11, 30, 23, tzinfo=UTC)
    assert cap.clears_at(NOW, BERLIN, oldest_at=NOW) == datetime(2026, 12, 1, 23, tzinfo=UTC)


def test_the_day_that_summer_time_shortens_has_23_hours() -> None:
    at = datetime(2026, 3, 29, 12, tzinfo=UTC)
    length = start_of_next_day(at, BERLIN) - start_of_day(at, BERLIN)
    assert length == timedelta(hours=23)
    autumn = datetime(2026, 10, 25, 12, tzinfo=UTC)
    assert start_of_next_day(autumn, BERLIN) - start_of_day(autumn, BERLIN) == timedelta(hours=25)


def test_what_is_said_once_is_named_by_its_hour_or_day() -> None:
    caps = {cap.said: cap.period(NOW, BERLIN) for cap in caps_of_charge(LIMITS, "eur")}
    assert caps == {
        "500 charges per hour": "2026-12-01T08",
        "4000 charges per day": "2026-12-01",
        "1000.00 EUR per hour": "2026-12-01T08",
        "5000.00 EUR per day": "2026-12-01",
    }
    assert [cap.said for cap in caps_of_letter(LIMITS)] == ["2000 letters per hour"]


def test_a_currency_that_is_not_listed_has_no_cap_of_amounts() -> None:
    assert [cap.counts for cap in caps_of_charge(LIMITS, "usd")] == [Counted.CHARGES] * 2
    assert passed_alone(LIMITS, Money(10**12, "usd")) is None


def test_only_an_amount_above_an_empty_windows_room_is_over_it_alone() -> None:
    assert passed_alone(LIMITS, Money(1_000_00, "eur")) is None
    over = passed_alone(LIMITS, Money(1_000_01, "eur"))
    assert over is not None
    assert over.said == "1000.00 EUR per hour"
