"""The table of API routes: method and path to handler, parameters, right and kind of answer."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from .errors import ApiError
from .params import EXPAND, Spec
from .world import Obj, World


@dataclass(slots=True)
class Call:
    """One request on its way to a handler: checked parameters and the ids of the path."""

    world: World
    ids: list[str]
    params: dict[str, Any]

    @property
    def id(self) -> str:
        """The first id of the path."""
        return self.ids[0]


Handler = Callable[[Call], Obj]


@dataclass(frozen=True, slots=True)
class Route:
    """One endpoint; `kind` is what it answers with, or what its list holds."""

    method: str
    path: str
    handler: Handler
    kind: str
    spec: Spec = field(default_factory=dict)

    @property
    def lists(self) -> bool:
        """Whether the answer is a list: its parameters then have a cursor."""
        return "starting_after" in self.spec

    @property
    def right(self) -> str:
        """The right a restricted key needs: the resource and read or write."""
        parts = self.path.split("/")
        resource = parts[2] if parts[2] not in ("test_helpers", "billing_portal") else parts[3]
        return f"{resource.rstrip('s')}_{'read' if self.method == 'GET' else 'write'}"


class Routes:
    """All endpoints, found by walking the path."""

    def __init__(self, routes: list[Route]) -> None:
        """Build the tree; `{id}` in a path matches anything."""
        self.all = routes
        self._root: dict[str, Any] = {}
        for route in routes:
            node = self._root
            for part in route.path.strip("/").split("/"):
                node = node.setdefault("*" if part.startswith("{") else part, {})
            node[f"<{route.method}>"] = route

    def find(self, method: str, path: str) -> tuple[Route, list[str]]:
        """Return the route and the ids in the path. Raises: ApiError: 404, no such address."""
        node, ids = self._root, []
        for part in path.strip("/").split("/"):
            if part in node:
                node = node[part]
            elif "*" in node:
                node = node["*"]
                ids.append(part)
            else:
                raise _unrecognised(method, path)
        route = node.get(f"<{method}>")
        if route is None:
            raise _unrecognised(method, path)
        return route, ids


def _unrecognised(method: str, path: str) -> ApiError:
    return ApiError(
        404,
        f"Unrecognized request URL ({method}: {path}). If you are trying to list objects, remove "
        "the trailing slash. If you are trying to retrieve an object, make sure you passed a valid "
        "(non-empty) identifier in your code. Please see https://stripe.com/docs or we can help at "
        "https://support.stripe.com/.",
    )


def get(path: str, handler: Handler, kind: str, spec: Spec | None = None) -> Route:
    """Return a GET route; `expand` is always allowed."""
    return Route("GET", path, handler, kind, {**(spec or {}), **EXPAND})


def post(path: str, handler: Handler, kind: str, spec: Spec | None = None) -> Route:
    """Return a POST route; `expand` is always allowed."""
    return Route("POST", path, handler, kind, {**(spec or {}), **EXPAND})


def delete(path: str, handler: Handler, kind: str, spec: Spec | None = None) -> Route:
    """Return a DELETE route; few of them take parameters."""
    return Route("DELETE", path, handler, kind, spec or {})
