"""Which policy serves whom: each condition alone, the first of several, what is not known."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.unit.domain.building import shipped
from worker.domain.policy import AmountRange, BillingInterval, DunningRules, Match
from worker.domain.policy_match import (
    Traits,
    choose_policy,
    serves,
    standard_interval,
    traits_of,
)
from worker.domain.policy_reach import never_matches, out_of_reach
from worker.domain.readings import (
    CustomerReading,
    InvoiceReading,
    PaymentMethodReading,
    PriceReading,
    SubscriptionReading,
)

NOW = datetime(2026, 12, 1, 8, tzinfo=UTC)
DAY = timedelta(days=1)
KNOWN = Traits(
    amount_minor=50_000,
    currency="eur",
    collection_method="charge_automatically",
    now=NOW,
    interval=BillingInterval("year"),
    price_ids=("price_1", "price_2"),
    product_ids=("prod_1",),
    country="DE",
    method_type="card",
    brand="visa",
    customer_created_at=NOW - 90 * DAY,
    metadata={"tier": "vip"},
)
NOTHING = Traits(amount_minor=50_000, currency="eur", collection_method="", now=NOW)

FITTING = [
    Match(price_ids=("price_2", "price_9")),
    Match(product_ids=("prod_1",)),
    Match(intervals=(BillingInterval("month"), BillingInterval("year"))),
    Match(countries=("AT", "DE")),
    Match(method_types=("card",)),
    Match(brands=("visa",)),
    Match(customer_age_min=90 * DAY),
    Match(customer_age_below=91 * DAY),
    Match(metadata={"tier": ("gold", "vip")}),
    Match(collection_method="charge_automatically"),
]
OTHERS = [
    Match(price_ids=("price_9",)),
    Match(product_ids=("prod_9",)),
    Match(intervals=(BillingInterval("year", 2),)),
    Match(amounts=(AmountRange("eur", 50_001),)),
    Match(amounts=(AmountRange("eur", 0, 49_999), AmountRange("usd"))),
    Match(countries=("AT",)),
    Match(currencies=("usd",)),
    Match(method_types=("sepa_debit",)),
    Match(brands=("mastercard",)),
    Match(customer_age_min=91 * DAY),
    Match(customer_age_below=90 * DAY),
    Match(metadata={"tier": ("gold",)}),
    Match(metadata={"tier": ("vip",), "region": ("north",)}),
    Match(collection_method="send_invoice"),
]


def rules_of(**matches: Match | None) -> DunningRules:
    """Return rules with one policy for each name; None serves everybody."""
    base = shipped().dunning
    return replace(
        base,
        policies=tuple(replace(base.policies[0], name=name) for name in matches),
        matches={name: match for name, match in matches.items() if match is not None},
    )


@pytest.mark.parametrize("match", FITTING)
def test_each_condition_can_hold(match: Match) -> None:
    assert serves(match, KNOWN)


@pytest.mark.parametrize("match", FITTING)
def test_what_is_not_known_fulfils_nothing(match: Match) -> None:
    assert not serves(match, NOTHING)


@pytest.mark.parametrize("match", OTHERS)
def test_each_condition_can_fail(match: Match) -> None:
    assert not serves(match, KNOWN)


@pytest.mark.parametrize(
    ("least", "most", "holds"),
    [
        (50_000, None, True),
        (50_001, None, False),
        (0, 50_000, True),
        (0, 49_999, False),
        (1_000, 60_000, True),
    ],
)
def test_both_ends_of_a_range_count(least: int, most: int | None, holds: bool) -> None:
    assert serves(Match(amounts=(AmountRange("eur", least, most),)), KNOWN) is holds


@given(st.sampled_from(FITTING), st.sampled_from(OTHERS))
def test_all_conditions_must_hold(fits: Match, fails: Match) -> None:
    empty = Match()
    given_too = {
        name: getattr(fails, name)
        for name in Match.__dataclass_fields__
        if getattr(fails, name) != getattr(empty, name)
    }
    assert not serves(replace(fits, **given_too), KNOWN)


def chosen(rules: DunningRules, traits: Traits) -> str:
    """Return the name of the policy that serves, empty for none."""
    policy = choose_policy(rules, traits)
    return policy.name if policy is not None else ""


def test_the_first_that_matches_serves() -> None:
    rules = rules_of(no=OTHERS[0], yes=FITTING[0], also=FITTING[1], rest=None)
    assert chosen(rules, KNOWN) == "yes"
    assert chosen(rules, NOTHING) == "rest"


def test_where_none_says_so_the_last_serves() -> None:
    assert chosen(rules_of(a=OTHERS[0], b=OTHERS[1]), KNOWN) == "b"


def test_traits_come_from_the_readings() -> None:
    card = PaymentMethodReading("pm_1", "card", brand="visa")
    debit = PaymentMethodReading("pm_2", "sepa_debit")
    subscription = SubscriptionReading(
        "sub_1",
        "cus_1",
        "active",
        NOW,
        "eur",
        items=(
            PriceReading(50_000, "eur", "month", 12, 1, product_id="prod_1", price_id="price_1"),
            PriceReading(10, "eur", "month", 12, 1, product_id="prod_2", price_id="price_2"),
        ),
        default_payment_method=debit,
        metadata={"tier": "gold"},
    )
    customer = CustomerReading(
        "cus_1",
        country="de",
        default_payment_method=card,
        created_at=NOW - DAY,
        metadata={"tier": "vip", "region": "north"},
    )
    invoice = InvoiceReading(
        "in_1", "cus_1", "sub_1", "open", "subscription_cycle", "charge_automatically", "eur",
        60_000, 10_000, 50_000, True, 1, NOW,
    )  # fmt: skip
    assert traits_of(invoice, subscription=subscription, customer=customer, now=NOW) == Traits(
        amount_minor=50_000,
        currency="eur",
        collection_method="charge_automatically",
        now=NOW,
        interval=BillingInterval("year"),
        price_ids=("price_1", "price_2"),
        product_ids=("prod_1", "prod_2"),
        country="DE",
        method_type="sepa_debit",
        brand="",
        customer_created_at=NOW - DAY,
        metadata={"tier": "gold", "region": "north"},
    )
    own_card = replace(subscription, default_payment_method=None)
    assert traits_of(invoice, subscription=own_card, customer=customer, now=NOW).brand == "visa"
    bare = traits_of(invoice, subscription=None, customer=None, now=NOW)
    assert bare == replace(NOTHING, collection_method="charge_automatically")


@pytest.mark.parametrize(
    ("unit", "count", "standard"),
    [
        ("month", 12, BillingInterval("year")),
        ("month", 24, BillingInterval("year", 2)),
        ("month", 6, BillingInterval("month", 6)),
        ("day", 14, BillingInterval("week", 2)),
        ("year", 1, BillingInterval("year")),
        ("", 1, None),
        ("month", 0, None),
    ],
)
def test_one_interval_has_one_name(unit: str, count: int, standard: BillingInterval | None) -> None:
    assert standard_interval(unit, count) == standard


def test_conditions_that_exclude_each_other() -> None:
    assert never_matches(Match(amounts=(AmountRange("eur"),), currencies=("usd",)))
    assert never_matches(Match(brands=("visa",), method_types=("sepa_debit",)))
    assert not never_matches(Match(brands=("visa",), method_types=("card", "sepa_debit")))
    assert not never_matches(Match(amounts=(AmountRange("eur"),), currencies=("usd", "eur")))


# Random lists of policies over few values, so that all customers there can be are tried one by one.
ranges = st.builds(
    AmountRange,
    currency=st.sampled_from(["eur", "usd"]),
    least_minor=st.integers(0, 3),
    most_minor=st.none() | st.integers(3, 5),
)
ages = st.none() | st.integers(1, 3).map(lambda days: days * DAY)
matches = st.builds(
    Match,
    intervals=st.just(()) | st.just((BillingInterval("year"),)),
    amounts=st.lists(ranges, max_size=2).map(tuple),
    currencies=st.lists(st.sampled_from(["eur", "usd"]), max_size=2).map(tuple),
    method_types=st.lists(st.sampled_from(["card", "link"]), max_size=2).map(tuple),
    brands=st.lists(st.sampled_from(["visa", "amex"]), max_size=2).map(tuple),
    customer_age_min=ages,
    customer_age_below=ages,
    metadata=st.dictionaries(st.sampled_from("ab"), st.just(("x",)), max_size=1),
)


def everybody() -> list[Traits]:
    """Return one customer for each combination of the values that *matches* may name."""
    return [
        Traits(
            amount_minor=amount,
            currency=currency,
            collection_method="charge_automatically",
            now=NOW,
            interval=interval,
            method_type=method.partition(" ")[0],
            brand=method.partition(" ")[2],
            customer_created_at=None if age is None else NOW - age * DAY,
            metadata=metadata,
        )
        for amount in range(7)
        for currency in ("eur", "usd", "jpy")
        for interval in (BillingInterval("year"), BillingInterval("month"))
        for method in ("card visa", "card amex", "card jcb", "link")
        for age in (None, 0, 1, 2, 3)
        for metadata in ({}, {"a": "x"}, {"b": "x"})
    ]


@settings(max_examples=40)
@given(st.lists(st.none() | matches, min_size=1, max_size=4))
def test_out_of_reach_is_what_trying_everybody_shows(listed: list[Match | None]) -> None:
    fulfilled = [
        {at for at, one in enumerate(everybody()) if match is None or serves(match, one)}
        for match in listed
    ]
    named = out_of_reach(listed)
    for position, own in enumerate(fulfilled):
        if not own:
            continue
        before = set().union(*fulfilled[:position])
        assert (position in named) == (own <= before)
        covering = set().union(*(fulfilled[other] for other in named.get(position, [])))
        assert position not in named or own <= covering


def test_an_entangled_list_is_left_alone() -> None:
    listed = [Match(metadata={f"key {at}": ("x",), f"key {at + 1}": ("y",)}) for at in range(24)]
    assert out_of_reach([*listed, None]) == {}
