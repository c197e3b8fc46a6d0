"""When many declines within an hour are an outage, and when they are only many declines."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from tests.unit.domain.network_tries_building import NO_MONEY, NOW, TICK, ago, card, paid, signals
from tests.unit.domain.network_tries_building import tried as one_try
from worker.domain.network_rules import NetworkTry
from worker.domain.outages import Outage, outage_of
from worker.domain.readings import DeclineSignals

AWAY = signals(code="card_declined", decline_code="issuer_not_available")
OPAQUE = signals(code="card_declined", decline_code="do_not_honor")
NEWEST = ago(minutes=5)


def _failing(
    cards: int, said: DeclineSignals = AWAY, *, prefix: str = "c", **changes: Any
) -> list[NetworkTry]:
    """Return one failed try of each of so many cards, a minute apart."""
    return [
        one_try(
            NEWEST - timedelta(minutes=number),
            said,
            payment_method_id=f"pm_{prefix}{number}",
            fingerprint=f"{prefix}{number}",
            **changes,
        )
        for number in range(cards)
    ]


def _paying(cards: int, **changes: Any) -> list[NetworkTry]:
    return [
        paid(NEWEST, payment_method_id=f"pm_p{n}", fingerprint=f"p{n}", **changes)
        for n in range(cards)
    ]


def test_twelve_cards_of_one_brand_and_country_that_all_fail_are_an_outage() -> None:
    assert outage_of(_failing(12), card(), now=NOW) == Outage(
        group="Visa cards issued in DE",
        failed=12,
        of=12,
        since=NEWEST - timedelta(minutes=11),
        until=NEWEST + timedelta(hours=1),
        brand="visa",
        country="DE",
    )
    assert outage_of(_failing(11), card(), now=NOW) is None
    assert outage_of([], card(), now=NOW) is None


@pytest.mark.parametrize(
    ("failing", "paying", "outage"), [(12, 3, True), (12, 4, False), (16, 4, True), (40, 11, False)]
)
def test_four_of_five_must_fail(failing: int, paying: int, outage: bool) -> None:
    found = outage_of(_failing(failing) + _paying(paying), card(), now=NOW)
    assert (found is not None) is outage
    assert found is None or (found.failed, found.of) == (failing, failing + paying)


@pytest.mark.parametrize(
    ("said", "outage"),
    [
        (AWAY, True),
        (OPAQUE, True),
        (signals(decline_code="code_of_tomorrow"), True),
        (NO_MONEY, False),
        (signals(decline_code="expired_card"), False),
        (signals(decline_code="authentication_required"), False),
        (signals(outcome_type="blocked", network_status="not_sent_to_network"), False),
        (signals(code="rate_limit"), False),
        (signals(), False),  # not answered yet
    ],
)
def test_only_what_an_absent_issuer_answers_counts(said: DeclineSignals, outage: bool) -> None:
    assert (outage_of(_failing(30, said), card(), now=NOW) is not None) is outage


def test_an_issuer_that_says_no_money_is_at_work() -> None:
    mixed = _failing(12) + _failing(4, NO_MONEY, prefix="n")
    assert outage_of(mixed, card(), now=NOW) is None
    assert outage_of(mixed[:15], card(), now=NOW) is not None


def test_failures_spread_over_more_than_an_hour_are_no_outage() -> None:
    spread = [
        one_try(ago(minutes=10 * n), AWAY, payment_method_id=f"pm_{n}", fingerprint=f"s{n}")
        for n in range(12)
    ]
    assert outage_of(spread, card(), now=NOW) is None


def test_an_outage_lasts_until_a_bank_answers_again() -> None:
    """An hour after the newest try one more may find out; what it is told decides."""
    began = outage_of(_failing(12), card(), now=NOW)
    assert began is not None
    assert not began.may_try
    later = outage_of(_failing(12), card(), now=began.until)
    assert later is not None
    assert later.may_try
    feels = one_try(began.until, AWAY, payment_method_id="pm_x", fingerprint="x")
    asked = replace(feels, signals=signals())
    for tried in (feels, asked):
        still = outage_of([*_failing(12), tried], card(), now=began.until + TICK)
        assert still is not None
        assert (still.may_try, still.until) == (False, began.until + timedelta(hours=1))
        assert still.since == began.since
    for answered in (replace(feels, failed=False), replace(feels, signals=NO_MONEY)):
        assert outage_of([*_failing(12), answered], card(), now=began.until + TICK) is None


def test_an_outage_that_nobody_feels_for_is_forgotten_after_a_day() -> None:
    assert outage_of(_failing(12), card(), now=NEWEST + timedelta(hours=23)) is not None
    assert outage_of(_failing(12), card(), now=NEWEST + timedelta(hours=24)) is None


def test_one_customers_many_tries_make_no_outage() -> None:
    busy = [one_try(NEWEST - timedelta(seconds=n), AWAY) for n in range(200)]
    assert outage_of(busy, card(), now=NOW) is None
    assert outage_of(busy + _failing(6), card(), now=NOW) is None  # seven cards
    assert outage_of(busy + _failing(9), card(), now=NOW) is None  # eleven tries that count
    assert outage_of(busy + _failing(10), card(), now=NOW) is not None
    hidden = _failing(8) + _paying(4) + busy  # 200 failures do not outvote four that paid
    assert outage_of(hidden, card(), now=NOW) is None


def test_eight_cards_must_fail_however_often_each_is_tried() -> None:
    twice = _failing(7) + [
        one_try(ago(minutes=1), AWAY, payment_method_id=f"pm_c{n}", fingerprint=f"c{n}")
        for n in range(7)
    ]
    assert outage_of(twice, card(), now=NOW) is None
    assert outage_of(twice + _failing(8)[7:], card(), now=NOW) is not None


def test_a_card_without_a_fingerprint_is_its_payment_method() -> None:
    bare = [one_try(NEWEST, AWAY, payment_method_id=f"pm_{n}", fingerprint="") for n in range(12)]
    assert outage_of(bare, card(), now=NOW) is not None
    same = [one_try(NEWEST, AWAY, fingerprint="") for _ in range(12)]
    assert outage_of(same, card(), now=NOW) is None


def test_a_whole_brand_is_out_only_where_cards_of_two_countries_fail() -> None:
    french = card(country="FR")
    assert outage_of(_failing(30), french, now=NOW) is None
    spread = _failing(20) + _failing(2, prefix="at", country="AT")
    outage = outage_of(spread, french, now=NOW)
    assert outage is not None
    assert outage.group == "Visa cards"
    assert outage_of(spread, card(brand="mastercard", country="FR"), now=NOW) is None


def test_a_country_is_out_only_where_two_brands_fail() -> None:
    amex = card(brand="amex")
    assert outage_of(_failing(30), amex, now=NOW) is None
    outage = outage_of(_failing(20) + _failing(2, prefix="m", brand="mastercard"), amex, now=NOW)
    assert outage is not None
    assert outage.group == "cards issued in DE"


def test_cards_of_the_own_kind_that_pay_outweigh_a_wider_group() -> None:
    spread = _failing(40) + _failing(20, prefix="at", country="AT")
    assert outage_of(spread + _paying(1, country="FR"), card(country="FR"), now=NOW) is None
    assert outage_of(spread, card(country="FR"), now=NOW) is not None


@pytest.mark.parametrize(
    "method",
    [
        card(type="sepa_debit", brand=""),
        card(brand="", country=""),
        card(brand="jcb", country="JP"),
    ],
)
def test_an_outage_says_nothing_about_another_kind_of_method(method: Any) -> None:
    spread = _failing(20) + _failing(20, prefix="m", brand="mastercard", country="AT")
    assert outage_of(spread, method, now=NOW) is None


def test_bank_debits_make_no_outage_of_cards() -> None:
    debits = _failing(30, AWAY, payment_method_type="sepa_debit")
    assert outage_of(debits, card(), now=NOW) is None
