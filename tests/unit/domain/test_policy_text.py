"""A policy's text outlives releases: it reads back whole, and old and newer texts are readable."""

import json
from dataclasses import replace
from datetime import time, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from worker.domain.policy import (
    CancelWhen,
    ClassRule,
    DayWindow,
    DeclineClass,
    Ending,
    EndingAct,
    InvoiceEnd,
    Policy,
    Reaction,
    RetriesBy,
    SmallBalance,
    Step,
)
from worker.domain.policy_text import digest_of, from_plain, to_plain

durations = st.integers(0, 10**8).map(lambda seconds: timedelta(seconds=seconds))
clocks = st.builds(time, st.integers(0, 23), st.integers(0, 59))
names = st.text(min_size=1, max_size=20)
steps = st.builds(
    Step,
    name=names,
    after=durations,
    charge=st.booleans(),
    charge_window=st.none() | st.builds(DayWindow, clocks, clocks),
    letter=st.none() | names,
)
rules = st.builds(
    ClassRule,
    do=st.sampled_from(Reaction),
    at_most=st.none() | st.integers(1, 8),
    within=st.none() | durations,
    count_as_voluntary=st.booleans(),
    paydays=st.lists(st.integers(1, 31), max_size=3).map(tuple),
    payday_key=st.just("") | names,
    ask_again=st.lists(durations, max_size=3).map(tuple),
)
endings = st.builds(
    Ending,
    after=durations,
    do=st.sampled_from(EndingAct),
    when=st.sampled_from(CancelWhen),
    invoice=st.sampled_from(InvoiceEnd),
    final_letter_step=st.none() | names,
    final_letter_gap=durations,
    if_refused=st.none() | st.sampled_from(EndingAct),
    to_price_id=st.just("") | names,
)
small_balances = st.builds(
    SmallBalance,
    below_minor=st.dictionaries(st.sampled_from(["eur", "usd", "jpy"]), st.integers(1, 999)),
    invoice=st.sampled_from(InvoiceEnd),
)
policies = st.builds(
    Policy,
    name=names,
    retries_by=st.sampled_from(RetriesBy),
    when_declined=st.dictionaries(st.sampled_from(DeclineClass), rules),
    charge_new_card_at_once=st.booleans(),
    steps=st.lists(steps, max_size=5).map(tuple),
    ending=endings,
    retries_max=st.integers(0, 8),
    retry_gap=durations,
    backup_methods=st.lists(names, max_size=2).map(tuple),
    small_balance=st.none() | small_balances,
)

PLAIN: dict[str, object] = {
    "name": "monthly-cards",
    "retries_by": "worker",
    "when_declined": {
        "funds": {"do": "retry", "at_most": 8, "count_as_voluntary": False},
        "technical": {
            "do": "retry_soon",
            "within_seconds": 21600,
            "count_as_voluntary": False,
        },
    },
    "charge_new_card_at_once": True,
    "steps": [
        {
            "name": "try 1",
            "after_seconds": 86400,
            "charge": True,
            "charge_window": {"start": "08:00", "end": "18:00"},
        },
        {
            "name": "final letter",
            "after_seconds": 950400,
            "charge": False,
            "letter": "payment_failed_final",
        },
    ],
    "ending": {
        "after_seconds": 1209600,
        "do": "cancel",
        "when": "now",
        "invoice": "uncollectible",
        "final_letter_step": "final letter",
        "final_letter_gap_seconds": 172800,
    },
    "retries_max": 8,
    "retry_gap_seconds": 72000,
}
"""The text as release 0.1 stores it; it must stay readable, so it is never edited, only joined."""


@given(policies)
def test_reads_back_what_was_written(policy: Policy) -> None:
    stored = json.loads(json.dumps(to_plain(policy)))
    assert from_plain(stored) == replace(policy, digest=digest_of(policy))


def test_stored_form_is_stable() -> None:
    """Open cases hold this digest: another text for the same policy would orphan them."""
    policy = from_plain(PLAIN)
    assert to_plain(policy) == PLAIN
    assert policy.digest == digest_of(policy) == "463345fb90f2"


def test_digest_ignores_order_and_itself() -> None:
    policy = from_plain(PLAIN)
    backwards = dict(reversed(list(policy.when_declined.items())))
    assert digest_of(replace(policy, when_declined=backwards, digest="x")) == policy.digest
    assert digest_of(replace(policy, name="other")) != policy.digest


def test_older_text_takes_defaults_and_newer_keys_are_passed_over() -> None:
    older: dict[str, object] = {
        "name": "old",
        "when_declined": {"funds": {"do": "retry"}},
        "steps": [{"name": "try 1", "after_seconds": 86400, "charge": True}],
        "ending": {"after_seconds": 1209600, "do": "leave"},
    }
    policy = from_plain(older)
    assert policy.retries_max == 8
    assert policy.retry_gap == timedelta(hours=20)
    assert policy.ending.final_letter_gap == timedelta(hours=48)
    assert policy.charge_new_card_at_once

    newer = from_plain({**older, "access": "read_only"})
    assert replace(newer, digest=policy.digest) == policy
    assert newer.digest != policy.digest


@pytest.mark.parametrize(
    "damage",
    [
        {"steps": {}},
        {"ending": []},
        {"retries_max": "8"},
        {"retry_gap_seconds": True},
        {"retries_by": "everybody"},
    ],
)
def test_damaged_text_is_refused(damage: dict[str, object]) -> None:
    with pytest.raises(ValueError, match=r"policy's text|valid RetriesBy"):
        from_plain({**PLAIN, **damage})
