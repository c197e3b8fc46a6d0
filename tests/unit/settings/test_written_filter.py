"""A filter of cases: each refusal's sentence, and which cases fit."""

from dataclasses import replace
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest

from worker.domain.case_filter import Candidate, fits
from worker.domain.policy import BillingInterval
from worker.domain.policy_match import Traits
from worker.errors import UsageError
from worker.settings.written_filter import FIELDS, parse_filter

BERLIN = ZoneInfo("Europe/Berlin")
FAILED_AT = datetime(2026, 10, 31, 23, 30, tzinfo=UTC)  # in Berlin it is 1 November

TRAITS = Traits(
    amount_minor=50_000,
    currency="eur",
    collection_method="charge_automatically",
    now=FAILED_AT,
    interval=BillingInterval("month"),
    price_ids=("price_x", "price_y"),
    product_ids=("prod_x",),
    country="DE",
    method_type="card",
    brand="visa",
    metadata={"team": "key accounts"},
)
CASE = Candidate(
    case_id=1042,
    state="open",
    policy="monthly-cards",
    decline_class="funds",
    decline_code="insufficient_funds",
    failed_at=FAILED_AT,
    customer_id="cus_1",
    subscription_id="sub_1",
    traits=TRAITS,
)
NOT_KNOWN = replace(
    CASE,
    policy="",
    decline_class="",
    decline_code="",
    traits=Traits(50_000, "eur", "", FAILED_AT),
)

FITTING = [
    "state=open",
    "state=OPEN,held",
    "policy=monthly-cards",
    "currency=EUR",
    "class=funds",
    "code=insufficient_funds",
    "country=de,AT",
    "country!=AT",
    "plan=price_y",
    "product=prod_x",
    "interval=month",
    "method=card",
    "brand=Visa",
    "customer=cus_1",
    "subscription!=sub_2",
    'metadata.team="key accounts"',
    "metadata.tier!=gold",
    "currency=eur amount=500",
    "currency=eur amount>=499.99 amount<500.01",
    "currency=eur amount<=500 amount!=1",
    "failed=2026-11-01",
    "failed>2026-10-31 failed<2026-11-02",
    "failed<=2026-11-01 failed>=2026-11-01",
]
OTHERS = [
    "state=held",
    "state!=open",
    "policy=annual",
    "currency=usd",
    "class=fraud",
    "code!=insufficient_funds",
    "country!=DE",
    "plan=price_z",
    "plan!=price_x",
    "interval=year",
    "method=link",
    "brand=amex",
    "customer=cus_2",
    "metadata.team=b",
    'metadata.team!="key accounts"',
    "currency=eur amount>500",
    "failed<2026-11-01",
    "failed!=2026-11-01",
    "state=open currency=usd",
]


@pytest.mark.parametrize("text", FITTING)
def test_a_term_can_hold(text: str) -> None:
    assert fits(parse_filter(text), CASE, BERLIN)


@pytest.mark.parametrize("text", OTHERS)
def test_a_term_can_fail(text: str) -> None:
    assert not fits(parse_filter(text), CASE, BERLIN)


@pytest.mark.parametrize("field", ["policy", "class", "code", "country", "plan", "method", "brand"])
def test_what_is_not_known_fulfils_neither(field: str) -> None:
    value = "funds" if field == "class" else "FR" if field == "country" else "x"
    for text in (f"{field}={value}", f"{field}!={value}"):
        assert not fits(parse_filter(text), NOT_KNOWN, BERLIN)


def test_metadata_that_is_not_there_is_known_to_be_absent() -> None:
    assert fits(parse_filter("metadata.team!=a"), NOT_KNOWN, BERLIN)


def test_every_field_is_tried_here() -> None:
    tried = " ".join(FITTING)
    assert [field for field in FIELDS if field.removesuffix("KEY") not in tried] == []


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("", "The filter is empty; write terms such as `state=open currency=eur amount>=500`."),
        (
            'metadata.team="key',
            'The filter has a quote that does not end; write metadata.team="key accounts".',
        ),
        (
            "monthly",
            "--filter monthly: is no term; write a field, a comparison and a value: `currency=",
        ),
        ("contry=DE", "--filter contry=DE: `contry` is no field; did you mean `country`?"),
        ("country>DE", "--filter country>DE: `country` has no order; write `country=DE` or `!=`."),
        ("brand=", "--filter brand=: has no value; write `brand=visa`."),
        ("metadata.=a", "--filter metadata.=a: `metadata.` is no field; did you mean"),
        (
            "country=Germany",
            "--filter country=Germany: `Germany` is no country's code; write `DE`.",
        ),
        ("currency=euro", "--filter currency=euro: `euro` is no currency; write its code"),
        ("plan=prod_1", "--filter plan=prod_1: `prod_1` is a product; write it under `product`."),
        ("class=fund", "--filter class=fund: `fund` is not known; did you mean `funds`?"),
        (
            "state=closed",
            "--filter state=closed: nothing is done to closed cases; write open, held or in_r",
        ),
        ("state=opn", "--filter state=opn: `opn` is not known; did you mean `open`?"),
        (
            "currency=eur amount>=5e2",
            "--filter amount>=5e2: `5e2` is no amount; write major units, such as `amount>=49.90`.",
        ),
        ("amount>=500", "--filter has an amount without its currency; add `currency=eur`"),
        (
            "currency=eur,usd amount>=500",
            "--filter has an amount in several currencies; write one command for each.",
        ),
        (
            "failed<november",
            "--filter failed<november: `november` is no day; write it as in `failed<2026-11-01`.",
        ),
        (
            "country=DE country=AT",
            "--filter names `country` twice; write `country=DE,AT` for either of them.",
        ),
    ],
)
def test_a_filter_that_cannot_be_meant_is_refused(text: str, sentence: str) -> None:
    with pytest.raises(UsageError) as refused:
        parse_filter(text)
    assert str(refused.value).startswith(sentence)


def test_all_problems_are_told_at_once() -> None:
    with pytest.raises(UsageError) as refused:
        parse_filter("contry=DE state=shut amount>=x")
    assert len(str(refused.value).splitlines()) == 3
