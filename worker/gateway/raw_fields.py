"""Typed access to decoded JSON: a missing or odd field gives an empty value, never an exception.

Stripe adds, moves and expands fields between API versions, so a field may be absent, null, an id
or a whole object.
"""

from collections.abc import Mapping
from datetime import UTC, datetime

from worker.ports import Json

NOTHING: Json = {}


def child(raw: Json, *path: str) -> Json:
    """Return the object at *path*, an empty one where any part is absent or only an id."""
    found: object = raw
    for key in path:
        if not isinstance(found, Mapping):
            return NOTHING
        found = found.get(key)
    return found if isinstance(found, Mapping) else NOTHING


def children(raw: Json, *path: str) -> list[Json]:
    """Return the objects of the array, or of the list object with `data`, at *path*."""
    found: object = child(raw, *path[:-1]).get(path[-1])
    if isinstance(found, Mapping):
        found = found.get("data")
    if not isinstance(found, list):
        return []
    return [item for item in found if isinstance(item, Mapping)]


def text(raw: Json, key: str) -> str:
    """Return the string at *key*, empty where there is none."""
    found = raw.get(key)
    return found if isinstance(found, str) else ""


def whole(raw: Json, key: str) -> int:
    """Return the integer at *key*, 0 where there is none."""
    found = raw.get(key)
    return found if isinstance(found, int) and not isinstance(found, bool) else 0


def flag(raw: Json, key: str, *, default: bool = False) -> bool:
    """Return the boolean at *key*."""
    found = raw.get(key)
    return found if isinstance(found, bool) else default


def instant(raw: Json, key: str) -> datetime | None:
    """Return the Unix time at *key* as aware UTC, None where there is none."""
    seconds = whole(raw, key)
    return datetime.fromtimestamp(seconds, UTC) if seconds else None


def created_at(raw: Json) -> datetime:
    """Return when the object was created; the epoch where Stripe does not say."""
    return datetime.fromtimestamp(whole(raw, "created"), UTC)


def reference(raw: Json, key: str) -> str:
    """Return the id at *key*, whether it stands there alone or expanded."""
    found = raw.get(key)
    if isinstance(found, str):
        return found
    return text(found, "id") if isinstance(found, Mapping) else ""


def texts(raw: Json, key: str) -> tuple[str, ...]:
    """Return the strings of the array at *key*."""
    found = raw.get(key)
    return tuple(item for item in found if isinstance(item, str)) if isinstance(found, list) else ()


def metadata(raw: Json) -> dict[str, str]:
    """Return the object's metadata."""
    found = child(raw, "metadata")
    return {key: value for key, value in found.items() if isinstance(value, str)}
