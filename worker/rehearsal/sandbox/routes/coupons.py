"""/v1/coupons."""

from worker.rehearsal.sandbox import events
from worker.rehearsal.sandbox.errors import invalid
from worker.rehearsal.sandbox.params import (
    Spec,
    any_text,
    decimal_text,
    metadata,
    one_of,
    text,
    whole,
)
from worker.rehearsal.sandbox.routing import Call, get, post
from worker.rehearsal.sandbox.shapes import discount as shape
from worker.rehearsal.sandbox.world import Obj


def create(call: Call) -> Obj:
    """Create a coupon: a percentage, or an amount of one currency."""
    world, params = call.world, dict(call.params)
    if ("percent_off" in params) == ("amount_off" in params):
        raise invalid("Must provide percent_off or amount_off.", param="percent_off")
    if "amount_off" in params and "currency" not in params:
        raise invalid("You must pass currency when passing amount_off", param="currency")
    if params.get("id") and world.find("coupon", params["id"]) is not None:
        raise invalid("Coupon already exists.", param="id", code="resource_already_exists")
    if "percent_off" in params:
        params["percent_off"] = float(params["percent_off"])
        if not 0 < params["percent_off"] <= 100:
            raise invalid("percent_off must be between 0 and 100.", param="percent_off")
    if (params.get("duration") == "repeating") != ("duration_in_months" in params):
        raise invalid(
            "duration_in_months goes with the duration `repeating`.", param="duration_in_months"
        )
    row = world.add(shape.coupon(world, params))
    events.emit(world, "coupon.created", row)
    return row


_CREATE: Spec = {
    "amount_off": whole,
    "currency": text,
    "duration": one_of("forever", "once", "repeating"),
    "duration_in_months": whole,
    "id": text,
    "metadata": metadata,
    "name": any_text,
    "percent_off": decimal_text,
}
ROUTES = [
    post("/v1/coupons", create, "coupon", _CREATE),
    get("/v1/coupons/{id}", lambda call: call.world.get("coupon", call.id), "coupon"),
]
