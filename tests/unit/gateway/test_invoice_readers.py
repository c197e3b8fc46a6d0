"""Invoices and subscriptions of both shapes, before and after API 2025-03-31, to readings."""

from datetime import UTC, datetime
from typing import Any

import pytest

from worker.gateway.invoice_readers import StripeReader, is_basil
from worker.ports import ObjectReader

BASIL = "2026-10-28.endive"
OLD = "2024-06-20"
START, END = 1_760_000_000, 1_762_600_000


def _at(seconds: int) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)


def _intent(**changes: Any) -> dict[str, Any]:
    return {
        "id": "pi_1",
        "object": "payment_intent",
        "status": "requires_payment_method",
        "latest_charge": "ch_1",
        "payment_method": None,
        "last_payment_error": {
            "code": "card_declined",
            "decline_code": "insufficient_funds",
            "advice_code": "try_again_later",
            "network_decline_code": "51",
            "network_advice_code": "25",
            "charge": "ch_1",
            "payment_method": {
                "id": "pm_1",
                "type": "card",
                "card": {"brand": "mastercard", "last4": "4444", "fingerprint": "fp_1"},
            },
        },
        **changes,
    }


def _common(**changes: Any) -> dict[str, Any]:
    return {
        "id": "in_1",
        "object": "invoice",
        "customer": "cus_1",
        "status": "open",
        "billing_reason": "subscription_cycle",
        "collection_method": "charge_automatically",
        "currency": "eur",
        "amount_due": 1200,
        "amount_paid": 200,
        "amount_remaining": 1000,
        "attempted": True,
        "attempt_count": 2,
        "created": START,
        "next_payment_attempt": None,
        "status_transitions": {"paid_at": None},
        **changes,
    }


def _basil_invoice(**changes: Any) -> dict[str, Any]:
    return _common(
        parent={
            "type": "subscription_details",
            "subscription_details": {"subscription": "sub_1", "metadata": {}},
        },
        payments={
            "object": "list",
            "data": [
                {"is_default": False, "created": 9, "payment": {"payment_intent": {"id": "pi_0"}}},
                {"is_default": True, "created": 1, "payment": {"payment_intent": _intent()}},
            ],
        },
        **changes,
    )


def _old_invoice(**changes: Any) -> dict[str, Any]:
    return _common(
        subscription="sub_1", charge="ch_1", payment_intent=_intent(), paid=False, **changes
    )


@pytest.mark.parametrize(
    ("raw", "version"),
    [
        (_basil_invoice(), BASIL),
        (_old_invoice(), OLD),
        (_basil_invoice(), OLD),
        (_old_invoice(), BASIL),
        (_basil_invoice(), ""),
    ],
)
def test_both_shapes_give_the_same_reading(raw: dict[str, Any], version: str) -> None:
    reading = StripeReader().invoice(raw, version)
    assert reading.subscription_id == "sub_1"
    assert (reading.status, reading.amount_remaining_minor) == ("open", 1000)
    assert reading.payment is not None
    assert reading.payment.payment_intent_id == "pi_1"
    assert reading.payment.payment_method_id == "pm_1"
    assert reading.payment.payment_method is not None
    assert reading.payment.payment_method.brand == "mastercard"
    assert reading.payment.signals is not None
    assert reading.payment.signals.network_advice_code == "25"
    assert reading.created_at == _at(START)


def test_what_is_not_expanded_stays_none() -> None:
    raw = _common(
        parent={"subscription_details": {"subscription": "sub_1"}},
        payments={"data": [{"is_default": True, "payment": {"payment_intent": "pi_1"}}]},
    )
    reading = StripeReader().invoice(raw, BASIL)
    assert (reading.payment, reading.subscription, reading.customer) == (None, None, None)
    assert (reading.customer_id, reading.subscription_id) == ("cus_1", "sub_1")


def test_an_expanded_read_carries_subscription_and_customer_with_their_methods() -> None:
    card = {"id": "pm_2", "type": "card", "customer": "cus_1", "card": {"brand": "visa"}}
    raw = _basil_invoice(
        customer={
            "id": "cus_1",
            "email": "a@example.com",
            "preferred_locales": ["de-AT", "en"],
            "address": {"country": "AT"},
            "invoice_settings": {"default_payment_method": card},
            "test_clock": "clock_1",
            "metadata": {"time_zone": "Europe/Vienna"},
        }
    )
    raw["parent"]["subscription_details"]["subscription"] = {
        "id": "sub_1",
        "status": "past_due",
        "customer": "cus_1",
        "created": START,
        "default_payment_method": card,
        "items": {"data": []},
    }
    reading = StripeReader().invoice(raw, BASIL)
    assert reading.subscription is not None
    assert reading.subscription.default_payment_method is not None
    assert reading.subscription.default_payment_method_id == "pm_2"
    assert reading.customer is not None
    assert reading.customer.locales == ("de-AT", "en")
    assert reading.customer.country == "AT"
    assert reading.customer.default_payment_method_id == "pm_2"
    assert reading.customer.metadata == {"time_zone": "Europe/Vienna"}


def test_a_deleted_customer_says_so() -> None:
    raw = _basil_invoice(customer={"id": "cus_1", "object": "customer", "deleted": True})
    reading = StripeReader().invoice(raw, BASIL)
    assert reading.customer is not None
    assert reading.customer.deleted


def test_a_payment_that_went_through_has_no_signals_of_an_earlier_failure() -> None:
    raw = _old_invoice()
    raw["payment_intent"] = _intent(status="succeeded", payment_method="pm_9")
    reading = StripeReader().invoice(raw, OLD)
    assert reading.payment is not None
    assert reading.payment.signals is None
    assert reading.payment.payment_method_id == "pm_9"


@pytest.mark.parametrize(
    ("default", "other", "under_way"),
    [
        ("requires_payment_method", "processing", True),
        ("requires_payment_method", "requires_capture", True),
        ("processing", "requires_payment_method", True),
        ("requires_payment_method", "canceled", False),
        ("succeeded", "succeeded", False),
    ],
)
def test_every_payment_of_an_invoice_counts_as_under_way(
    default: str, other: str, under_way: bool
) -> None:
    """Partial payments: a second one in processing pays the invoice, whatever the default shows."""
    raw = _basil_invoice()
    raw["payments"]["data"][0]["payment"]["payment_intent"]["status"] = other
    raw["payments"]["data"][1]["payment"]["payment_intent"]["status"] = default
    reading = StripeReader().invoice(raw, BASIL)
    assert reading.payment is not None
    assert (reading.payment.payment_intent_id, reading.payment.status) == ("pi_1", default)
    assert reading.payment_under_way is under_way
    assert reading.other_payment_under_way is (under_way and default != "processing")


def test_an_expanded_charge_adds_its_outcome_to_the_signals() -> None:
    raw = _old_invoice()
    outcome = {"type": "blocked", "network_status": "not_sent_to_network", "reason": "rule"}
    raw["payment_intent"] = _intent(latest_charge={"id": "ch_7", "outcome": outcome})
    reading = StripeReader().invoice(raw, OLD)
    assert reading.payment is not None
    assert reading.payment.latest_charge_id == "ch_7"
    assert reading.payment.signals is not None
    assert reading.payment.signals.outcome_type == "blocked"


@pytest.mark.parametrize(
    ("flags", "status"),
    [
        ({"paid": True, "closed": True}, "paid"),
        ({"forgiven": True, "closed": True}, "uncollectible"),
        ({"closed": True}, "void"),
        ({}, "open"),
    ],
)
def test_payloads_without_a_status_are_read_by_their_flags(
    flags: dict[str, bool], status: str
) -> None:
    raw = {key: value for key, value in _old_invoice().items() if key not in {"status", "paid"}}
    assert StripeReader().invoice({**raw, **flags}, "2018-07-27").status == status


def test_a_status_of_tomorrow_stays_a_string() -> None:
    assert StripeReader().invoice(_basil_invoice(status="frozen"), BASIL).status == "frozen"


def test_the_period_is_that_of_the_line_that_renews_not_of_a_proration() -> None:
    lines = [
        {"period": {"start": START - 5, "end": END + 99}, "proration": True},
        {
            "period": {"start": START - 9, "end": END + 50},
            "parent": {"subscription_item_details": {"proration": True}},
        },
        {"period": {"start": START, "end": END}},
    ]
    raw = _basil_invoice(lines={"data": lines}, period_start=1, period_end=2)
    reading = StripeReader().invoice(raw, BASIL)
    assert (reading.period_start_at, reading.period_end_at) == (_at(START), _at(END))


def test_the_earliest_period_end_over_the_items_counts() -> None:
    items = [
        {"current_period_start": START, "current_period_end": END + 5, "price": {}},
        {"current_period_start": START + 1, "current_period_end": END, "price": {}},
    ]
    raw = {"id": "sub_1", "status": "active", "items": {"data": items}, "created": START}
    reading = StripeReader().subscription(raw, BASIL)
    assert (reading.period_start_at, reading.period_end_at) == (_at(START + 1), _at(END))


def test_an_old_subscriptions_period_and_prices_are_read() -> None:
    raw = {
        "id": "sub_1",
        "status": "active",
        "created": START,
        "current_period_start": START,
        "current_period_end": END,
        "default_source": "card_1",
        "items": {
            "data": [
                {
                    "quantity": 3,
                    "plan": {
                        "id": "plan_1",
                        "amount": 500,
                        "currency": "jpy",
                        "interval": "month",
                        "interval_count": 3,
                        "usage_type": "licensed",
                        "product": "prod_1",
                    },
                }
            ]
        },
    }
    reading = StripeReader().subscription(raw, OLD)
    assert reading.period_end_at == _at(END)
    assert reading.default_payment_method_id == "card_1"
    price = reading.items[0]
    assert (price.unit_amount_minor, price.quantity, price.interval_count) == (500, 3, 3)
    assert reading.currency == "jpy"


def test_pause_of_collection_and_the_reason_of_an_end_are_read() -> None:
    raw = {
        "id": "sub_1",
        "status": "canceled",
        "created": START,
        "pause_collection": {"behavior": "void"},
        "cancellation_details": {"reason": "payment_failed", "feedback": "too_expensive"},
        "cancel_at_period_end": True,
        "canceled_at": END,
    }
    reading = StripeReader().subscription(raw, BASIL)
    assert reading.collection_paused
    assert reading.cancellation_reason == "payment_failed"
    assert (reading.cancel_at_period_end, reading.canceled_at) == (True, _at(END))


@pytest.mark.parametrize("raw", [{}, {"id": None, "items": 3, "lines": "x", "payments": []}])
def test_an_empty_or_odd_object_gives_empty_values(raw: dict[str, Any]) -> None:
    invoice = StripeReader().invoice(raw, BASIL)
    subscription = StripeReader().subscription(raw, BASIL)
    assert (invoice.id, invoice.status, invoice.payment) == ("", "open", None)
    assert (subscription.id, subscription.items) == ("", ())


def test_the_version_decides_the_shape() -> None:
    versions = {"2025-03-31.basil": True, "2025-02-24.acacia": False, BASIL: True, OLD: False}
    assert {version: is_basil(version) for version in versions} == versions


def test_the_reader_is_what_the_services_work_against() -> None:
    reader: ObjectReader = StripeReader()
    assert reader.customer({}) is None
    assert reader.payment_method({}) is None
    assert reader.charge({"id": "ch_1"}).id == "ch_1"
