"""Names that must never change: what was written by an older release is read by a newer one."""

from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from worker.domain.identifiers import (
    card_occasion,
    case_name,
    idempotency_key,
    message_id,
    parse_case_name,
    parse_idempotency_key,
    renewal_occasion,
    stable_fraction,
    stable_id,
    step_occasion,
    trial_occasion,
)

ids = st.from_regex(r"in_[A-Za-z0-9]{1,24}", fullmatch=True)
numbers = st.integers(1, 10**9)


@given(ids, numbers)
def test_keys_read_back(invoice_id: str, no: int) -> None:
    assert parse_idempotency_key(idempotency_key(invoice_id, no)) == (invoice_id, no)


@given(st.text(max_size=40))
def test_no_other_text_is_a_key_of_ours(text: str) -> None:
    found = parse_idempotency_key(text)
    assert found is None or idempotency_key(*found) == text


@pytest.mark.parametrize(
    "text",
    [
        "",
        "dun:v1:in_1",
        "dun:v1:in_1:",
        "dun:v1::1",
        "dun:v2:in_1:1",
        "dun:v1:in_1:1:2",
        "dun:v1:in_1:1\n",
        "dun:v1:in_1:01",
        "dun:v1:in_1:0",
        "dun:v1:in_1:-1",
        "dun:v1:in_1:١",
        " dun:v1:in_1:1",
        "b6a1c7d2-5d0e-4a57-8a55-6a6d7a5a0f11",
    ],
)
def test_foreign_keys(text: str) -> None:
    assert parse_idempotency_key(text) is None


@given(numbers)
def test_case_names_read_back(number: int) -> None:
    assert parse_case_name(case_name(number)) == number


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("C-1042", 1042),
        ("c1042", 1042),
        (" C1042\n", 1042),
        ("1042", None),
        ("C-", None),
        ("C--1", None),
        ("C-1042x", None),
        ("in_1", None),
        ("", None),
        ("C-١", None),
    ],
)
def test_case_names_as_people_type_them(text: str, number: int | None) -> None:
    assert parse_case_name(text) == number


def test_names_in_full() -> None:
    """These stand in databases and at Stripe: a change would repeat letters and charges."""
    assert idempotency_key("in_1Abc", 3) == "dun:v1:in_1Abc:3"
    assert case_name(1042) == "C-1042"
    assert step_occasion(1042, "first letter") == "case:1042:first letter"
    assert card_occasion("fp1", 2027, 3, 30) == "card:fp1:2027-03:30"
    assert renewal_occasion("sub_1", date(2028, 2, 29)) == "renewal:sub_1:2028-02-29"
    assert trial_occasion("sub_1", date(2026, 12, 31)) == "trial:sub_1:2026-12-31"
    assert stable_id("acct", "case.opened", 7) == "0872172ad58300bb2c59cb6181d91c36"
    assert stable_fraction("jitter", "in_1", "try 1") == 0.6957924072379953


@given(st.lists(st.text(max_size=8), max_size=4), st.lists(st.text(max_size=8), max_size=4))
def test_other_parts_other_names(parts: list[str], others: list[str]) -> None:
    assert stable_id(*parts) == stable_id(*parts)
    joined = "\x1f".join(parts) != "\x1f".join(others)
    assert (stable_id(*parts) != stable_id(*others)) is joined
    assert 0 <= stable_fraction(*parts) < 1


def test_fractions_are_even() -> None:
    drawn = [stable_fraction("seed", n) for n in range(2000)]
    tenths = [sum(1 for x in drawn if int(x * 10) == tenth) for tenth in range(10)]
    assert min(tenths) > 150
    assert max(tenths) < 250


@pytest.mark.parametrize(
    ("sender", "domain"),
    [
        ("Acme Billing <billing@acme.example>", "acme.example"),
        ("billing@acme.example", "acme.example"),
        ("nobody", "nobody"),
    ],
)
def test_a_message_id_is_stable_and_in_the_senders_domain(sender: str, domain: str) -> None:
    first = message_id("acct_1", "case:1:first letter", sender)
    assert first == message_id("acct_1", "case:1:first letter", sender)
    assert first != message_id("acct_1", "case:1:second letter", sender)
    assert first.endswith(f"@{domain}>")
