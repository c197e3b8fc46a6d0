"""PaymentIntents, charges, invoice payments and the error of a failed try."""

from typing import Any

from worker.rehearsal.sandbox.bank_accounts import RETURNED
from worker.rehearsal.sandbox.cards import Outcome
from worker.rehearsal.sandbox.world import Obj, World

from . import bank_debit


def payment_intent(world: World, invoice_row: Obj, amount: int) -> Obj:
    """Return the PaymentIntent of a finalised invoice, without a payment method yet."""
    intent_id = world.new_id("payment_intent")
    return {
        "id": intent_id,
        "object": "payment_intent",
        "allowed_payment_method_types": None,
        "amount": amount,
        "amount_capturable": 0,
        "amount_details": {"tip": {}},
        "amount_received": 0,
        "application": None,
        "application_fee_amount": None,
        "automatic_payment_methods": None,
        "canceled_at": None,
        "cancellation_reason": None,
        "capture_method": "automatic",
        "client_secret": f"{intent_id}_secret_{world.token('secret', 24)}",
        "confirmation_method": "automatic",
        "created": world.now_of(invoice_row),
        "currency": invoice_row["currency"],
        "customer": invoice_row["customer"],
        "customer_account": None,
        "description": "Subscription update" if invoice_row["parent"] else None,
        "excluded_payment_method_types": None,
        "last_payment_error": None,
        "latest_charge": None,
        "livemode": False,
        "managed_payments": {"enabled": False},
        "metadata": {},
        "next_action": None,
        "on_behalf_of": None,
        "payment_details": {"customer_reference": None, "order_reference": invoice_row["number"]},
        "payment_method": None,
        "payment_method_configuration_details": None,
        "payment_method_options": {},
        "payment_method_types": ["card", *bank_debit.ACCOUNT_FIELDS],
        "processing": None,
        "receipt_email": None,
        "review": None,
        "setup_future_usage": "off_session" if invoice_row["parent"] else None,
        "shipping": None,
        "source": None,
        "statement_descriptor": None,
        "statement_descriptor_suffix": None,
        "status": "requires_payment_method",
        "transfer_data": None,
        "transfer_group": None,
    }


def invoice_payment(world: World, invoice_row: Obj, intent: Obj) -> Obj:
    """Return the default payment of an invoice; its PaymentIntent follows what is left to pay."""
    return {
        "id": world.new_id("invoice_payment"),
        "object": "invoice_payment",
        "amount_paid": None,
        "amount_requested": intent["amount"],
        "created": intent["created"],
        "currency": intent["currency"],
        "invoice": invoice_row["id"],
        "is_default": True,
        "livemode": False,
        "payment": {"payment_intent": intent["id"], "type": "payment_intent"},
        "status": "open",
        "status_transitions": {"canceled_at": None, "paid_at": None},
    }


def charge(world: World, intent: Obj, method: Obj, outcome: Outcome, *, status: str) -> Obj:
    """Return one charge try with *status* succeeded, pending or failed."""
    good = status == "succeeded"
    charge_id = world.new_id("charge")
    return {
        "id": charge_id,
        "object": "charge",
        "amount": intent["amount"],
        "amount_captured": intent["amount"] if good else 0,
        "amount_refunded": 0,
        "application": None,
        "application_fee": None,
        "application_fee_amount": None,
        "authorization_code": world.token("authorization", 6).upper() if good else None,
        "balance_transaction": f"txn_3{world.token('txn', 23)}" if good else None,
        "billing_details": method["billing_details"],
        "calculated_statement_descriptor": world.settings.account_name.upper(),
        "captured": good,
        "created": world.now_of(intent),
        "currency": intent["currency"],
        "customer": intent["customer"],
        "description": intent["description"],
        "disputed": False,
        "failure_balance_transaction": None,
        "failure_code": _failure_code(outcome) if status == "failed" else None,
        "failure_message": outcome.message or None if status == "failed" else None,
        "fraud_details": {},
        "livemode": False,
        "metadata": {},
        "on_behalf_of": None,
        "outcome": charge_outcome(outcome, status),
        "paid": good,
        "payment_intent": intent["id"],
        "payment_method": method["id"],
        "payment_method_details": method_details(world, method, intent["amount"], good=good),
        "presentment_details": None,
        "radar_options": {},
        "receipt_email": None,
        "receipt_number": None,
        "receipt_url": None,
        "refunded": False,
        "review": None,
        "shipping": None,
        "source": None,
        "source_transfer": None,
        "statement_descriptor": None,
        "statement_descriptor_suffix": None,
        "status": status,
        "transfer_data": None,
        "transfer_group": None,
    }


def _failure_code(outcome: Outcome) -> str | None:
    """Return what a failed charge says; a returned debit says why it came back."""
    if outcome.code == RETURNED and outcome.decline_code:
        return outcome.decline_code
    return outcome.code or None


def charge_outcome(outcome: Outcome, status: str) -> Obj:
    """Return a charge's `outcome`."""
    if status != "failed":
        return {
            "advice_code": None,
            "network_advice_code": None,
            "network_decline_code": None,
            "network_status": "approved_by_network",
            "reason": None,
            "risk_level": "normal",
            "risk_score": 20,
            "seller_message": "Payment complete.",
            "type": "authorized",
        }
    if outcome.outcome_type == "blocked":
        reason = "highest_risk_level" if outcome.risk_level == "highest" else "rule"
        told = "Stripe blocked this payment as too risky."
    else:
        reason = outcome.decline_code or outcome.code
        told = f"The bank returned the decline code `{reason}`."
    return {
        "advice_code": outcome.advice_code,
        "network_advice_code": outcome.network_advice_code,
        "network_decline_code": outcome.network_decline_code,
        "network_status": outcome.network_status,
        "reason": reason,
        "risk_level": outcome.risk_level,
        "risk_score": 90 if outcome.risk_level == "highest" else 20,
        "seller_message": told,
        "type": outcome.outcome_type,
    }


def method_details(world: World, method: Obj, amount: int, *, good: bool) -> Obj:
    """Return what the charge keeps of the payment method as it was at that time."""
    kind = method["type"]
    details = method[kind]
    if kind != "card":
        mandates = world.where("mandate", "payment_method", method["id"])
        mandate_id = mandates[-1]["id"] if mandates else None
        return {"type": kind, kind: bank_debit.charged_account(details, mandate_id)}
    names = ("brand", "checks", "country", "exp_month", "exp_year", "fingerprint", "funding")
    unavailable = {"status": "unavailable"}
    return {
        "type": "card",
        "card": {
            **{name: details[name] for name in names},
            "amount_authorized": amount if good else None,
            "authorization_code": None,
            "extended_authorization": {"status": "disabled"},
            "incremental_authorization": unavailable,
            "installments": None,
            "last4": details["last4"],
            "mandate": None,
            "multicapture": unavailable,
            "network": details["brand"],
            "network_token": {"used": False},
            "network_transaction_id": world.token("network_transaction", 15).upper(),
            "overcapture": {"maximum_amount_capturable": amount, "status": "unavailable"},
            "regulated_status": details["regulated_status"],
            "stored_credential_usage": "recurring",
            "three_d_secure": None,
            "transaction_link_id": None,
            "wallet": None,
        },
    }


def payment_error(outcome: Outcome, charge_id: str | None, method: Obj | None) -> dict[str, Any]:
    """Return a PaymentIntent's `last_payment_error`."""
    error: dict[str, Any] = {
        "advice_code": outcome.advice_code,
        "charge": charge_id,
        "code": outcome.code,
        "decline_code": outcome.decline_code or None,
        "doc_url": f"https://stripe.com/docs/error-codes/{outcome.code.replace('_', '-')}",
        "message": outcome.message,
        "network_advice_code": outcome.network_advice_code,
        "network_decline_code": outcome.network_decline_code,
        "payment_method": dict(method) if method else None,
        "payment_method_type": method["type"] if method else None,
        "type": "card_error",
    }
    return {name: value for name, value in error.items() if value is not None}
