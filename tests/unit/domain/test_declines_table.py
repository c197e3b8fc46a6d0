"""Every row of the decline table: code and signals in, verdict out."""

import csv
from datetime import timedelta
from pathlib import Path

import pytest

from worker.domain.decline_table import Family, decline_table
from worker.domain.declines import STRIPE_NEVER_RETRIES, classify
from worker.domain.policy import DeclineClass
from worker.domain.readings import DeclineSignals

EXPECTED = list(
    csv.DictReader(
        (Path(__file__).parent / "declines_expected.csv").read_text(encoding="utf-8").splitlines()
    )
)
DEBITS = {"ach": "us_bank_account", "sepa": "sepa_debit", "bacs": "bacs_debit"}


def _signals(family: str, code: str) -> tuple[DeclineSignals, str, str]:
    """The signals with which Stripe reports *code*, the card's brand and the method's type."""
    if family in DEBITS:
        return DeclineSignals(network_decline_code=code), "", DEBITS[family]
    if family == "local_method":
        return DeclineSignals(decline_code=code), "", "klarna"
    if family == "advice":
        return DeclineSignals(code="card_declined", advice_code=code), "visa", "card"
    if family == "error":
        return DeclineSignals(code=code), "visa", "card"
    if family == "outcome":
        blocked = DeclineSignals(
            outcome_type="blocked", network_status="not_sent_to_network", reason=code
        )
        return blocked, "visa", "card"
    if family == "mastercard_advice":
        signals = DeclineSignals(code="card_declined", network_advice_code=code)
        return signals, "mastercard", "card"
    if family in {"visa", "mastercard"}:
        return DeclineSignals(code="card_declined", network_decline_code=code), family, "card"
    return DeclineSignals(code="card_declined", decline_code=code), "visa", "card"


@pytest.mark.parametrize("row", EXPECTED, ids=lambda row: f"{row['family']}:{row['code']}")
def test_a_row_gives_its_class_and_earliest_next_try(row: dict[str, str]) -> None:
    signals, brand, method = _signals(row["family"], row["code"])
    decline = classify(signals, brand=brand, payment_method_type=method)
    assert decline.decline_class == DeclineClass(row["decline_class"])
    assert decline.earliest_wait == timedelta(hours=int(row["wait_hours"]))
    assert decline.rule == row["rule"]
    assert decline.curable_by == row["cured_by"]
    assert decline.known
    told = {
        "may_retry": decline.may_retry,
        "needs_new_method": decline.needs_new_method,
        "masked": decline.masked,
        "counted": decline.counted_by_network,
    }
    assert told == {name: row[name] == "yes" for name in told}


def test_the_expectations_name_every_row_of_the_table_and_no_other() -> None:
    expected = {(Family(row["family"]), row["code"]) for row in EXPECTED}
    assert expected == set(decline_table())
    assert len(expected) == 196


def test_every_row_has_a_source_and_an_advice_for_staff() -> None:
    bare = [row for row in decline_table().values() if not row.source or not row.advice]
    assert bare == []


def test_every_fraud_row_is_masked() -> None:
    fraud = [row for row in decline_table().values() if row.decline_class is DeclineClass.FRAUD]
    assert fraud
    assert all(row.masked for row in fraud)


def test_the_nine_codes_that_stripe_never_retries_never_may_be_retried() -> None:
    assert len(STRIPE_NEVER_RETRIES) == 9
    for code in STRIPE_NEVER_RETRIES:
        decline = classify(
            DeclineSignals(decline_code=code), brand="visa", payment_method_type="card"
        )
        assert decline.rule == "never_retried_by_stripe"
        assert not decline.may_retry
