"""Figures of the progress line."""

import pytest

from tests.unit.rehearsal.evidence import attempt
from worker.domain.money import Money
from worker.rehearsal.story import charged_twice, format_money


def test_an_invoice_that_two_charges_paid_is_told() -> None:
    tries = [attempt(1, status="succeeded"), attempt(2), attempt(3, invoice="in_2")]
    assert charged_twice(tries) == 0
    assert charged_twice([*tries, attempt(4, status="succeeded")]) == 1


@pytest.mark.parametrize(
    ("money", "text"),
    [
        (Money(58800, "eur"), "€588.00"),
        (Money(1440, "jpy"), "¥1,440"),
        (Money(40000, "kwd"), "KWD40.000"),
    ],
)
def test_money_is_written_with_its_own_decimals(money: Money, text: str) -> None:
    assert format_money(money).replace("\xa0", "") == text
