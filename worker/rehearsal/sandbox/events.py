"""Events: a full snapshot of the object and, on updates, what it was before."""

from typing import Any

from . import API_VERSION
from .world import Obj, World


def emit(world: World, kind: str, row: Obj, previous: Obj | None = None) -> None:
    """Record one event about *row*, dated by the clock that rules it.

    *previous* holds the old values of changed fields. The snapshot is shallow: values inside
    objects are never changed in place.
    """
    data: Obj = {"object": dict(row)}
    if previous is not None:
        data["previous_attributes"] = {
            name: _difference(old, row.get(name)) for name, old in previous.items()
        }
    event = world.add(
        {
            "id": world.new_id("event"),
            "object": "event",
            "api_version": API_VERSION,
            "created": world.now_of(row),
            "data": data,
            "livemode": False,
            "pending_webhooks": 0,
            "request": {
                "id": world.cause.request_id,
                "idempotency_key": world.cause.idempotency_key,
            },
            "type": kind,
        }
    )
    for listener in world.event_listeners:
        listener(event)


def update(world: World, kind: str, row: Obj, **values: Any) -> Obj:
    """Change *row* and emit *kind* with the previous values, unless nothing changed."""
    previous = world.change(row, **values)
    if previous:
        emit(world, kind, row, previous)
    return previous


def _difference(old: Any, new: Any) -> Any:
    if isinstance(old, dict) and isinstance(new, dict):
        changed = {k: _difference(v, new.get(k)) for k, v in old.items() if new.get(k) != v}
        return changed | {k: None for k in new if k not in old}
    return old
