"""What units cost in tiers, and what a subscription to such prices brings a month."""

from dataclasses import replace
from datetime import UTC, datetime
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from worker.domain.mrr import subscription_mrr
from worker.domain.readings import CouponReading, DiscountReading, PriceReading, SubscriptionReading
from worker.domain.tiers import PriceAmount, PriceWanted, Tier, prices_wanted

TIERS = (
    Tier(5, Fraction(700), Fraction(500)),
    Tier(10, Fraction(650)),
    Tier(None, Fraction(1, 2), Fraction(40)),
)
GRADUATED = PriceAmount("price_1", "eur", TIERS, graduated=True)
VOLUME = PriceAmount("price_1", "eur", TIERS)
SEATS = PriceReading(0, "eur", "month", 1, 6, price_id="price_1", tiered=True)


def subscribed(*items: PriceReading, currency: str = "eur") -> SubscriptionReading:
    """Return a subscription to items."""
    began = datetime(2026, 1, 1, tzinfo=UTC)
    return SubscriptionReading("sub_1", "cus_1", "active", began, currency, items)


@pytest.mark.parametrize(
    ("units", "graduated", "volume"),
    [
        (0, 500, 500),
        (1, 1200, 1200),
        (5, 4000, 4000),
        (6, 4650, 3900),  # 5 x 700 + 1 x 650 + 500; 6 x 650
        (10, 7250, 6500),
        (11, Fraction(14_581, 2), Fraction(91, 2)),
    ],
)
def test_units_in_tiers(units: int, graduated: int, volume: int) -> None:
    assert GRADUATED.of(units) == graduated
    assert VOLUME.of(units) == volume


@given(st.integers(0, 40))
def test_graduated_is_what_each_unit_costs_alone(units: int) -> None:
    expected = Fraction(500) if units == 0 else Fraction()
    for unit in range(1, units + 1):
        tier = TIERS[0] if unit <= 5 else TIERS[1] if unit <= 10 else TIERS[2]
        expected += tier.unit + (tier.flat if unit in {1, 6, 11} else 0)
    assert GRADUATED.of(units) == expected


def test_mrr_counts_tiers_by_quantity_and_interval() -> None:
    plain = PriceReading(1000, "eur", "month", 1, 2, price_id="price_2")
    yearly = replace(SEATS, interval="year")
    shown = subscribed(SEATS, plain)
    assert subscription_mrr(shown, {}, {"price_1": GRADUATED}) == 4650 + 2000
    assert subscription_mrr(shown, {}, {"price_1": VOLUME}) == 3900 + 2000
    assert subscription_mrr(subscribed(yearly), {}, {"price_1": GRADUATED}) == 388  # 387.5
    ten = CouponReading("TEN", percent_off=Fraction(10), lasting=True)
    discounted = replace(shown, discounts=(DiscountReading("di_1"),))
    assert subscription_mrr(discounted, {"di_1": ten}, {"price_1": GRADUATED}) == 5985


def test_an_amount_in_another_currency_is_never_taken_for_the_subscriptions() -> None:
    item = PriceReading(1000, "usd", "month", 1, 3, price_id="price_3")
    in_euros = PriceAmount("price_3", "eur", (Tier(None, Fraction(900)),))
    assert subscription_mrr(subscribed(item), {}, {"price_3": in_euros}) == 2700
    assert subscription_mrr(subscribed(item), {}) == 0
    assert subscription_mrr(subscribed(item, currency="usd"), {}) == 3000
    less = CouponReading("LESS", amount_off_minor=200, currency="eur", lasting=True)
    discounted = replace(subscribed(item), discounts=(DiscountReading("di_1"),))
    assert subscription_mrr(discounted, {"di_1": less}, {"price_3": in_euros}) == 2500


def test_a_price_that_is_not_known_brings_nothing_rather_than_something_wrong() -> None:
    assert subscription_mrr(subscribed(SEATS), {}) == 0
    assert subscription_mrr(subscribed(SEATS), {}, {"price_1": PriceAmount("price_1", "eur")}) == 0


def test_only_what_the_subscription_does_not_show_is_wanted() -> None:
    dollars = PriceReading(1000, "usd", "month", 1, 3, price_id="price_3")
    usage = replace(SEATS, metered=True, price_id="price_4")
    plain = PriceReading(1000, "eur", "month", 1, 2, price_id="price_2")
    assert prices_wanted(subscribed(SEATS, dollars, usage, plain)) == (
        PriceWanted("price_1", "eur", tiered=True, own_currency=True),
        PriceWanted("price_3", "eur", tiered=False, own_currency=False),
    )


def test_no_letter_names_the_amount_of_a_price_in_tiers() -> None:
    assert subscribed(SEATS).next_amount is None
    plain = replace(SEATS, tiered=False, unit_amount_minor=700)
    assert subscribed(plain).next_amount is not None
    assert subscribed(plain, currency="usd").next_amount is None
