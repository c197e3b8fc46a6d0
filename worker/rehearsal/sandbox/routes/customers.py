"""/v1/customers and their payment methods."""

from worker.rehearsal.sandbox import events
from worker.rehearsal.sandbox.billing import discounting, endings
from worker.rehearsal.sandbox.errors import invalid
from worker.rehearsal.sandbox.lists import page
from worker.rehearsal.sandbox.params import (
    ADDRESS,
    LISTING,
    Spec,
    any_text,
    flag,
    many,
    merged_metadata,
    metadata,
    nested,
    one_of,
    span,
    text,
    whole,
)
from worker.rehearsal.sandbox.routing import Call, delete, get, post
from worker.rehearsal.sandbox.shapes import customer as shape
from worker.rehearsal.sandbox.world import Obj, World

from . import payment_methods

_FIELDS: Spec = {
    "address": ADDRESS,
    "balance": whole,
    "business_name": any_text,
    "description": any_text,
    "email": any_text,
    "individual_name": any_text,
    "invoice_prefix": text,
    "invoice_settings": nested({"default_payment_method": any_text, "footer": any_text}),
    "metadata": metadata,
    "name": any_text,
    "next_invoice_sequence": whole,
    "phone": any_text,
    "preferred_locales": many(text),
    "shipping": nested({"address": ADDRESS, "name": text, "phone": any_text}),
    "tax_exempt": one_of("", "none", "exempt", "reverse"),
    "validate": flag,
}


def create(call: Call) -> Obj:
    """Create a customer, on a test clock if asked, with a first payment method if given."""
    world, params = call.world, call.params
    if clock := params.get("test_clock"):
        world.get("test_helpers.test_clock", clock, param="test_clock")
    wanted = (params.get("invoice_settings") or {}).get("default_payment_method")
    row = world.add(shape.customer(world, {**params, "invoice_settings": None}))
    events.emit(world, "customer.created", row)
    if "payment_method" in params:
        payment_methods.attach_to(world, params["payment_method"], row)
    if wanted:
        method = _own_method(world, row, wanted, attach=True)
        _set_default(world, row, {"default_payment_method": method["id"]})
    return row


def _own_method(world: World, owner: Obj, name: str, *, attach: bool = False) -> Obj:
    param = "invoice_settings[default_payment_method]"
    method = payment_methods.resolve(world, name, param=param)
    if attach and method["customer"] is None:
        return payment_methods.attach_to(world, method["id"], owner)
    if method["customer"] != owner["id"]:
        raise invalid(
            "The customer does not have a payment method with the ID "
            f"{method['id']}. The payment method must be attached to the customer.",
            param=param,
            code="resource_missing",
        )
    return method


def _set_default(world: World, row: Obj, change: Obj) -> None:
    settings = {**row["invoice_settings"], **change}
    events.update(world, "customer.updated", row, invoice_settings=settings)


def update(call: Call) -> Obj:
    """Change what was sent."""
    world, params = call.world, dict(call.params)
    row = world.get("customer", call.id)
    params.pop("expand", None)
    params.pop("validate", None)
    settings = params.pop("invoice_settings", None)
    if settings is not None:
        if settings.get("default_payment_method"):
            method = _own_method(world, row, settings["default_payment_method"])
            settings = {**settings, "default_payment_method": method["id"]}
        params["invoice_settings"] = {**row["invoice_settings"], **settings}
    if "metadata" in params:
        params["metadata"] = merged_metadata(row["metadata"], params["metadata"])
    if "address" in params:
        params["address"] = shape.full_address(params["address"])
    events.update(world, "customer.updated", row, **params)
    return row


def remove(call: Call) -> Obj:
    """Delete a customer; its subscriptions end at once."""
    return remove_customer(call.world, call.world.get("customer", call.id))


def remove_customer(world: World, row: Obj) -> Obj:
    """Delete a customer and cancel its subscriptions; returns what remains."""
    for subscription in world.where("subscription", "customer", row["id"]):
        if subscription["status"] not in endings.DEAD:
            endings.end(world, subscription, reason="cancellation_requested")
    for method in world.where("payment_method", "customer", row["id"]):
        world.change(method, customer=None)
    events.emit(world, "customer.deleted", row)
    remains = {"id": row["id"], "object": "customer", "deleted": True}
    world.tables["customer"].remove(row["id"], remains)
    return remains


def without_discount(call: Call) -> Obj:
    """Take a customer's discount away; returns what remains of it."""
    gone = discounting.take(call.world, call.world.get("customer", call.id))
    return {**{name: value for name, value in gone.items() if name != "end"}, "deleted": True}


def retrieve(call: Call) -> Obj:
    """Return a customer; a deleted one is told as such."""
    gone = call.world.tables["customer"].deleted.get(call.id)
    return gone or call.world.get("customer", call.id)


def listing(call: Call) -> Obj:
    """List customers: of one test clock, else those on no test clock (Stripe's rule)."""
    email = call.params.get("email")
    return page(
        call.world,
        "customer",
        call.params,
        "/v1/customers",
        among=("test_clock", call.params.get("test_clock")),
        keep=(lambda row: row["email"] == email) if email else None,
    )


def methods(call: Call) -> Obj:
    """List a customer's payment methods."""
    call.world.get("customer", call.id)
    params = {**call.params, "customer": call.id}
    url = f"/v1/customers/{call.id}/payment_methods"
    return payment_methods.listed(call.world, params, url)


def method(call: Call) -> Obj:
    """Return one payment method of a customer."""
    row = call.world.get("payment_method", call.ids[1])
    if row["customer"] != call.id:
        raise invalid(f"No such PaymentMethod: '{row['id']}' on customer {call.id}")
    return row


_BASE = "/v1/customers"
_LIST: Spec = {**LISTING, "created": span, "email": text, "test_clock": text}
_METHOD_LIST: Spec = {**LISTING, "type": text}
ROUTES = [
    post(_BASE, create, "customer", {**_FIELDS, "payment_method": text, "test_clock": text}),
    get(_BASE, listing, "customer", _LIST),
    get(f"{_BASE}/{{id}}", retrieve, "customer"),
    post(f"{_BASE}/{{id}}", update, "customer", _FIELDS),
    delete(f"{_BASE}/{{id}}", remove, "customer"),
    delete(f"{_BASE}/{{id}}/discount", without_discount, "discount"),
    get(f"{_BASE}/{{id}}/payment_methods", methods, "payment_method", _METHOD_LIST),
    get(f"{_BASE}/{{id}}/payment_methods/{{id}}", method, "payment_method"),
]
