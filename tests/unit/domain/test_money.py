"""Integer minor units with Stripe's decimals."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from worker.domain.money import KNOWN, THREE_DECIMAL, ZERO_DECIMAL, Money, wire_decimals

amounts = st.integers(-(10**12), 10**12)


@pytest.mark.parametrize(
    ("currency", "decimals"),
    [
        ("eur", 2),
        ("usd", 2),
        ("jpy", 0),
        ("krw", 0),
        ("vnd", 0),
        ("xof", 0),
        ("bhd", 3),
        ("kwd", 3),
        ("tnd", 3),
        ("isk", 2),  # no decimals on display, hundredths on the wire
        ("ugx", 2),
        ("huf", 2),
        ("twd", 2),
        ("EUR", 2),
        ("JPY", 0),
        ("zzz", 2),
    ],
)
def test_wire_decimals(currency: str, decimals: int) -> None:
    assert wire_decimals(currency) == decimals


def test_the_lists_are_apart_and_in_lower_case() -> None:
    assert not ZERO_DECIMAL & THREE_DECIMAL
    assert all(code == code.lower() and len(code) == 3 for code in ZERO_DECIMAL | THREE_DECIMAL)
    assert ZERO_DECIMAL | THREE_DECIMAL < KNOWN
    assert (len(ZERO_DECIMAL), len(THREE_DECIMAL)) == (15, 5)


@pytest.mark.parametrize(
    ("money", "major"),
    [
        (Money(1250, "eur"), "12.50"),
        (Money(1, "eur"), "0.01"),
        (Money(-1250, "eur"), "-12.50"),
        (Money(0, "eur"), "0.00"),
        (Money(1250, "jpy"), "1250"),
        (Money(1250, "kwd"), "1.250"),
        (Money(50000, "isk"), "500.00"),
        (Money(99999999999999999999, "usd"), "999999999999999999.99"),
    ],
)
def test_major_units_are_exact(money: Money, major: str) -> None:
    assert money.major == Decimal(major)


@given(amounts, amounts, st.sampled_from(["eur", "jpy", "kwd"]))
def test_sums_are_exact(one: int, other: int, currency: str) -> None:
    assert Money(one, currency) + Money(other, currency) == Money(one + other, currency)


def test_currencies_never_mix() -> None:
    with pytest.raises(ValueError, match="cannot add usd to eur"):
        Money(1, "eur") + Money(1, "usd")


@pytest.mark.parametrize("amount", [1.0, "1", Decimal(1), None])
def test_only_integers(amount: object) -> None:
    with pytest.raises(TypeError, match="must be an int"):
        Money(amount, "eur")  # type: ignore[arg-type]


def test_only_lower_case_currencies() -> None:
    with pytest.raises(ValueError, match="lower case"):
        Money(1, "EUR")


def test_order_and_identity() -> None:
    assert Money(1, "eur") < Money(2, "eur")
    assert Money(1, "eur") != Money(1, "usd")
    assert {Money(1, "eur"), Money(1, "eur")} == {Money(1, "eur")}
