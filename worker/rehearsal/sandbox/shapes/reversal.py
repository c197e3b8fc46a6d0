"""Credit notes, refunds, disputes and early fraud warnings."""

from typing import Any

from worker.rehearsal.sandbox.world import Obj, World

_EVIDENCE = (
    "access_activity_log", "billing_address", "cancellation_policy",
    "cancellation_policy_disclosure", "cancellation_rebuttal", "customer_communication",
    "customer_email_address", "customer_name", "customer_purchase_ip", "customer_signature",
    "duplicate_charge_documentation", "duplicate_charge_explanation", "duplicate_charge_id",
    "product_description", "receipt", "refund_policy", "refund_policy_disclosure",
    "refund_refusal_explanation", "service_date", "service_documentation", "shipping_address",
    "shipping_carrier", "shipping_date", "shipping_documentation", "shipping_tracking_number",
    "uncategorized_file", "uncategorized_text",
)  # fmt: skip


# What the sandbox does not model, or what never differs; shared, because nothing changes it.
_SAME_NOTE: Obj = {
    "amount_shipping": 0,
    "customer_account": None,
    "customer_balance_transaction": None,
    "discount_amount": 0,
    "discount_amounts": [],
    "livemode": False,
    "out_of_band_amount": None,
    "pretax_credit_amounts": [],
    "refunds": [],
    "shipping_cost": None,
    "total_taxes": [],
    "voided_at": None,
}


def credit_note(world: World, invoice: Obj, params: dict[str, Any], *, pre_payment: bool) -> Obj:
    """Return a credit note of one line over `params["amount"]`."""
    amount = params["amount"]
    note_id = world.new_id("credit_note")
    line = {
        "id": world.new_id("credit_note_line_item"),
        "object": "credit_note_line_item",
        "amount": amount,
        "description": params.get("memo") or "Credit",
        "discount_amount": 0,
        "discount_amounts": [],
        "invoice_line_item": None,
        "livemode": False,
        "metadata": {},
        "pretax_credit_amounts": [],
        "quantity": 1,
        "tax_rates": [],
        "taxes": [],
        "type": "custom_line_item",
        "unit_amount": amount,
        "unit_amount_decimal": str(amount),
    }
    count = len(world.where("credit_note", "invoice", invoice["id"])) + 1
    return {
        "id": note_id,
        "object": "credit_note",
        **_SAME_NOTE,
        "amount": amount,
        "created": world.now_of(invoice),
        "currency": invoice["currency"],
        "customer": invoice["customer"],
        "effective_at": world.now_of(invoice),
        "invoice": invoice["id"],
        "lines": {
            "object": "list",
            "data": [line],
            "has_more": False,
            "url": f"/v1/credit_notes/{note_id}/lines",
        },
        "memo": params.get("memo"),
        "metadata": params.get("metadata", {}),
        "number": f"{invoice['number']}-CN-{count:02d}",
        "pdf": f"{world.base_url}/_sandbox/credit_notes/{note_id}/pdf",
        "post_payment_amount": 0 if pre_payment else amount,
        "pre_payment_amount": amount if pre_payment else 0,
        "reason": params.get("reason"),
        "status": "issued",
        "subtotal": amount,
        "subtotal_excluding_tax": amount,
        "total": amount,
        "total_excluding_tax": amount,
        "type": "pre_payment" if pre_payment else "post_payment",
    }


def refund(world: World, charge: Obj, amount: int) -> Obj:
    """Return a refund that went through at once."""
    return {
        "id": world.new_id("refund"),
        "object": "refund",
        "amount": amount,
        "balance_transaction": None,
        "charge": charge["id"],
        "created": world.now_of(charge),
        "currency": charge["currency"],
        "customer": charge["customer"],
        "customer_account": None,
        "destination_details": {"card": {"type": "refund"}, "type": "card"},
        "metadata": {},
        "payment_intent": charge["payment_intent"],
        "payment_method": charge["payment_method"],
        "reason": None,
        "receipt_number": None,
        "source_transfer_reversal": None,
        "status": "succeeded",
        "transfer_reversal": None,
    }


def dispute(world: World, charge: Obj, reason: str, due_by: int) -> Obj:
    """Return a dispute that waits for an answer until *due_by* (unix seconds)."""
    kind = charge["payment_method_details"]["type"]
    details: Obj | None = None
    if kind == "card":
        brand = charge["payment_method_details"]["card"]["brand"]
        card = {
            "brand": brand,
            "case_type": "chargeback",
            "network": brand,
            "network_reason_code": "10.4" if reason == "fraudulent" else "13.1",
        }
        details = {"card": card, "type": "card"}
    return {
        "id": world.new_id("dispute"),
        "object": "dispute",
        "amount": charge["amount"],
        "balance_transactions": [],
        "charge": charge["id"],
        "created": world.now_of(charge),
        "currency": charge["currency"],
        "enhanced_eligibility_types": [],
        "evidence": {**dict.fromkeys(_EVIDENCE), "enhanced_evidence": {}},
        "evidence_details": {
            "due_by": due_by,
            "enhanced_eligibility": {},
            "has_evidence": False,
            "past_due": False,
            "submission_count": 0,
            "submission_method": "not_submitted",
        },
        "intended_submission_method": None,
        "is_charge_refundable": False,
        "livemode": False,
        "metadata": {},
        "network_reason_code": None,
        "payment_intent": charge["payment_intent"],
        "payment_method_details": details,
        "reason": reason,
        "status": "needs_response",
    }


def early_fraud_warning(world: World, charge: Obj, fraud_type: str) -> Obj:
    """Return an issuer's warning about a charge."""
    return {
        "id": world.new_id("radar.early_fraud_warning"),
        "object": "radar.early_fraud_warning",
        "actionable": not charge["refunded"],
        "charge": charge["id"],
        "created": world.now_of(charge),
        "fraud_type": fraud_type,
        "livemode": False,
        "payment_intent": charge["payment_intent"],
    }
