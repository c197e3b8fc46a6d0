"""/v1/products and /v1/prices."""

from typing import Any

from worker.rehearsal.sandbox import events
from worker.rehearsal.sandbox.errors import invalid, missing_param
from worker.rehearsal.sandbox.lists import page
from worker.rehearsal.sandbox.params import (
    LISTING,
    Spec,
    any_text,
    flag,
    many,
    merged_metadata,
    metadata,
    need,
    nested,
    one_of,
    span,
    text,
    whole,
)
from worker.rehearsal.sandbox.routing import Call, get, post
from worker.rehearsal.sandbox.shapes import catalogue as shape
from worker.rehearsal.sandbox.world import Obj, World

_RECURRING = nested(
    {
        "interval": one_of("day", "week", "month", "year"),
        "interval_count": whole,
        "meter": text,
        "trial_period_days": whole,
        "usage_type": one_of("licensed", "metered"),
    }
)
_TIER = nested({"flat_amount": whole, "unit_amount": whole, "up_to": text})
_PRODUCT: Spec = {
    "active": flag,
    "description": any_text,
    "metadata": metadata,
    "name": text,
    "statement_descriptor": text,
    "unit_label": any_text,
    "url": any_text,
}


def create_product(call: Call) -> Obj:
    """Create a product."""
    return make_product(call.world, call.params)


def make_product(world: World, params: dict[str, Any]) -> Obj:
    """Return a new product from checked *params*."""
    need(params, "name")
    row = world.add(shape.product(world, params))
    events.emit(world, "product.created", row)
    return row


def create_price(call: Call) -> Obj:
    """Create a price for a product, or with a new product."""
    world, params = call.world, call.params
    if params.get("billing_scheme") == "tiered":
        need(params, "currency", "tiers", "tiers_mode")
        if params["tiers"][-1].get("up_to") != "inf":
            raise invalid("The last tier needs up_to=inf.", param="tiers")
    else:
        need(params, "currency", "unit_amount")
    return make_price(world, params)


def make_price(world: World, params: dict[str, Any]) -> Obj:
    """Return a new price from checked *params*."""
    if "product_data" in params:
        product = make_product(world, params["product_data"])
    else:
        need(params, "product")
        product = world.get("product", params["product"], param="product")
    recurring = params.get("recurring") or {}
    if recurring.get("usage_type") == "metered":
        if "meter" not in recurring:
            raise missing_param("recurring[meter]")
        world.get("billing.meter", recurring["meter"], param="recurring[meter]")
    row = world.add(shape.price(world, params, product["id"]))
    if "tiers" in params:
        world.tiers[row["id"]] = [shape.tier(each) for each in params["tiers"]]
    events.emit(world, "price.created", row)
    return row


def _update(kind: str, call: Call) -> Obj:
    world, params = call.world, dict(call.params)
    row = world.get(kind, call.id)
    params.pop("expand", None)
    if "metadata" in params:
        params["metadata"] = merged_metadata(row["metadata"], params["metadata"])
    events.update(world, f"{kind}.updated", row, **params)
    return row


def update_product(call: Call) -> Obj:
    """Change a product."""
    return _update("product", call)


def update_price(call: Call) -> Obj:
    """Change a price; amounts never change."""
    return _update("price", call)


def list_products(call: Call) -> Obj:
    """List products."""
    active = call.params.get("active")
    return page(
        call.world,
        "product",
        call.params,
        "/v1/products",
        keep=None if active is None else (lambda row: row["active"] is active),
    )


def list_prices(call: Call) -> Obj:
    """List prices, of one product if asked."""
    active, product = call.params.get("active"), call.params.get("product")
    return page(
        call.world,
        "price",
        call.params,
        "/v1/prices",
        among=("product", product) if product else None,
        keep=None if active is None else (lambda row: row["active"] is active),
    )


_PRICE_CREATE: Spec = {
    "active": flag,
    "billing_scheme": one_of("per_unit", "tiered"),
    "currency": text,
    "lookup_key": text,
    "metadata": metadata,
    "nickname": text,
    "product": text,
    "product_data": nested({"id": text, "name": text, "metadata": metadata}),
    "recurring": _RECURRING,
    "tax_behavior": one_of("exclusive", "inclusive", "unspecified"),
    "tiers": many(_TIER),
    "tiers_mode": one_of("graduated", "volume"),
    "unit_amount": whole,
}
_LIST: Spec = {**LISTING, "active": flag, "created": span}
ROUTES = [
    post("/v1/products", create_product, "product", {**_PRODUCT, "id": text}),
    get("/v1/products", list_products, "product", _LIST),
    get("/v1/products/{id}", lambda call: call.world.get("product", call.id), "product"),
    post("/v1/products/{id}", update_product, "product", _PRODUCT),
    post("/v1/prices", create_price, "price", _PRICE_CREATE),
    get("/v1/prices", list_prices, "price", {**_LIST, "product": text}),
    get("/v1/prices/{id}", lambda call: call.world.get("price", call.id), "price"),
    post(
        "/v1/prices/{id}",
        update_price,
        "price",
        {"active": flag, "metadata": metadata, "nickname": any_text},
    ),
]
