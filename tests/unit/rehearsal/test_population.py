"""The planned people: a cast in which every kind of case occurs, and others by chance."""

from collections import Counter
from collections.abc import Mapping

import pytest

from worker.domain.declines import classify
from worker.domain.money import wire_decimals
from worker.domain.policy import DeclineClass
from worker.domain.readings import DeclineSignals
from worker.rehearsal.draws import Draws
from worker.rehearsal.population import START, Population, Subscriber, plan_population
from worker.rehearsal.population_cards import BRANDS, MAC_WAITS, card_number, iban
from worker.rehearsal.population_cast import CAST
from worker.rehearsal.population_habits import USES_A_CARD, Cue, Do
from worker.rehearsal.population_people import COUNTRIES, PLANS, price_of


@pytest.fixture(scope="module")
def people() -> Population:
    return plan_population("1", 200)


def by_name(people: Population) -> dict[str, Subscriber]:
    return {one.name: one for one in people.subscribers}


def test_the_same_seed_gives_the_same_people(people: Population) -> None:
    assert plan_population("1", 200) == people
    assert plan_population("2", 200) != people


def test_a_smaller_population_is_the_beginning_of_a_larger_one(people: Population) -> None:
    for count in (0, 5, len(CAST), 100):
        assert plan_population("1", count).subscribers == people.subscribers[:count]


def test_names_and_addresses_are_unique(people: Population) -> None:
    addresses = [one.email for one in people.subscribers if one.email]
    assert len({one.name for one in people.subscribers}) == 200
    assert len(set(addresses)) == len(addresses) == 199
    numbers = Counter(one.method.number for one in people.subscribers if one.method.number)
    assert [count for count in numbers.values() if count > 1] == [2]


def test_currencies_have_none_two_and_three_decimals(people: Population) -> None:
    currencies = {s.price.currency for one in people.subscribers for s in one.subscriptions}
    assert {wire_decimals(currency) for currency in currencies} == {0, 2, 3}


def test_every_price_is_one_that_stripe_takes() -> None:
    for country in COUNTRIES:
        for plan in PLANS:
            for interval in ("week", "month", "year"):
                price = price_of(plan, interval, country.currency)
                decimals = wire_decimals(country.currency)
                assert price.amount_minor >= {0: 50, 2: 50, 3: 150}[decimals]
                assert decimals != 3 or price.amount_minor % 10 == 0


def test_intervals_trials_and_methods_are_mixed(people: Population) -> None:
    subscriptions = [s for one in people.subscribers for s in one.subscriptions]
    assert {s.interval for s in subscriptions} == {"week", "month", "year"}
    assert sum(s.trial for s in subscriptions) > 8
    assert {one.method.kind for one in people.subscribers} == {
        "card",
        "sepa_debit",
        "us_bank_account",
        "bacs_debit",
        "au_becs_debit",
    }
    brands = Counter(one.method.brand for one in people.subscribers)
    assert brands["visa"] > brands["mastercard"] > brands["amex"] > 0
    assert sum(len(one.subscriptions) > 1 for one in people.subscribers) == 3
    assert sum(one.backup is not None for one in people.subscribers) == 1
    assert sum(one.on_subscription for one in people.subscribers) == 1


def test_some_trials_are_shorter_than_a_week(people: Population) -> None:
    lengths = [
        (s.anchor_at - START).days for one in people.subscribers for s in one.subscriptions
        if s.trial
    ]  # fmt: skip
    assert min(lengths) < 7 <= max(lengths)


def test_every_kind_of_act_is_in_the_cast() -> None:
    done = {habit.do for character in CAST for habit in character.habits}
    assert set(Do) - done == {Do.PAY_ON_FILE, Do.LOSE_DISPUTE}


def test_the_cast_has_every_kind_of_decline() -> None:
    told = [str((c.outcomes, c.then)) for c in CAST]
    for code in (
        "insufficient_funds", "do_not_honor", "lost_card", "stolen_card", "processing_error",
        "issuer_not_available", "revocation_of_authorization", "currency_not_supported",
        "do_not_try_again", "requires_action", "processing_days", "network_advice_code", "blocked",
        "confirm_card_data", "transaction_not_allowed", "'46'", "'R01'", "'R02'", "'AM04'",
    ):  # fmt: skip
        assert any(code in text for text in told), code


def test_each_class_of_decline_and_each_wait_of_mastercards_is_in_the_cast() -> None:
    said = [o for c in CAST for o in (*c.outcomes, c.then) if isinstance(o, Mapping)]
    classes = {
        classify(
            DeclineSignals(
                decline_code=str(one.get("decline_code", "")),
                advice_code=str(one.get("advice_code", "")),
                outcome_type=str(one.get("outcome_type", "issuer_declined")),
                reason="authentication_required" if "requires_action" in one else "",
                code="authentication_required" if "requires_action" in one else "card_declined",
            ),
            brand="visa",
            payment_method_type="card",
        ).decline_class
        for one in said
    }
    assert classes == set(DeclineClass)
    assert {str(one.get("network_advice_code")) for one in said} >= set(MAC_WAITS)


def test_awkward_people_are_there(people: Population) -> None:
    everybody = by_name(people)
    names = " ".join(one.full_name for one in people.subscribers)
    assert not everybody["no-email"].email
    assert everybody["india"].method.country == "IN"
    assert "<script>" in names or "<b>" in names
    assert "{{" in names or "[click]" in names
    assert not names.isascii()
    assert any(not one.email.isascii() for one in people.subscribers)


def test_new_cards_are_known_beforehand(people: Population) -> None:
    habits = [habit for one in people.subscribers for habit in one.habits]
    cards = [habit.card for habit in habits if habit.do in USES_A_CARD]
    assert len(cards) >= 6
    assert all(card is not None and card.number for card in cards)
    assert {habit.cue for habit in habits} == set(Cue)


def test_a_demo_sees_about_eighty_customers_fail(people: Population) -> None:
    scripted = [one for one in people.subscribers if one.method.then != "approve"
                or one.method.outcomes]  # fmt: skip
    assert 70 <= len(scripted) <= 90


@pytest.mark.parametrize("brand", sorted(BRANDS))
def test_numbers_are_valid_and_of_their_brand(brand: str) -> None:
    from worker.rehearsal.sandbox.cards import brand_of, check_number

    draws = Draws("1", brand)
    numbers = {card_number(brand, draws) for _ in range(20)}
    assert len(numbers) == 20
    assert {brand_of(check_number(number)) for number in numbers} == {brand}


def test_ibans_have_right_check_digits() -> None:
    number = iban(Draws("1", "iban"))
    moved = number[4:] + "1314" + number[2:4]
    assert len(number) == 22
    assert int(moved) % 97 == 1
