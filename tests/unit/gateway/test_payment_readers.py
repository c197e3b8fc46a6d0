"""Charges, payment methods and customers to readings."""

from typing import Any

from worker.domain.readings import DeclineSignals
from worker.gateway.payment_readers import (
    read_charge,
    read_customer,
    read_payment_method,
    read_signals,
)


def test_a_declined_charge_carries_its_outcome_and_its_card() -> None:
    charge = read_charge(
        {
            "id": "ch_1",
            "status": "failed",
            "amount": 1200,
            "currency": "eur",
            "created": 1_760_000_000,
            "failure_code": "card_declined",
            "payment_intent": {"id": "pi_1"},
            "payment_method": "pm_1",
            "outcome": {
                "type": "issuer_declined",
                "network_status": "declined_by_network",
                "reason": "do_not_honor",
                "advice_code": "try_again_later",
                "network_decline_code": "05",
                "network_advice_code": "02",
            },
            "payment_method_details": {
                "type": "card",
                "card": {"brand": "Visa", "fingerprint": "fp", "country": "IN"},
            },
        }
    )
    assert charge.payment_intent_id == "pi_1"
    assert (charge.brand, charge.fingerprint, charge.country) == ("visa", "fp", "IN")
    assert charge.payment_method_type == "card"
    assert charge.signals == DeclineSignals(
        code="card_declined",
        decline_code="do_not_honor",
        advice_code="try_again_later",
        network_decline_code="05",
        network_advice_code="02",
        outcome_type="issuer_declined",
        network_status="declined_by_network",
        reason="do_not_honor",
    )


def test_a_charge_that_went_through_has_no_decline_code() -> None:
    outcome = {"type": "authorized", "network_status": "approved_by_network", "reason": None}
    charge = read_charge({"id": "ch_1", "status": "succeeded", "outcome": outcome})
    assert charge.signals.decline_code == ""
    assert charge.signals.outcome_type == "authorized"


def test_a_debits_account_has_fingerprint_and_last_digits_but_no_expiry() -> None:
    method = read_payment_method(
        {
            "id": "pm_1",
            "type": "us_bank_account",
            "us_bank_account": {"last4": "6789", "fingerprint": "fp"},
        }
    )
    assert method is not None
    assert (method.type, method.last4, method.fingerprint) == ("us_bank_account", "6789", "fp")
    assert (method.exp_month, method.brand) == (0, "")


def test_a_card_of_the_older_sources_has_its_fields_at_the_top() -> None:
    raw = {"id": "card_1", "object": "card", "brand": "MasterCard", "exp_year": 2030}
    method = read_payment_method(raw)
    assert method is not None
    assert (method.brand, method.exp_year, method.type) == ("mastercard", 2030, "card")


def test_a_customer_without_a_default_method_falls_back_to_the_older_default_source() -> None:
    source = {"id": "card_1", "object": "card", "brand": "Visa"}
    raw: dict[str, Any] = {
        "id": "cus_1",
        "invoice_settings": {"default_payment_method": None},
        "default_source": source,
    }
    customer = read_customer(raw)
    assert customer is not None
    assert customer.default_payment_method_id == "card_1"
    assert customer.default_payment_method is not None


def test_an_id_alone_is_no_customer_and_no_method() -> None:
    assert read_customer({}) is None
    assert read_payment_method({}) is None


def test_an_error_without_a_charge_still_gives_its_codes() -> None:
    signals = read_signals({"code": "card_declined", "decline_code": "lost_card", "charge": "ch"})
    assert (signals.decline_code, signals.outcome_type) == ("lost_card", "")
