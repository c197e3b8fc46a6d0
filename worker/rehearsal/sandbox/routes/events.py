"""/v1/events: newest first, by type, time and cursor."""

from worker.rehearsal.sandbox.errors import invalid
from worker.rehearsal.sandbox.lists import page
from worker.rehearsal.sandbox.params import LISTING, Spec, flag, many, span, text
from worker.rehearsal.sandbox.routing import Call, get
from worker.rehearsal.sandbox.world import Obj


def listing(call: Call) -> Obj:
    """List events. Raises: ApiError: both type and types."""
    params = call.params
    if "type" in params and "types" in params:
        raise invalid("You may only specify one of these parameters: type, types.")
    wanted = {params["type"]} if "type" in params else set(params.get("types", ()))
    delivered = params.get("delivery_success")

    def keep(row: Obj) -> bool:
        if wanted and not _matches(row["type"], wanted):
            return False
        return delivered is None or (row["pending_webhooks"] == 0) is delivered

    plain = not wanted and delivered is None
    return page(call.world, "event", params, "/v1/events", keep=None if plain else keep)


def _matches(kind: str, wanted: set[str]) -> bool:
    """Whether *kind* is one of *wanted*; `type` may end in `*` for a whole group."""
    return kind in wanted or any(
        name.endswith("*") and kind.startswith(name[:-1]) for name in wanted
    )


_LIST: Spec = {
    **LISTING,
    "created": span,
    "delivery_success": flag,
    "type": text,
    "types": many(text, most=20),
}
ROUTES = [
    get("/v1/events", listing, "event", _LIST),
    get("/v1/events/{id}", lambda call: call.world.get("event", call.id), "event"),
]
