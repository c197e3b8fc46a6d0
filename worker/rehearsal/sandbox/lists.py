"""Pages of a list: newest first, by cursor, 10 unless asked otherwise."""

from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterable
from typing import Any

from .world import Key, Obj, Table, World, between


def page(
    world: World,
    kind: str,
    params: dict[str, Any],
    url: str,
    *,
    among: tuple[str, Any] | None = None,
    keep: Callable[[Obj], bool] | None = None,
) -> Obj:
    """Return one page of *kind*; *among* names an indexed field and its value.

    Raises: ApiError: the cursor is no object of that kind.
    """
    table = world.tables[kind]
    keys = table.listed(*among) if among else table.order
    low, high = params.get("created", (None, None))
    keys = between(keys, low, high)
    limit = params.get("limit", 10)
    backwards = "ending_before" in params
    if "starting_after" in params:
        cursor = _cursor(world, kind, params["starting_after"], "starting_after")
        keys = keys[: bisect_left(keys, cursor)]
    if backwards:
        cursor = _cursor(world, kind, params["ending_before"], "ending_before")
        keys = keys[bisect_right(keys, cursor) :]
    found = _take(table, keys if backwards else reversed(keys), keep, limit + 1)
    data = found[:limit]
    if backwards:
        data.reverse()
    return {"object": "list", "data": data, "has_more": len(found) > limit, "url": url}


def whole_list(rows: list[Obj], url: str) -> Obj:
    """Return a list object that holds all *rows* as they are."""
    return {"object": "list", "data": rows, "has_more": False, "url": url}


def _cursor(world: World, kind: str, object_id: str, param: str) -> Key:
    world.get(kind, object_id, param=param)
    return world.tables[kind].keys[object_id]


def _take(
    table: Table, keys: Iterable[Key], keep: Callable[[Obj], bool] | None, most: int
) -> list[Obj]:
    found: list[Obj] = []
    for key in keys:
        row = table.rows[key[2]]
        if keep is None or keep(row):
            found.append(row)
            if len(found) == most:
                break
    return found
