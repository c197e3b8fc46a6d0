"""Taxes inside prices: the rate behind a rounded line, and what holds when."""

import itertools
import random
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from fractions import Fraction

import pytest

from worker.domain.readings import PriceReading, SubscriptionReading
from worker.domain.tax_shares import (
    ALWAYS,
    TaxedLine,
    TaxesShown,
    TaxHistory,
    TaxShare,
    as_taxed,
)

NOW = datetime(2026, 5, 4, tzinfo=UTC)
DAY = timedelta(days=1)


def line(
    gross: int, tax: int, price: str = "price_1", rates: tuple[str, ...] = ("txr_1",)
) -> TaxedLine:
    """Return a line with a tax inside it."""
    return TaxedLine(price, tax, gross - tax, rates)


def told(
    *lines: TaxedLine,
    known: TaxHistory | None = None,
    of_prorations: bool = False,
    place: str = "",
) -> dict[str, Fraction]:
    """Return price -> percent, as an invoice with these lines tells it."""
    shown = TaxesShown("sub_1", NOW, lines, of_prorations, place)
    return {each.price_id: each.percent for each in (known or TaxHistory()).shares_of(shown)}


def share(day: int, percent: int, price: str = "price_1", place: str = "") -> TaxShare:
    """Return what an invoice of that day showed."""
    return TaxShare(price, NOW + day * DAY, Fraction(percent), place)


def history(*shares: TaxShare) -> TaxHistory:
    """Return the history that learns these in this order."""
    found = TaxHistory()
    for each in shares:
        found = found.with_shares([each])
    return found


@pytest.mark.parametrize("percent", ["19", "7", "20", "25.5", "8.1", "5.5"])
def test_the_rate_behind_a_rounded_line_is_found(percent: str) -> None:
    rate = Fraction(percent)
    for gross in (11_900, 29_000, 83_017, 240_100):
        tax = round(gross * rate / (100 + rate))
        assert line(gross, tax).percent == rate


@pytest.mark.parametrize("gross", [700, 175, 1100])
def test_of_little_money_the_plain_rate_is_taken_that_gives_its_tax(gross: int) -> None:
    assert line(gross, round(Fraction(gross * 19, 119))).percent == 19


def test_where_no_plain_rate_explains_it_the_quotient_is_taken() -> None:
    assert line(40_000_000, 6_390_011).percent == Fraction(639_001_100, 40_000_000 - 6_390_011)


def test_each_of_several_taxes_on_a_line_was_rounded_for_itself() -> None:
    # 5 % of 1,005.00 is 50.25 and 9.975 % is 100.24875.
    twice = line(115_549, 5025 + 10_025, rates=("txr_gst", "txr_qst"))
    assert twice.percent == Fraction("14.975")


def test_the_largest_line_of_a_tax_tells_it_for_all() -> None:
    small = line(75, 13, "price_2")
    assert small.percent != 20
    assert told(small, line(24_000, 4000)) == {"price_1": 20, "price_2": 20}


def test_a_line_that_the_rate_of_another_does_not_explain_tells_its_own() -> None:
    reduced = line(10_000, 654, "price_2")
    assert told(line(24_000, 4000), reduced) == {"price_1": 20, "price_2": 7}


def test_nothing_inside_is_told_and_nothing_billed_is_not() -> None:
    lines = (line(900, 0, rates=()), line(0, 0, "price_2"), line(-900, -150, "price_3"))
    assert told(*lines) == {"price_1": 0}


def test_a_known_rate_stays_where_it_gives_the_lines_tax_as_well() -> None:
    # 0.08 of 0.50 may be 19 % or 20 %; 0.01 of 0.05 may be almost anything.
    for known in (19, 20):
        assert told(line(50, 8), known=history(share(-9, known))) == {"price_1": known}
    assert told(line(5, 1), known=history(share(-9, 19))) == {"price_1": 19}
    assert told(line(11_900, 1983), known=history(share(-9, 19))) == {"price_1": 20}
    assert told(line(5, 0), line(900, 0, "price_2"), known=history(share(-9, 19)))["price_2"] == 0


def test_parts_of_periods_tell_a_rate_only_while_none_is_known() -> None:
    assert told(line(11_900, 1983), of_prorations=True) == {"price_1": 20}
    known = history(share(-9, 19))
    assert told(line(11_900, 1983), of_prorations=True, known=known) == {}


def test_without_an_invoice_nothing_is_inside() -> None:
    assert TaxHistory().percent("price_1", NOW) == 0
    assert TaxHistory().changes(after=ALWAYS, until=NOW) == []


def test_the_first_invoice_tells_of_before_and_each_later_one_from_then_on() -> None:
    known = history(share(0, 19), share(30, 20))
    days = (-100, 0, 29, 30, 99)
    assert [known.percent("price_1", NOW + day * DAY) for day in days] == [19, 19, 19, 20, 20]
    assert known.changes(after=ALWAYS, until=NOW + 99 * DAY) == [NOW, NOW + 30 * DAY]
    assert known.changes(after=NOW, until=NOW + 29 * DAY) == []


def test_a_price_that_was_not_shown_yet_is_taxed_as_the_last_that_was() -> None:
    known = history(share(0, 19), share(10, 7, "price_2"), share(20, 19))
    days = (0, 10, 20)
    assert [known.percent("price_9", NOW + day * DAY) for day in days] == [19, 7, 19]
    assert [known.percent("price_2", NOW + day * DAY) for day in days] == [19, 7, 7]


def test_what_a_price_had_inside_in_another_place_says_nothing_here() -> None:
    known = history(
        share(0, 20, place="GB"),
        share(30, 10, "price_2", place="JP"),
        share(60, 20, place="GB"),
        share(90, 8, "price_2", place="CH"),
    )
    days = (0, 29, 30, 59, 60, 89, 90)
    of_1 = [known.percent("price_1", NOW + day * DAY) for day in days]
    of_2 = [known.percent("price_2", NOW + day * DAY) for day in days]
    assert of_1 == [20, 20, 10, 10, 20, 20, 8]
    assert of_2 == [20, 20, 10, 10, 20, 20, 8]
    assert known.changes(after=ALWAYS, until=NOW + 99 * DAY) == [
        NOW + day * DAY for day in (0, 30, 60, 90)
    ]


def test_prices_of_several_rates_keep_their_own_in_each_place() -> None:
    known = history(
        share(0, 19, place="DE"),
        share(0, 7, "price_2", place="DE"),
        share(30, 7, "price_2", place="DE"),
        share(60, 10, "price_2", place="AT"),
        share(90, 7, "price_2", place="DE"),
    )
    days = (30, 60, 90)
    assert [known.percent("price_1", NOW + day * DAY) for day in days] == [19, 10, 19]
    assert [known.percent("price_2", NOW + day * DAY) for day in days] == [7, 10, 7]


def test_an_invoice_without_a_place_may_be_of_any() -> None:
    known = history(share(0, 5), share(0, 20, "price_2"), share(30, 20, "price_2", place="GB"))
    assert known.percent("price_1", NOW + 40 * DAY) == 5
    unplaced = history(share(0, 5, place="GB"), share(30, 20, "price_2"))
    assert unplaced.percent("price_1", NOW + 40 * DAY) == 5
    assert told(line(50, 8), known=history(share(-9, 19)), place="DE") == {"price_1": 19}


def test_a_small_amount_in_another_place_is_not_taken_for_the_rate_of_before() -> None:
    # 0.17 of 1.00 may be 20 % or 21 %.
    known = history(share(-9, 21, place="GB"))
    assert told(line(100, 17), known=known, place="GB") == {"price_1": 21}
    assert told(line(100, 17), known=known, place="AT") == {"price_1": 20}


def test_a_place_turns_all_prices_also_those_it_does_not_bill() -> None:
    known = history(share(0, 20, place="GB"), share(5, 20, "price_2", place="GB"))
    assert known.turned_by([share(9, 20, "price_2", place="FR")]) is None
    assert known.turned_by([share(9, 10, "price_2", place="JP")]) == NOW + 9 * DAY
    back = history(*known.shares, share(9, 10, "price_2", place="JP"), share(20, 20, place="GB"))
    late = [share(8, 12, "price_2", place="GB")]
    assert back.turned_by(late) == NOW + 8 * DAY


def test_what_is_late_may_turn_only_a_later_time() -> None:
    """Equal to what holds where it comes, it is the last of its place for when that is back."""
    known = history(
        share(0, 12, "price_2", place="GB"),
        share(5, 20, "price_2", place="FR"),
        share(20, 20, place="GB"),
    )
    assert known.turned_by([share(8, 20, "price_2", place="GB")]) == NOW + 20 * DAY


def test_only_what_is_new_turns_anything() -> None:
    known = history(share(0, 19))
    assert TaxHistory().turned_by([share(0, 19)]) == ALWAYS
    assert known.turned_by([share(5, 19)]) is None
    assert known.turned_by([share(5, 20)]) == NOW + 5 * DAY
    assert known.turned_by([share(-5, 19)]) is None
    assert known.turned_by([share(-5, 20)]) == ALWAYS
    assert known.turned_by([share(5, 19, "price_2")]) is None


def test_many_equal_invoices_keep_two() -> None:
    known = history(*(share(day, 19) for day in random.Random(3).sample(range(40), 40)))  # noqa: S311
    assert known.shares == (share(0, 19), share(39, 19))


def test_no_invoice_is_dropped_whose_place_or_prices_tell_something() -> None:
    shares = (
        share(0, 20, place="GB"),
        share(5, 10, "price_2", place="JP"),
        share(10, 20, place="GB"),
        share(15, 10, "price_2", place="JP"),
        share(20, 20, place="GB"),
    )
    assert history(*shares).shares == shares
    assert history(*shares).percent("price_1", NOW + 12 * DAY) == 20


@pytest.mark.parametrize("seed", range(20))
def test_what_is_dropped_in_order_of_time_changes_nothing(seed: int) -> None:
    rng = random.Random(seed)  # noqa: S311
    shares = [
        share(day, rng.choice((10, 20)), f"price_{rng.choice('12')}", rng.choice("AB"))
        for day in range(40)
    ]
    plain, learnt = TaxHistory(tuple(shares)), history(*shares)
    for price, day in itertools.product(("price_1", "price_2", "price_9"), range(-1, 41)):
        at = NOW + day * DAY
        assert learnt.percent(price, at) == plain.percent(price, at)
    assert learnt.changes(after=ALWAYS, until=NOW + 99 * DAY) == plain.changes(
        after=ALWAYS, until=NOW + 99 * DAY
    )


def test_any_order_of_learning_ends_alike() -> None:
    seen = [share(0, 19), share(10, 19), share(20, 7), share(30, 19), share(40, 19)]
    for order in itertools.permutations(seen):
        known = history(*order)
        told = [known.percent("price_1", NOW + day * DAY) for day in (-5, 0, 20, 25, 40, 50)]
        assert told == [19, 19, 7, 7, 19, 19]


def test_only_prices_that_stripe_taxes_not_on_top_are_taxed() -> None:
    plain = PriceReading(1190, "eur", "month", 1, 1, price_id="price_1")
    taxed = replace(plain, taxed_by_stripe=True)
    both = SubscriptionReading("sub_1", "cus_1", "active", NOW, "eur", items=(plain, taxed))
    found = as_taxed(both, history(share(0, 19)), at=NOW)
    assert [item.inclusive_tax_percent for item in found.items] == [0, 19]
    neither = replace(both, items=(plain, plain))
    assert as_taxed(neither, history(share(0, 19)), at=NOW) is neither
