"""/v1/payment_intents, /v1/charges and /v1/invoice_payments, to read."""

from worker.rehearsal.sandbox.lists import page
from worker.rehearsal.sandbox.params import LISTING, Spec, need, nested, one_of, span, text
from worker.rehearsal.sandbox.routing import Call, get
from worker.rehearsal.sandbox.world import Obj


def intents(call: Call) -> Obj:
    """List PaymentIntents, of one customer if asked."""
    customer = call.params.get("customer")
    among = ("customer", customer) if customer else None
    return page(call.world, "payment_intent", call.params, "/v1/payment_intents", among=among)


def charges(call: Call) -> Obj:
    """List charges, of one PaymentIntent or customer if asked."""
    params = call.params
    name = "payment_intent" if "payment_intent" in params else "customer"
    among = (name, params[name]) if name in params else None
    owner = params.get("customer")
    return page(
        call.world,
        "charge",
        params,
        "/v1/charges",
        among=among,
        keep=(lambda row: row["customer"] == owner) if owner else None,
    )


def invoice_payments(call: Call) -> Obj:
    """List payments of invoices, by invoice, PaymentIntent, status and time."""
    params = call.params
    among = ("invoice", params["invoice"]) if "invoice" in params else None
    status = params.get("status")
    payment = params.get("payment") or {}
    if payment:
        need(payment, "type")
    intent = payment.get("payment_intent")
    if intent and among is None:
        among = ("payment_intent", intent)

    def keep(row: Obj) -> bool:
        if status and row["status"] != status:
            return False
        if payment and row["payment"]["type"] != payment["type"]:
            return False
        return not intent or row["payment"]["payment_intent"] == intent

    return page(
        call.world, "invoice_payment", params, "/v1/invoice_payments", among=among, keep=keep
    )


_PAYMENT = nested(
    {
        "payment_intent": text,
        "payment_record": text,
        "type": one_of("payment_intent", "payment_record"),
    }
)
_INVOICE_PAYMENTS: Spec = {
    **LISTING,
    "created": span,
    "invoice": text,
    "payment": _PAYMENT,
    "status": one_of("canceled", "open", "paid"),
}
_LIST: Spec = {**LISTING, "created": span, "customer": text}
ROUTES = [
    get("/v1/payment_intents", intents, "payment_intent", _LIST),
    get(
        "/v1/payment_intents/{id}",
        lambda call: call.world.get("payment_intent", call.id),
        "payment_intent",
    ),
    get("/v1/charges", charges, "charge", {**_LIST, "payment_intent": text}),
    get("/v1/charges/{id}", lambda call: call.world.get("charge", call.id), "charge"),
    get("/v1/invoice_payments", invoice_payments, "invoice_payment", _INVOICE_PAYMENTS),
    get(
        "/v1/invoice_payments/{id}",
        lambda call: call.world.get("invoice_payment", call.id),
        "invoice_payment",
    ),
]
