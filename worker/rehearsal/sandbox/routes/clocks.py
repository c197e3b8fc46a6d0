"""/v1/test_helpers/test_clocks."""

from worker.rehearsal.sandbox import events
from worker.rehearsal.sandbox.errors import invalid
from worker.rehearsal.sandbox.intervals import add_interval, days
from worker.rehearsal.sandbox.lists import page
from worker.rehearsal.sandbox.params import LISTING, need, text, whole
from worker.rehearsal.sandbox.routing import Call, delete, get, post
from worker.rehearsal.sandbox.world import Obj, World

from .customers import remove_customer

_KIND = "test_helpers.test_clock"


def create(call: Call) -> Obj:
    """Create a clock that stands at `frozen_time`."""
    world, params = call.world, call.params
    need(params, "frozen_time")
    row = world.add(
        {
            "id": world.new_id(_KIND),
            "object": _KIND,
            "created": world.wall(),
            "deletes_after": world.wall() + days(30),
            "frozen_time": params["frozen_time"],
            "livemode": False,
            "name": params.get("name"),
            "status": "ready",
            "status_details": {},
        }
    )
    events.emit(world, "test_helpers.test_clock.created", row)
    return row


def advance(call: Call) -> Obj:
    """Start to move a clock forward; it is done when its status is `ready` again."""
    world, row = call.world, call.world.get(_KIND, call.id)
    need(call.params, "frozen_time")
    target = call.params["frozen_time"]
    if row["status"] != "ready":
        raise invalid("The test clock is currently advancing and cannot be modified.")
    if target <= row["frozen_time"]:
        raise invalid(
            "The frozen time of a test clock must be after its current frozen time.",
            param="frozen_time",
        )
    latest = _furthest(world, row)
    if target > latest:
        raise invalid(
            "The test clock cannot be advanced more than two intervals of its shortest "
            f"subscription: the latest frozen_time is {latest}.",
            param="frozen_time",
        )
    world.change(
        row,
        status="advancing",
        status_details={"advancing": {"target_frozen_time": target}},
    )
    events.emit(world, "test_helpers.test_clock.advancing", row)
    world.advances.append((row["id"], target))
    return row


def _furthest(world: World, row: Obj) -> int:
    """Return how far one advance may go: two intervals of the shortest subscription, or 2 years."""
    now = row["frozen_time"]
    ends = [add_interval(now, "year", 2)]
    for subscription in world.where("subscription", "test_clock", row["id"]):
        if subscription["status"] in ("canceled", "incomplete_expired"):
            continue
        recurring = subscription["items"]["data"][0]["price"]["recurring"]
        count = 2 * recurring["interval_count"]
        ends.append(add_interval(now, recurring["interval"], count))
    return min(ends)


def finish(world: World, clock_id: str, status: str) -> None:
    """Make an advanced clock `ready` again, or tell its `internal_failure`."""
    row = world.find(_KIND, clock_id)
    if row is not None:
        world.change(row, status=status, status_details={})
        events.emit(world, f"test_helpers.test_clock.{status}", row)


def remove(call: Call) -> Obj:
    """Delete a clock and its customers with all they have."""
    world, row = call.world, call.world.get(_KIND, call.id)
    for owner in world.where("customer", "test_clock", row["id"]):
        remove_customer(world, owner)
    for subscription in world.where("subscription", "test_clock", row["id"]):
        world.tables["subscription"].remove(subscription["id"])
    world.timers.drop_clock(row["id"])
    events.emit(world, "test_helpers.test_clock.deleted", row)
    remains = {"id": row["id"], "object": _KIND, "deleted": True}
    world.tables[_KIND].remove(row["id"], remains)
    return remains


def listing(call: Call) -> Obj:
    """List clocks."""
    return page(call.world, _KIND, call.params, _BASE)


_BASE = "/v1/test_helpers/test_clocks"
ROUTES = [
    post(_BASE, create, _KIND, {"frozen_time": whole, "name": text}),
    get(_BASE, listing, _KIND, LISTING),
    get(f"{_BASE}/{{id}}", lambda call: call.world.get(_KIND, call.id), _KIND),
    post(f"{_BASE}/{{id}}/advance", advance, _KIND, {"frozen_time": whole}),
    delete(f"{_BASE}/{{id}}", remove, _KIND),
]
