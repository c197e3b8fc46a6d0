"""Readings of payments, payment methods and customers; their shapes are alike in all versions."""

from worker.domain.readings import (
    ChargeReading,
    CustomerReading,
    DeclineSignals,
    PaymentMethodReading,
    PaymentReading,
)
from worker.gateway.raw_fields import (
    child,
    created_at,
    flag,
    instant,
    metadata,
    reference,
    text,
    texts,
    whole,
)
from worker.ports import Json


def read_signals(error: Json) -> DeclineSignals:
    """Return the signals of `PaymentIntent.last_payment_error` or of an error answer.

    Where the error carries its charge or PaymentIntent with an expanded charge, the charge's
    outcome is added.
    """
    outcome = child(error, "charge", "outcome") or child(
        error, "payment_intent", "latest_charge", "outcome"
    )
    return DeclineSignals(
        code=text(error, "code"),
        decline_code=text(error, "decline_code"),
        advice_code=text(error, "advice_code") or text(outcome, "advice_code"),
        network_decline_code=_network_code(error, outcome, "network_decline_code"),
        network_advice_code=_network_code(error, outcome, "network_advice_code"),
        outcome_type=text(outcome, "type"),
        network_status=text(outcome, "network_status"),
        reason=text(outcome, "reason"),
    )


def read_charge(raw: Json) -> ChargeReading:
    """Return the charge with its outcome."""
    details = child(raw, "payment_method_details")
    kind = text(details, "type")
    method = child(details, kind)
    return ChargeReading(
        id=text(raw, "id"),
        status=text(raw, "status"),
        payment_intent_id=reference(raw, "payment_intent"),
        payment_method_id=reference(raw, "payment_method"),
        amount_minor=whole(raw, "amount"),
        currency=text(raw, "currency"),
        created_at=created_at(raw),
        signals=_charge_signals(raw),
        brand=text(method, "brand").lower(),
        fingerprint=text(method, "fingerprint"),
        country=text(method, "country"),
        payment_method_type=kind,
        customer_id=reference(raw, "customer"),
    )


def read_payment(intent: Json) -> PaymentReading:
    """Return the PaymentIntent as the payment of an invoice."""
    error = child(intent, "last_payment_error")
    failed_with = child(error, "payment_method") or child(error, "source")
    latest_charge = child(intent, "latest_charge")
    # An error of an earlier try may still stand beside a payment that went through since.
    failed = error and text(intent, "status") not in {"succeeded", "processing"}
    return PaymentReading(
        payment_intent_id=text(intent, "id"),
        status=text(intent, "status"),
        latest_charge_id=reference(intent, "latest_charge"),
        payment_method_id=reference(intent, "payment_method") or text(failed_with, "id"),
        payment_method=read_payment_method(child(intent, "payment_method") or failed_with),
        signals=read_signals({**error, "charge": latest_charge}) if failed else None,
    )


def read_payment_method(raw: Json) -> PaymentMethodReading | None:
    """Return the payment method, None where *raw* is empty (not expanded, or none set).

    Cards of the older Sources API (`card_...`) have their fields at the top.
    """
    if not text(raw, "id"):
        return None
    kind = text(raw, "type") or text(raw, "object")
    details = raw if text(raw, "object") == "card" else child(raw, kind)
    return PaymentMethodReading(
        id=text(raw, "id"),
        type=kind,
        brand=text(details, "brand").lower(),
        last4=text(details, "last4"),
        exp_month=whole(details, "exp_month"),
        exp_year=whole(details, "exp_year"),
        fingerprint=text(details, "fingerprint"),
        country=text(details, "country"),
        customer_id=reference(raw, "customer"),
        created_at=instant(raw, "created"),
    )


def read_customer(raw: Json) -> CustomerReading | None:
    """Return the customer, None where *raw* is empty (not expanded); a deleted one says so."""
    if not text(raw, "id"):
        return None
    settings = child(raw, "invoice_settings")
    default_id = reference(settings, "default_payment_method") or reference(raw, "default_source")
    default = read_payment_method(child(settings, "default_payment_method"))
    if default is None and not reference(settings, "default_payment_method"):
        default = read_payment_method(child(raw, "default_source"))
    return CustomerReading(
        id=text(raw, "id"),
        deleted=flag(raw, "deleted"),
        email=text(raw, "email"),
        name=text(raw, "name"),
        locales=texts(raw, "preferred_locales"),
        country=text(child(raw, "address"), "country"),
        default_payment_method=default,
        default_payment_method_id=default_id,
        test_clock_id=reference(raw, "test_clock"),
        created_at=instant(raw, "created"),
        metadata=metadata(raw),
    )


def _charge_signals(raw: Json) -> DeclineSignals:
    outcome = child(raw, "outcome")
    issuer_declined = text(outcome, "type") == "issuer_declined"
    return DeclineSignals(
        code=text(raw, "failure_code"),
        decline_code=text(outcome, "reason") if issuer_declined else "",
        advice_code=text(outcome, "advice_code"),
        network_decline_code=text(outcome, "network_decline_code"),
        network_advice_code=text(outcome, "network_advice_code"),
        outcome_type=text(outcome, "type"),
        network_status=text(outcome, "network_status"),
        reason=text(outcome, "reason"),
    )


def _network_code(error: Json, outcome: Json, name: str) -> str:
    return text(error, name) or text(outcome, name)
