"""/v1/invoices and /v1/invoiceitems."""

from worker.rehearsal.sandbox import events
from worker.rehearsal.sandbox.billing import (
    collecting,
    debits,
    endings,
    finalising,
    invoicing,
    paying,
    payments,
    standing,
)
from worker.rehearsal.sandbox.cards import Outcome, card_error
from worker.rehearsal.sandbox.errors import ApiError, invalid, missing_param
from worker.rehearsal.sandbox.lists import page, whole_list
from worker.rehearsal.sandbox.params import (
    LISTING,
    Spec,
    any_text,
    flag,
    merged_metadata,
    metadata,
    need,
    nested,
    one_of,
    span,
    text,
    whole,
)
from worker.rehearsal.sandbox.routing import Call, delete, get, post
from worker.rehearsal.sandbox.shapes import invoice as shape
from worker.rehearsal.sandbox.world import Obj, World

from .payment_methods import resolve

_COLLECTION = one_of("charge_automatically", "send_invoice")


def create(call: Call) -> Obj:
    """Create a draft by hand; it takes the customer's waiting items."""
    world, params = call.world, call.params
    need(params, "customer")
    owner = world.get("customer", params["customer"], param="customer")
    subscription = None
    if "subscription" in params:
        subscription = world.get("subscription", params["subscription"], param="subscription")
    sends = params.get("collection_method") == "send_invoice"
    if sends and not {"days_until_due", "due_date"} & set(params):
        raise missing_param("days_until_due")
    given = {
        "auto_advance": False,
        "currency": (params.get("currency") or owner["currency"]
                     or world.settings.default_currency).lower(),
        **params,
        "billing_reason": "manual",
        "subscription": subscription,
    }  # fmt: skip
    row = world.add(shape.invoice(world, owner, given))
    if "days_until_due" in params:
        world.terms_days[row["id"]] = params["days_until_due"]
    if params.get("pending_invoice_items_behavior", "include") == "include":
        sub_id = subscription["id"] if subscription else None
        finalising.set_lines(world, row, finalising.take_pending(world, row, sub_id))
    else:
        finalising.set_lines(world, row, [])
    if row["auto_advance"]:
        invoicing.schedule_finalising(world, row)
    events.emit(world, "invoice.created", row)
    return row


def update(call: Call) -> Obj:
    """Change an invoice; once it is final, only some fields."""
    world, params = call.world, dict(call.params)
    row = world.get("invoice", call.id)
    params.pop("expand", None)
    if "metadata" in params:
        params["metadata"] = merged_metadata(row["metadata"], params["metadata"])
    late = {"metadata", "auto_advance", "default_payment_method", "description"}
    if row["status"] != "draft" and (wrong := set(params) - late):
        raise invalid(
            f"Finalized invoices can't be updated in this way: {', '.join(sorted(wrong))}.",
            code="invoice_not_editable",
        )
    if "days_until_due" in params:
        world.terms_days[row["id"]] = params.pop("days_until_due")
    events.update(world, "invoice.updated", row, **params)
    if row["status"] == "draft" and params.get("auto_advance"):
        invoicing.schedule_finalising(world, row)
    if params.get("auto_advance") is False:
        endings.stop_collecting(world, row)
    return row


def remove(call: Call) -> Obj:
    """Delete a draft."""
    world = call.world
    row = world.get("invoice", call.id)
    if row["status"] != "draft" or row["billing_reason"] != "manual":
        raise invalid("You can only delete draft invoices that were made by hand.")
    world.timers.clear("invoice.finalize", row["id"])
    for pending in world.where("invoiceitem", "invoice", row["id"]):
        world.change(pending, invoice=None)
    events.emit(world, "invoice.deleted", row)
    remains = {"id": row["id"], "object": "invoice", "deleted": True}
    world.tables["invoice"].remove(row["id"], remains)
    return remains


def finalize(call: Call) -> Obj:
    """Finalise a draft now; with auto_advance the collection follows an hour later."""
    world = call.world
    row = world.get("invoice", call.id)
    if row["status"] != "draft":
        raise invalid(
            "This invoice is already finalized, you can't re-finalize a non-draft invoice.",
            code="invoice_not_editable",
        )
    if "auto_advance" in call.params:
        world.change(row, auto_advance=call.params["auto_advance"])
    world.change(row, next_payment_attempt=None)
    paying.finalise_and_settle(world, row)
    if row["status"] == "open" and row["auto_advance"]:
        at = world.now_of(row) + world.settings.draft_seconds
        world.timers.set(world.clock_of(row), at, "invoice.collect", row["id"])
        events.update(world, "invoice.updated", row, next_payment_attempt=at)
    return row


def pay(call: Call) -> Obj:
    """Pay an invoice now. Raises: ApiError: 402 if declined or the customer must act."""
    row = call.world.get("invoice", call.id)
    pay_now(call.world, row, call.params)
    return row


def pay_now(world: World, row: Obj, params: Obj) -> Outcome | None:
    """Charge an invoice once, or record that it was paid elsewhere."""
    _payable(world, row)
    method = _method_to_charge(world, row, params)
    if row["status"] == "draft":
        world.change(row, next_payment_attempt=None)
        paying.finalise_and_settle(world, row)
        if row["status"] == "paid":
            return None
    if params.get("paid_out_of_band"):
        _pay_elsewhere(world, row)
        return None
    assert_method = method or _no_method()
    _chargeable(world, assert_method)
    outcome = collecting.attempt(world, row, assert_method, automatic=False)
    if outcome.requires_action:
        raise _action_error(world, row)
    if not outcome.approved and row["status"] != "paid" and not payments.is_processing(world, row):
        raise _declined(world, row, outcome, assert_method)
    return outcome


def _chargeable(world: World, method: Obj) -> None:
    refusal = debits.refusal(world, method) if method["type"] != "card" else None
    if refusal is not None:
        raise invalid(refusal.message, code=refusal.code, param="payment_method")


def _no_method() -> Obj:
    raise ApiError(
        400,
        "There is no `default_payment_method` set on this Customer or Invoice. Please set either "
        "field, or pass `payment_method`.",
        code="resource_missing",
        param="payment_method",
    )


def _payable(world: World, row: Obj) -> None:
    if row["status"] == "paid":
        raise invalid("Invoice is already paid", code="invoice_already_paid")
    if row["status"] == "void":
        raise invalid("Invoice is voided and cannot be paid", code="invoice_not_payable")
    if payments.is_processing(world, row):
        raise invalid(
            "This invoice's PaymentIntent could not be confirmed because it has a status of "
            "processing.",
            code="payment_intent_unexpected_state",
        )


def _method_to_charge(world: World, row: Obj, params: Obj) -> Obj | None:
    if params.get("paid_out_of_band"):
        return None
    if "payment_method" not in params:
        return standing.default_method(world, row) or _no_method()
    method = resolve(world, params["payment_method"])
    if method["customer"] != row["customer"]:
        raise invalid(
            f"The payment method {method['id']} does not belong to the Customer you supplied "
            f"{row['customer']}. Please use this payment method with the Customer that it belongs "
            "to instead.",
            param="payment_method",
        )
    return method


def _pay_elsewhere(world: World, row: Obj) -> None:
    payments.cancel_open(world, row, "automatic")
    amount = row["amount_remaining"]
    paying.mark_paid(world, row, amount, amount_paid_off_stripe=amount)


def _action_error(world: World, row: Obj) -> ApiError:
    found = payments.open_payment(world, row)
    return ApiError(
        402,
        "This payment requires additional user action before it can be completed successfully. "
        "Payment can be completed using the PaymentIntent associated with the invoice.",
        type="card_error",
        code="invoice_payment_intent_requires_action",
        payment_intent=dict(found[1]) if found else None,
    )


def _declined(world: World, row: Obj, outcome: Outcome, method: Obj) -> ApiError:
    found = payments.open_payment(world, row)
    intent = found[1] if found else None
    return card_error(
        outcome,
        charge=intent and intent["latest_charge"],
        payment_intent=intent and dict(intent),
        payment_method=dict(method),
    )


def void(call: Call) -> Obj:
    """Void an invoice."""
    row = call.world.get("invoice", call.id)
    endings.void(call.world, row)
    return row


def mark_uncollectible(call: Call) -> Obj:
    """Give an invoice up."""
    row = call.world.get("invoice", call.id)
    endings.mark_uncollectible(call.world, row)
    return row


def listing(call: Call) -> Obj:
    """List invoices."""
    params = call.params
    name = "subscription" if "subscription" in params else "customer"
    among = (name, params[name]) if name in params else None
    same = {k: params[k] for k in ("customer", "status", "collection_method") if k in params}
    low, high = params.get("due_date", (None, None))

    def keep(row: Obj) -> bool:
        if any(row[field] != value for field, value in same.items()):
            return False
        if low is None and high is None:
            return True
        due = row["due_date"]
        return due is not None and (low or 0) <= due and (high is None or due <= high)

    return page(call.world, "invoice", params, "/v1/invoices", among=among, keep=keep)


def lines(call: Call) -> Obj:
    """List all lines of an invoice: it has few."""
    row = call.world.get("invoice", call.id)
    return whole_list(row["lines"]["data"], row["lines"]["url"])


def create_item(call: Call) -> Obj:
    """Create an item that waits for the next invoice, or goes to a draft."""
    world, params = call.world, call.params
    need(params, "customer", "amount", "currency")
    owner = world.get("customer", params["customer"], param="customer")
    item = world.add(
        shape.invoice_item(world, owner, {**params, "currency": params["currency"].lower()})
    )
    if "invoice" in params:
        draft = world.get("invoice", params["invoice"], param="invoice")
        if draft["status"] != "draft":
            raise invalid("Invoice is no longer a draft.", code="invoice_not_editable")
        parent = shape.pending_parent(item)
        details = {k: item[k] for k in ("amount", "description", "period", "quantity")}
        line = shape.line(world, draft, {**details, "parent": parent})
        finalising.set_lines(world, draft, [*draft["lines"]["data"], line])
    events.emit(world, "invoiceitem.created", item)
    return item


_PAY: Spec = {
    "forgive": flag,
    "mandate": any_text,
    "off_session": flag,
    "paid_out_of_band": flag,
    "payment_method": text,
}
_UPDATE: Spec = {
    "auto_advance": flag,
    "collection_method": _COLLECTION,
    "days_until_due": whole,
    "default_payment_method": any_text,
    "description": any_text,
    "due_date": whole,
    "footer": any_text,
    "metadata": metadata,
}
_CREATE: Spec = {
    **_UPDATE,
    "currency": text,
    "customer": text,
    "pending_invoice_items_behavior": one_of("exclude", "include"),
    "subscription": text,
}
_LIST: Spec = {
    **LISTING,
    "collection_method": _COLLECTION,
    "created": span,
    "customer": text,
    "due_date": span,
    "status": one_of("draft", "open", "paid", "uncollectible", "void"),
    "subscription": text,
}
_ITEM: Spec = {
    "amount": whole,
    "currency": text,
    "customer": text,
    "description": any_text,
    "invoice": text,
    "metadata": metadata,
    "period": nested({"end": whole, "start": whole}),
    "subscription": text,
}
_ONE = "/v1/invoices/{id}"
_KIND = "invoice"
ROUTES = [
    post("/v1/invoices", create, _KIND, _CREATE),
    get("/v1/invoices", listing, _KIND, _LIST),
    get(_ONE, lambda call: call.world.get(_KIND, call.id), _KIND),
    post(_ONE, update, _KIND, _UPDATE),
    delete(_ONE, remove, _KIND),
    post(f"{_ONE}/finalize", finalize, _KIND, {"auto_advance": flag}),
    post(f"{_ONE}/pay", pay, _KIND, _PAY),
    post(f"{_ONE}/void", void, _KIND),
    post(f"{_ONE}/mark_uncollectible", mark_uncollectible, _KIND),
    get(f"{_ONE}/lines", lines, "line_item", LISTING),
    post("/v1/invoiceitems", create_item, "invoiceitem", _ITEM),
    get(
        "/v1/invoiceitems/{id}", lambda call: call.world.get("invoiceitem", call.id), "invoiceitem"
    ),
]
