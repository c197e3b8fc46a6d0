"""/v1/credit_notes, /v1/disputes, /v1/refunds and fraud warnings."""

from worker.rehearsal.sandbox.billing import reversals
from worker.rehearsal.sandbox.errors import invalid
from worker.rehearsal.sandbox.lists import page
from worker.rehearsal.sandbox.params import (
    LISTING,
    Spec,
    any_text,
    metadata,
    need,
    one_of,
    span,
    text,
    whole,
)
from worker.rehearsal.sandbox.routing import Call, Handler, get, post
from worker.rehearsal.sandbox.world import Obj


def create_note(call: Call) -> Obj:
    """Credit part of an invoice; on an open one what is left to pay goes down."""
    world, params = call.world, call.params
    need(params, "invoice", "amount")
    invoice = world.get("invoice", params["invoice"], param="invoice")
    return reversals.credit(world, invoice, params)


def _filtered(kind: str, url: str, *names: str) -> Handler:
    def run(call: Call) -> Obj:
        wanted = {name: call.params[name] for name in names if name in call.params}
        return page(
            call.world,
            kind,
            call.params,
            url,
            keep=lambda row: all(row[name] == value for name, value in wanted.items()),
        )

    return run


def create_refund(call: Call) -> Obj:
    """Give a charge's money back."""
    world, params = call.world, call.params
    charge_id = params.get("charge")
    if charge_id is None and "payment_intent" in params:
        intent = world.get("payment_intent", params["payment_intent"], param="payment_intent")
        charge_id = intent["latest_charge"]
    if charge_id is None:
        raise invalid("One of the following params should be provided: payment_intent or charge.")
    charge = world.get("charge", charge_id, param="charge")
    return reversals.refund(world, charge, params.get("amount"))


_NOTE: Spec = {
    "amount": whole,
    "credit_amount": whole,
    "invoice": text,
    "memo": any_text,
    "metadata": metadata,
    "reason": one_of("duplicate", "fraudulent", "order_change", "product_unsatisfactory"),
}
_DISPUTES: Spec = {**LISTING, "charge": text, "created": span, "payment_intent": text}
_REFUND: Spec = {
    "amount": whole,
    "charge": text,
    "metadata": metadata,
    "payment_intent": text,
    "reason": one_of("duplicate", "fraudulent", "requested_by_customer"),
}
_NOTES, _WARNINGS = "/v1/credit_notes", "/v1/radar/early_fraud_warnings"
_EFW = "radar.early_fraud_warning"
ROUTES = [
    post(_NOTES, create_note, "credit_note", _NOTE),
    get(
        _NOTES,
        _filtered("credit_note", _NOTES, "customer", "invoice"),
        "credit_note",
        {**LISTING, "created": span, "customer": text, "invoice": text},
    ),
    get(f"{_NOTES}/{{id}}", lambda call: call.world.get("credit_note", call.id), "credit_note"),
    get(
        "/v1/disputes",
        _filtered("dispute", "/v1/disputes", "charge", "payment_intent"),
        "dispute",
        _DISPUTES,
    ),
    get("/v1/disputes/{id}", lambda call: call.world.get("dispute", call.id), "dispute"),
    post("/v1/refunds", create_refund, "refund", _REFUND),
    get("/v1/refunds/{id}", lambda call: call.world.get("refund", call.id), "refund"),
    get("/v1/mandates/{id}", lambda call: call.world.get("mandate", call.id), "mandate"),
    get(_WARNINGS, _filtered(_EFW, _WARNINGS, "charge"), _EFW, _DISPUTES),
]
