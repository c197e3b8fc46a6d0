"""What the readers look for exists in the SDK's typed classes and in Stripe's example objects."""

import json
from pathlib import Path
from typing import Any

import pytest
import stripe

from worker.gateway.invoice_readers import StripeReader
from worker.gateway.stripe_gateway import INVOICE_EXPANDED, PAY_EXPANDED
from worker.gateway.transport import API_VERSION

EXAMPLES: dict[str, Any] = json.loads(
    (Path(__file__).parents[1] / "data" / "fixtures3.json").read_text(encoding="utf-8")
)["resources"]

FIELDS: list[tuple[type, str]] = [
    (
        stripe.Invoice,
        (
            "amount_due amount_paid amount_remaining attempt_count attempted auto_advance "
            "billing_reason collection_method created currency customer due_date id "
            "hosted_invoice_url lines next_payment_attempt number parent payments "
            "period_end period_start status status_transitions"
        ),
    ),
    (stripe.Invoice.Parent.SubscriptionDetails, "subscription"),
    (stripe.InvoicePayment, "amount_paid created is_default payment status"),
    (stripe.InvoicePayment.Payment, "payment_intent type"),
    (
        stripe.PaymentIntent,
        "id last_payment_error latest_charge payment_method status",
    ),
    (
        stripe.PaymentIntent.LastPaymentError,
        (
            "advice_code charge code decline_code network_advice_code network_decline_code "
            "payment_method"
        ),
    ),
    (
        stripe.Subscription,
        (
            "cancel_at cancel_at_period_end canceled_at cancellation_details collection_method "
            "created currency customer default_payment_method default_source ended_at id items "
            "latest_invoice metadata pause_collection start_date status test_clock trial_end "
            "trial_start"
        ),
    ),
    (stripe.SubscriptionItem, "current_period_end current_period_start price quantity"),
    (
        stripe.Customer,
        (
            "address created default_source email id invoice_settings metadata name "
            "preferred_locales test_clock"
        ),
    ),
    (
        stripe.Charge,
        (
            "amount created currency failure_code id outcome payment_intent payment_method "
            "payment_method_details status"
        ),
    ),
    (
        stripe.Charge.Outcome,
        "advice_code network_advice_code network_decline_code network_status reason type",
    ),
    (stripe.PaymentMethod.Card, "brand country exp_month exp_year fingerprint last4"),
]


@pytest.mark.parametrize(
    ("model", "fields"), FIELDS, ids=[model.__qualname__ for model, _ in FIELDS]
)
def test_every_field_we_read_exists_in_the_pinned_version(model: type, fields: str) -> None:
    assert set(fields.split()) - set(model.__annotations__) == set()


def test_the_pinned_version_is_the_sdks_own() -> None:
    assert stripe.StripeClient("sk_test_1")._requestor._options.stripe_version == API_VERSION


def test_stripe_expands_four_levels_at_most() -> None:
    assert max(path.count(".") + 1 for path in (*INVOICE_EXPANDED, *PAY_EXPANDED)) <= 4


def test_stripes_example_objects_are_read() -> None:
    reader = StripeReader()
    invoice = reader.invoice(EXAMPLES["invoice"], API_VERSION)
    assert invoice.id == EXAMPLES["invoice"]["id"]
    assert invoice.amount_due_minor == EXAMPLES["invoice"]["amount_due"]
    subscription = reader.subscription(EXAMPLES["subscription"], API_VERSION)
    assert subscription.status == EXAMPLES["subscription"]["status"]
    assert subscription.period_end_at is not None
    assert subscription.items[0].price_id
    charge = reader.charge(EXAMPLES["charge"])
    assert charge.amount_minor == EXAMPLES["charge"]["amount"]
    assert charge.payment_method_type == "card"
    customer = reader.customer(EXAMPLES["customer"])
    assert customer is not None
    assert customer.id == EXAMPLES["customer"]["id"]
    method = reader.payment_method(EXAMPLES["payment_method"])
    assert method is not None
    assert method.last4 == EXAMPLES["payment_method"]["card"]["last4"]
