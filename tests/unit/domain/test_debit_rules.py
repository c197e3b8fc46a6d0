"""How often a bank debit may be presented again, and what is never charged unattended."""

from datetime import timedelta

import pytest

from tests.unit.domain.network_tries_building import (
    NOW,
    TICK,
    ago,
    ask,
    card,
    paid,
    signals,
    target,
    tried,
)
from worker.domain.network_rules import WindowUse
from worker.domain.policy import NetworkLimits
from worker.domain.readings import DeclineSignals

DAY = timedelta(days=1)


@pytest.mark.parametrize("kind", ["paypal", "cashapp", "klarna", "boleto", "bank_account"])
def test_a_method_without_a_published_limit_is_never_charged_unattended(kind: str) -> None:
    answer = ask([], target(card(type=kind, brand="")))
    assert (answer.at, answer.rule, answer.uses) == (None, "unlisted_method", ())
    assert kind in answer.reason


DEBITS = [
    ("sepa_debit", 3, "AM04", "SEPA: 3 of 3 tries in 30 days"),
    ("bacs_debit", 3, "0", "Bacs: 3 of 3 tries in 30 days"),
    ("au_becs_debit", 3, "", "AU BECS: 3 of 3 tries in 30 days"),
    ("acss_debit", 2, "", "ACSS: 2 of 2 tries in 30 days"),
    ("nz_bank_account", 2, "", "NZ BECS: 2 of 2 tries in 30 days"),
]


@pytest.mark.parametrize(("kind", "limit", "code", "reason"), DEBITS)
def test_a_debit_is_presented_so_often_in_30_days_for_each_debt(
    kind: str, limit: int, code: str, reason: str
) -> None:
    said = signals(decline_code="insufficient_funds", network_decline_code=code)
    oldest = ago(days=29)
    history = [
        tried(oldest + i * 5 * DAY, said, payment_method_type=kind, brand="", amount_minor=i)
        for i in range(limit)
    ]
    wish = target(card(type=kind, brand=""))
    answer = ask(history, wish)
    assert (answer.at, answer.reason) == (oldest + 30 * DAY, reason)
    assert answer.rule == f"{kind}_30_days"
    assert answer.uses == (WindowUse(kind, 30 * DAY, limit, limit, limit),)
    assert ask(history[1:], wish).at == NOW
    assert ask(history, target(card(type=kind, brand=""), debt="pi_2")).at == NOW
    other_account = target(card(type=kind, brand="", id="pm_b", fingerprint="b"))
    assert ask(history, other_account).at == oldest + 30 * DAY


def test_a_returned_debit_that_closes_the_account_stops_it() -> None:
    said = signals(network_decline_code="AC04")
    history = [tried(ago(days=60), said, payment_method_type="sepa_debit", brand="", debt="pi_0")]
    answer = ask(history, target(card(type="sepa_debit", brand="")))
    assert answer.rule == "stop_signal"
    assert answer.reason.endswith("until the account changes")


def test_a_debit_under_way_counts_but_stops_nothing() -> None:
    wish = target(card(type="sepa_debit", brand=""))
    for said in ({}, {"outcome_type": "authorized", "network_status": "approved_by_network"}):
        under_way = tried(
            ago(days=1), signals(**said), payment_method_type="sepa_debit", brand="", debt="pi_2"
        )
        assert ask([under_way], wish).at == NOW
        assert ask([under_way], target(wish.method, debt="pi_2")).uses[0].count == 1
    unexplained = tried(
        ago(days=1), signals(outcome_type="issuer_declined"), payment_method_type="sepa_debit"
    )
    assert ask([unexplained], wish).rule == "stop_signal"


def test_a_debits_codes_are_not_read_as_a_card_networks() -> None:
    said = signals(decline_code="insufficient_funds", network_advice_code="27")
    history = [tried(ago(hours=1), said, payment_method_type="sepa_debit", brand="")]
    assert ask(history, target(card(type="sepa_debit", brand=""))).at == NOW


ACH = {"payment_method_type": "us_bank_account", "brand": "", "country": "US"}
BANK = target(card(type="us_bank_account", brand="", country="US"))
MAY_RETRY = NetworkLimits(ach_retries_authorised=True)
R01, R09 = signals(network_decline_code="R01"), signals(network_decline_code="R09")


def test_an_ach_debit_is_retried_twice_within_180_days_of_the_original() -> None:
    history = [tried(ago(days=170), R01, **ACH)]
    assert ask([], BANK).at == NOW
    assert ask(history, BANK, limits=MAY_RETRY).at == NOW
    history.append(tried(ago(days=160), R09, **ACH))
    assert ask(history, BANK, limits=MAY_RETRY).at == NOW
    history.append(tried(ago(days=150), R01, **ACH))
    answer = ask(history, BANK, limits=MAY_RETRY)
    assert (answer.at, answer.rule) == (None, "ach_180_days")
    assert answer.reason == "ACH: 3 of 3 tries in 180 days"
    assert answer.uses == (WindowUse("ach", 180 * DAY, 3, 3, 3),)


def test_after_180_days_an_ach_debit_is_no_longer_the_same_entry() -> None:
    original = tried(ago(days=180), R01, **ACH)
    before = ask([original], BANK, limits=MAY_RETRY, now=NOW - TICK)
    assert before.at == NOW - TICK
    answer = ask([original], BANK, limits=MAY_RETRY)
    assert (answer.at, answer.rule) == (None, "ach_180_days")
    assert ask([original], target(BANK.method, debt="pi_2"), limits=MAY_RETRY).at == NOW


def test_an_ach_retry_needs_the_operators_stated_authorisation() -> None:
    answer = ask([tried(ago(days=4), R01, **ACH)], BANK)
    assert (answer.at, answer.rule) == (None, "ach_authorisation")


@pytest.mark.parametrize("code", ["", "R08", "R99", "insufficient_funds"])
def test_only_r01_and_r09_may_be_presented_again(code: str) -> None:
    said = signals(decline_code="insufficient_funds", network_decline_code=code)
    answer = ask([tried(ago(days=4), said, **ACH)], BANK, limits=MAY_RETRY)
    assert answer.at is None
    assert answer.rule in {"ach_return", "stop_signal"}


def test_the_last_ach_return_decides_and_a_debit_under_way_is_none() -> None:
    first = tried(ago(days=9), R01, **ACH)
    unknown = tried(ago(days=4), DeclineSignals(), **ACH)
    assert ask([first, unknown], BANK, limits=MAY_RETRY).at is None
    taken = paid(ago(days=4), **ACH)
    assert ask([first, taken], BANK, limits=MAY_RETRY).rule == "ach_return"


def test_another_bank_account_starts_with_an_original_which_counts_for_the_debt() -> None:
    closed = tried(ago(days=4), signals(network_decline_code="R02"), **ACH)
    new_account = target(
        card(type="us_bank_account", brand="", id="pm_b", fingerprint="b", country="US")
    )
    assert ask([closed], new_account).at == NOW
    assert ask([closed] * 3, new_account).rule == "ach_180_days"
