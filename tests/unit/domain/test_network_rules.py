"""Each network's rolling windows from a table: history in, earliest instant out."""

from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from tests.unit.domain.network_tries_building import (
    NO_MONEY,
    NOW,
    TICK,
    ago,
    ask,
    card,
    every_hour,
    paid,
    signals,
    target,
    tried,
)
from worker.domain.network_rules import MadeBy, WindowUse
from worker.domain.policy import NetworkLimits
from worker.domain.readings import DeclineSignals

DAY, HOUR = timedelta(days=1), timedelta(hours=1)
NEVER_SENT = signals(
    decline_code="generic_decline", outcome_type="blocked", network_status="not_sent_to_network"
)


# Windows


def test_without_history_a_card_may_be_tried_now() -> None:
    answer = ask([])
    assert (answer.at, answer.rule, answer.reason) == (NOW, "", "")
    assert answer.uses == (WindowUse("visa", 30 * DAY, 0, 0, 15),)


@pytest.mark.parametrize(
    ("brand", "limit", "span", "rule", "reason"),
    [
        ("visa", 15, 30 * DAY, "visa_30_days", "Visa: 15 of 15 tries in 30 days"),
        ("mastercard", 35, 30 * DAY, "mastercard_30_days", "Mastercard: 35 of 35 tries in 30 days"),
        (
            "amex",
            15,
            30 * DAY,
            "other_cards_30_days",
            "American Express: 15 of 15 tries in 30 days",
        ),
        ("discover", 15, 30 * DAY, "other_cards_30_days", "Discover: 15 of 15 tries in 30 days"),
        ("elo", 15, 30 * DAY, "visa_30_days", "Card of unknown brand, Visa's limit: 15 of 15"),
        ("", 15, 30 * DAY, "visa_30_days", "Card of unknown brand, Visa's limit: 15 of 15"),
    ],
)
def test_a_full_window_of_30_days_opens_exactly_when_its_oldest_try_leaves(
    brand: str, limit: int, span: timedelta, rule: str, reason: str
) -> None:
    oldest = ago(days=29, hours=5)
    history = [tried(oldest + i * 19 * HOUR, brand=brand) for i in range(limit)]
    wish = target(card(brand=brand))
    answer = ask(history, wish)
    assert (answer.at, answer.rule) == (oldest + span, rule)
    assert answer.reason.startswith(reason)
    assert ask(history, wish, now=oldest + span).at == oldest + span
    assert ask(history, wish, now=oldest + span - TICK).at == oldest + span
    assert ask(history[1:], wish).at == NOW


def test_mastercard_allows_ten_tries_in_24_hours_of_any_amount() -> None:
    history = [
        tried(ago(hours=23) + i * HOUR, brand="mastercard", amount_minor=100 + i) for i in range(10)
    ]
    answer = ask(history, target(card(brand="mastercard")))
    assert (answer.at, answer.rule) == (ago(hours=23) + DAY, "mastercard_24_hours")
    assert answer.reason == "Mastercard: 10 of 10 tries in 24 hours"
    assert [(use.count, use.highest, use.limit) for use in answer.uses] == [
        (10, 10, 10),
        (0, 0, 35),
    ]


def test_the_later_of_two_full_windows_decides() -> None:
    old = [tried(ago(days=29) + i * 12 * HOUR, brand="mastercard") for i in range(25)]
    new = every_hour(10, NOW, brand="mastercard")
    answer = ask(old + new, target(card(brand="mastercard")))
    assert (answer.at, answer.rule) == (ago(days=29) + 30 * DAY, "mastercard_30_days")
    busy = every_hour(10, NOW, brand="mastercard")
    answer = ask(old[5:] + busy, target(card(brand="mastercard")))
    assert (answer.at, answer.rule) == (ago(hours=9) + DAY, "mastercard_24_hours")


def test_a_limit_that_others_passed_waits_until_enough_tries_left() -> None:
    history = [tried(ago(days=20) + i * HOUR) for i in range(18)]
    assert ask(history).at == ago(days=20) + 3 * HOUR + 30 * DAY
    assert ask(history).uses[0].count == 18


def test_tries_dated_after_now_count_as_well() -> None:
    ahead = [tried(NOW + i * HOUR) for i in range(1, 16)]
    assert ask(ahead).at == NOW + HOUR + 30 * DAY
    assert ask(ahead).uses[0].count == 15


def test_a_try_dated_later_is_taken_to_have_happened() -> None:
    history = [tried(ago(days=29) + i * HOUR) for i in range(14)] + [tried(NOW + 2 * DAY)]
    assert ask(history).at == ago(days=29) + 30 * DAY
    assert ask(history[1:]).at == NOW


@pytest.mark.parametrize(
    "other",
    [
        {"amount_minor": 4901},
        {"currency": "usd"},
        {"fingerprint": "card_b", "payment_method_id": "pm_b"},
        {"fingerprint": "card_b"},
    ],
)
def test_tries_of_another_amount_currency_or_card_do_not_fill_visas_window(
    other: dict[str, Any],
) -> None:
    assert ask(every_hour(40, NOW, **other)).at == NOW


@pytest.mark.parametrize("who", MadeBy)
@pytest.mark.parametrize("debt", ["pi_1", "pi_2"])
def test_everybodys_tries_count_and_so_do_other_debts_and_successes(who: MadeBy, debt: str) -> None:
    history = [paid(ago(days=1), made_by=who, debt=debt)] * 15
    assert ask(history).at == ago(days=1) + 30 * DAY


def test_a_customers_second_payment_method_with_the_same_card_is_the_same_card() -> None:
    history = every_hour(15, NOW, payment_method_id="pm_b")
    assert ask(history).rule == "visa_30_days"


def test_tries_that_never_reached_the_network_do_not_count() -> None:
    blocked = every_hour(40, ago(days=1), NEVER_SENT, brand="amex")
    approved = paid(NOW - HOUR, brand="amex")
    answer = ask([*blocked, approved], target(card(brand="amex")))
    assert (answer.at, answer.uses[0].count) == (NOW, 1)


def test_a_try_that_was_approved_and_reversed_counts() -> None:
    reversed_after = signals(code="processing_error", network_status="reversed_after_approval")
    assert ask(every_hour(15, NOW, reversed_after)).rule == "visa_30_days"


def test_a_try_of_unknown_outcome_counts_and_ends_no_stop() -> None:
    stop = tried(ago(days=9), signals(decline_code="lost_card"))
    unknown = [tried(ago(days=i), DeclineSignals()) for i in range(1, 6)]
    assert ask(unknown).uses[0].count == 5
    assert ask([stop, *unknown]).rule == "stop_signal"


# What an operator may set


@pytest.mark.parametrize(
    ("limits", "brand", "limit"),
    [
        (NetworkLimits(visa_in_30_days=3), "visa", 3),
        (NetworkLimits(visa_in_30_days=20), "visa", 20),
        (NetworkLimits(visa_in_30_days=99), "visa", 20),
        (NetworkLimits(mastercard_in_30_days=99), "mastercard", 35),
        (NetworkLimits(mastercard_in_30_days=4), "mastercard", 4),
        (NetworkLimits(other_cards_in_30_days=99), "jcb", 15),
        (NetworkLimits(other_cards_in_30_days=2), "elo", 2),
    ],
)
def test_an_operator_may_only_lower_a_limit(limits: NetworkLimits, brand: str, limit: int) -> None:
    history = [tried(ago(days=29) + i * 15 * HOUR, brand=brand) for i in range(limit)]
    wish = target(card(brand=brand))
    assert ask(history, wish, limits=limits).at == ago(days=29) + 30 * DAY
    assert ask(history[1:], wish, limits=limits).at == NOW


def test_mastercards_ten_a_day_may_only_be_lowered() -> None:
    wish = target(card(brand="mastercard"))
    for set_to, holds in ((4, 4), (10, 10), (50, 10)):
        limits = NetworkLimits(mastercard_in_24_hours=set_to)
        history = every_hour(holds, NOW, brand="mastercard")
        assert ask(history, wish, limits=limits).rule == "mastercard_24_hours"
        assert ask(history[1:], wish, limits=limits).at == NOW


def test_a_limit_of_nothing_never_allows_a_try() -> None:
    answer = ask([], limits=NetworkLimits(visa_in_30_days=0))
    assert (answer.at, answer.reason) == (None, "Visa: 0 of 0 tries in 30 days")


# Time


@pytest.mark.parametrize(
    "oldest",
    [
        datetime(2026, 2, 28, 23, 59, 59, 999999, tzinfo=UTC),  # no 29 February
        datetime(2028, 2, 29, 12, tzinfo=UTC),  # a leap day
        datetime(2026, 1, 31, tzinfo=UTC),
        datetime(2026, 3, 28, 12, tzinfo=UTC),  # Berlin's clocks go forward within the window
        datetime(2026, 10, 24, 12, tzinfo=UTC),  # and back
        datetime(2026, 12, 31, 23, 30, tzinfo=UTC),
    ],
)
def test_months_and_clock_changes_do_not_move_a_window(oldest: datetime) -> None:
    berlin = ZoneInfo("Europe/Berlin")
    for zone in (UTC, berlin):
        history = [tried((oldest + i * HOUR).astimezone(zone)) for i in range(15)]
        now = (oldest + 16 * HOUR).astimezone(zone)
        answer = ask(history, now=now)
        assert answer.at == oldest + 30 * DAY
        assert answer.at.tzinfo is UTC
        daily = [tried(t.at, brand="mastercard") for t in history[:10]]
        in_a_day = ask(daily, target(card(brand="mastercard")), now=now)
        assert in_a_day.at == oldest + DAY


# Missing fingerprints


def test_without_a_fingerprint_the_payment_method_is_the_card() -> None:
    history = every_hour(15, NOW, fingerprint="")
    bare = target(card(fingerprint=""))
    assert ask(history, bare).rule == "visa_30_days"
    assert ask(history, target(card(fingerprint="", id="pm_b"))).at == NOW


@pytest.mark.parametrize("missing_in", ["history", "wish"])
def test_a_fingerprint_known_on_one_side_only_is_still_the_same_card(missing_in: str) -> None:
    history = every_hour(15, NOW, fingerprint="" if missing_in == "history" else "card_a")
    wish = target(card(fingerprint="" if missing_in == "wish" else "card_a"))
    assert ask(history, wish).rule == "visa_30_days"


def test_a_payment_method_seen_with_a_fingerprint_stands_for_that_card_everywhere() -> None:
    once = tried(ago(days=40), fingerprint="card_a", payment_method_id="pm_b")
    bare = every_hour(7, NOW, fingerprint="", payment_method_id="pm_b")
    full = every_hour(8, NOW, fingerprint="card_a", payment_method_id="pm_a")
    assert ask([once, *bare, *full]).rule == "visa_30_days"
    assert ask([*bare, *full]).at == NOW  # nothing says that pm_b is this card


def test_a_replaced_card_under_the_same_payment_method_starts_anew() -> None:
    history = [tried(ago(days=1), signals(decline_code="lost_card"))]
    assert ask(history, target(card(fingerprint="card_new"))).at == NOW
    assert ask(history, target(card(fingerprint=""))).rule == "stop_signal"


@pytest.mark.parametrize("kind", ["link", ""])
def test_a_method_that_may_hide_a_card_obeys_the_strictest_limits(kind: str) -> None:
    wish = target(card(type=kind, brand=""))
    history = every_hour(10, NOW, brand="", payment_method_type=kind)
    assert ask(history, wish).rule == "mastercard_24_hours"
    assert len(ask(history, wish).uses) == 4


def test_the_answer_does_not_depend_on_the_order_of_the_tries() -> None:
    history = every_hour(15, ago(days=2), NO_MONEY)
    history.append(tried(ago(days=1), signals(decline_code="expired_card")))
    history.append(paid(ago(hours=3)))
    assert ask(history) == ask(history[::-1])
    assert ask(history).at == ago(days=2, hours=12) + 30 * DAY
