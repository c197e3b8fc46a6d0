"""/v1/payment_methods: cards by number or alias, and bank accounts that are debited."""

from typing import Any

from worker.rehearsal.sandbox import events
from worker.rehearsal.sandbox.cards import BY_ALIAS, BY_NUMBER, card_error, check_number, declined
from worker.rehearsal.sandbox.errors import invalid
from worker.rehearsal.sandbox.lists import page
from worker.rehearsal.sandbox.params import (
    ADDRESS,
    LISTING,
    Spec,
    any_text,
    merged_metadata,
    metadata,
    need,
    nested,
    one_of,
    text,
    whole,
)
from worker.rehearsal.sandbox.routing import Call, get, post
from worker.rehearsal.sandbox.shapes import payment_method as shape
from worker.rehearsal.sandbox.shapes.bank_debit import ACCOUNT_FIELDS
from worker.rehearsal.sandbox.world import Obj, World

_BILLING = nested({"address": ADDRESS, "email": any_text, "name": any_text, "phone": any_text})
_CARD = nested({"number": text, "exp_month": whole, "exp_year": whole, "cvc": text, "token": text})
_ACCOUNTS: Spec = {
    kind: nested(dict.fromkeys(names, text))
    for kind, names in ACCOUNT_FIELDS.items()
    if kind != "us_bank_account"
}
_US_ACCOUNT = nested(
    {
        "account_holder_type": one_of("company", "individual"),
        "account_number": text,
        "account_type": one_of("checking", "savings"),
        "routing_number": text,
    }
)
# Source: docs.stripe.com/testing, "Non-card payments".
_BANK_ALIASES = {
    "pm_sepaDebit_success": ("sepa_debit", {"iban": "AT611904300234573201"}),
    "pm_usBankAccount_success": (
        "us_bank_account",
        {"routing_number": "110000000", "account_number": "000123456789"},
    ),
}


def resolve(world: World, name: str, *, param: str = "payment_method") -> Obj:
    """Return the method of an id, or a new one for an alias such as `pm_card_visa`."""
    entry = BY_ALIAS.get(name.removeprefix("pm_card_")) if name.startswith("pm_card_") else None
    if entry is not None:
        return world.add(shape.card(world, entry.number, {}))
    if name in _BANK_ALIASES:
        kind, given = _BANK_ALIASES[name]
        return world.add(shape.bank_account(world, kind, {kind: given}))
    return world.get("payment_method", name, param=param)


def create(call: Call) -> Obj:
    """Create a payment method that belongs to nobody yet."""
    return make(call.world, call.params)


def make(world: World, params: dict[str, Any]) -> Obj:
    """Return a new method. Raises: ApiError: 402 for a number that cannot exist."""
    need(params, "type")
    kind = params["type"]
    need(params, kind)
    if kind == "card":
        return _make_card(world, params)
    need(params[kind], *ACCOUNT_FIELDS[kind])
    return world.add(shape.bank_account(world, kind, params))


def _make_card(world: World, params: dict[str, Any]) -> Obj:
    given = params["card"]
    if "token" in given:
        entry = BY_ALIAS.get(given["token"].removeprefix("tok_"))
        if entry is None:
            raise invalid(f"No such token: '{given['token']}'", param="card[token]")
        return world.add(shape.card(world, entry.number, {**params, "card": {}}))
    need(given, "number", "exp_month", "exp_year")
    number = check_number(given["number"])
    if not 1 <= given["exp_month"] <= 12:
        raise card_error(declined("invalid_expiry_month"), param="exp_month")
    if given["exp_year"] < 2000:
        raise card_error(declined("invalid_expiry_year"), param="exp_year")
    return world.add(shape.card(world, number, params))


def attach(call: Call) -> Obj:
    """Attach a method to a customer. Raises: ApiError: 402 if the card refuses that."""
    need(call.params, "customer")
    owner = call.world.get("customer", call.params["customer"], param="customer")
    return attach_to(call.world, call.id, owner, param="id")


def attach_to(world: World, name: str, owner: Obj, *, param: str = "payment_method") -> Obj:
    """Attach the method or alias *name* to *owner* and return it."""
    method = resolve(world, name, param=param)
    if method["customer"] == owner["id"]:
        return method
    if method["customer"] is not None:
        raise invalid(
            "The payment method you provided has already been attached to a customer.",
            param="payment_method",
            code="payment_method_unexpected_state",
        )
    _refuse_if_dead(method)
    changes: Obj = {"customer": owner["id"]}
    if owner["test_clock"]:
        # Whoever lives on a clock compares this with what happened before; at Stripe it is today.
        changes["created"] = world.now_of(owner)
    world.change(method, **changes)
    if method["type"] != "card":
        world.add(shape.mandate(world, method))
    events.emit(world, "payment_method.attached", method)
    return method


def _refuse_if_dead(method: Obj) -> None:
    if method["type"] != "card":
        return
    for number, entry in BY_NUMBER.items():
        if shape.fingerprint(number) == method["card"]["fingerprint"] and not entry.attach.approved:
            raise card_error(entry.attach)


def detach(call: Call) -> Obj:
    """Take a method from its customer; it cannot be used again."""
    world = call.world
    method = world.get("payment_method", call.id)
    if method["customer"] is None:
        raise invalid("The payment method you provided is not attached to a customer.")
    owner = world.get("customer", method["customer"])
    previous = world.change(method, customer=None)
    if owner["invoice_settings"]["default_payment_method"] == method["id"]:
        settings = {**owner["invoice_settings"], "default_payment_method": None}
        events.update(world, "customer.updated", owner, invoice_settings=settings)
    for subscription in world.where("subscription", "customer", owner["id"]):
        if subscription["default_payment_method"] == method["id"]:
            events.update(
                world,
                "customer.subscription.updated",
                subscription,
                default_payment_method=None,
            )
    events.emit(world, "payment_method.detached", method, previous)
    return method


def retrieve(call: Call) -> Obj:
    """Return a payment method."""
    return call.world.get("payment_method", call.id)


def update(call: Call) -> Obj:
    """Change expiry, billing details or metadata."""
    world, params = call.world, call.params
    method = world.get("payment_method", call.id)
    changes: Obj = {}
    if params.get("card"):
        if method["type"] != "card":
            raise invalid("Received unknown parameter: card", param="card")
        changes["card"] = {**method["card"], **params["card"]}
    if params.get("billing_details"):
        changes["billing_details"] = {**method["billing_details"], **params["billing_details"]}
    if "metadata" in params:
        changes["metadata"] = merged_metadata(method["metadata"], params["metadata"])
    if "allow_redisplay" in params:
        changes["allow_redisplay"] = params["allow_redisplay"]
    events.update(world, "payment_method.updated", method, **changes)
    return method


def listed(world: World, params: dict[str, Any], url: str) -> Obj:
    """Return a page of a customer's methods, of one type if asked."""
    kind = params.get("type")
    return page(
        world,
        "payment_method",
        params,
        url,
        among=("customer", params.get("customer")),
        keep=(lambda row: row["type"] == kind) if kind else None,
    )


def listing(call: Call) -> Obj:
    """List methods of one customer; without a customer, of none (Stripe's rule)."""
    if "customer" in call.params:
        call.world.get("customer", call.params["customer"], param="customer")
    return listed(call.world, call.params, "/v1/payment_methods")


_REDISPLAY = one_of("always", "limited", "unspecified")
_CREATE: Spec = {
    "allow_redisplay": _REDISPLAY,
    "billing_details": _BILLING,
    "card": _CARD,
    "metadata": metadata,
    "type": one_of("card", *ACCOUNT_FIELDS),
    "us_bank_account": _US_ACCOUNT,
    **_ACCOUNTS,
}
_UPDATE: Spec = {
    "allow_redisplay": _REDISPLAY,
    "billing_details": _BILLING,
    "card": nested({"exp_month": whole, "exp_year": whole}),
    "metadata": metadata,
}
_BASE = "/v1/payment_methods"
_KIND = "payment_method"
ROUTES = [
    post(_BASE, create, _KIND, _CREATE),
    get(_BASE, listing, _KIND, {**LISTING, "customer": text, "type": text}),
    get(f"{_BASE}/{{id}}", retrieve, _KIND),
    post(f"{_BASE}/{{id}}", update, _KIND, _UPDATE),
    post(f"{_BASE}/{{id}}/attach", attach, _KIND, {"customer": text}),
    post(f"{_BASE}/{{id}}/detach", detach, _KIND),
]
