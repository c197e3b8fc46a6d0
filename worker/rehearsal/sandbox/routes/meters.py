"""/v1/billing/meters and /v1/billing/meter_events: what metered prices are billed by."""

from worker.rehearsal.sandbox import events
from worker.rehearsal.sandbox.errors import invalid
from worker.rehearsal.sandbox.lists import page
from worker.rehearsal.sandbox.params import (
    EXPAND,
    LISTING,
    need,
    nested,
    one_of,
    text,
    whole,
)
from worker.rehearsal.sandbox.routing import Call, get, post
from worker.rehearsal.sandbox.world import Obj

_KIND = "billing.meter"
_CUSTOMER_KEY = "stripe_customer_id"
"""Where an event names its customer, and its value: Stripe's defaults."""


def create(call: Call) -> Obj:
    """Create a meter that adds up."""
    world, params = call.world, call.params
    need(params, "default_aggregation", "display_name", "event_name")
    now = world.wall()
    row = world.add(
        {
            "id": world.new_id(_KIND),
            "object": _KIND,
            "created": now,
            "customer_mapping": {"event_payload_key": _CUSTOMER_KEY, "type": "by_id"},
            "default_aggregation": params["default_aggregation"],
            "display_name": params["display_name"],
            "event_name": params["event_name"],
            "event_time_window": None,
            "livemode": False,
            "status": "active",
            "status_transitions": {"deactivated_at": None},
            "updated": now,
            "value_settings": {"event_payload_key": "value"},
        }
    )
    events.emit(world, "billing.meter.created", row)
    return row


def report(call: Call) -> Obj:
    """Take one event of usage."""
    world, params = call.world, call.params
    need(params, "event_name", "payload")
    payload = params["payload"]
    need(payload, _CUSTOMER_KEY, "value")
    owner = world.get("customer", payload[_CUSTOMER_KEY], param="payload[stripe_customer_id]")
    if all(row["event_name"] != params["event_name"] for row in world.tables[_KIND].rows.values()):
        raise invalid(f"No meter has the event name {params['event_name']}.", param="event_name")
    at = params.get("timestamp", world.now_of(owner))
    entry = {"timestamp": at, "value": payload["value"]}
    world.usage.setdefault((owner["id"], params["event_name"]), []).append(entry)
    return {
        "object": "billing.meter_event",
        "created": world.now_of(owner),
        "event_name": params["event_name"],
        "identifier": world.token("billing.meter_event", 24),
        "livemode": False,
        "payload": {_CUSTOMER_KEY: owner["id"], "value": str(payload["value"])},
        "timestamp": at,
    }


_BASE = "/v1/billing/meters"
ROUTES = [
    post(
        _BASE,
        create,
        _KIND,
        {
            "default_aggregation": nested({"formula": one_of("sum")}),
            "display_name": text,
            "event_name": text,
        },
    ),
    get(_BASE, lambda call: page(call.world, _KIND, call.params, _BASE), _KIND, LISTING),
    get(f"{_BASE}/{{id}}", lambda call: call.world.get(_KIND, call.id), _KIND),
    post(
        "/v1/billing/meter_events",
        report,
        "billing.meter_event",
        {
            **EXPAND,
            "event_name": text,
            "payload": nested({_CUSTOMER_KEY: text, "value": whole}),
            "timestamp": whole,
        },
    ),
]
