"""Requests to a sandbox inside its process, with the checks that HTTP would get."""

from collections.abc import Mapping
from typing import Any
from urllib.parse import urlencode

from worker.rehearsal.sandbox.params import check, decode
from worker.rehearsal.sandbox.routes import all_routes
from worker.rehearsal.sandbox.routing import Call
from worker.rehearsal.sandbox.world import World


class InProcess:
    """Calls a sandbox's own handlers."""

    def __init__(self, world: World) -> None:
        """Ask *world*."""
        self._world = world
        self._routes = all_routes()

    def ask(self, path: str, method: str = "POST", **params: Any) -> dict[str, Any]:
        """Send *params* to *path* and return the object. Raises: ApiError: it is refused."""
        route, ids = self._routes.find(method, path)
        given = check(decode(stripe_form(params)), route.spec)
        return route.handler(Call(self._world, ids, given))


def stripe_form(params: Mapping[str, Any]) -> str:
    """Return nested *params* as Stripe's form text: `items[0][price]=price_1&...`."""
    return urlencode(list(_pairs(params)))


def _pairs(params: Mapping[str, Any], trail: str = "") -> list[tuple[str, str]]:
    pairs: list[tuple[str, str]] = []
    for name, value in params.items():
        path = f"{trail}[{name}]" if trail else str(name)
        if isinstance(value, Mapping):
            pairs += _pairs(value, path)
        elif isinstance(value, list | tuple):
            pairs += _pairs({str(at): entry for at, entry in enumerate(value)}, path)
        elif isinstance(value, bool):
            pairs.append((path, "true" if value else "false"))
        else:
            pairs.append((path, str(value)))
    return pairs
