"""POST and GET /_sandbox/...: what a test, the demo's driver or a person may turn."""

from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from . import acts
from .billing import life
from .cards import check_number
from .errors import invalid
from .shapes.payment_method import fingerprint

if TYPE_CHECKING:
    from .app import Population, Sandbox

Answer = Callable[[Request], Awaitable[Response]]


async def _body(request: Request) -> dict[str, Any]:
    raw = await request.body()
    if not raw:
        return {}
    try:
        value = await request.json()
    except ValueError:
        raise invalid("The body must be JSON.") from None
    if not isinstance(value, dict):
        raise invalid("The body must be a JSON object.")
    return value


def routes(sandbox: "Sandbox", population: "Population | None") -> list[Route]:
    """Return the control routes for *sandbox*."""
    control = _Control(sandbox, population)
    gets = {
        "/requests": control.requests,
        "/charges": control.charges,
        "/next_due": control.next_due,
        "/settings": control.read_settings,
        "/webhooks": control.deliveries,
    }
    posts = {
        "/act": control.act,
        "/cards": control.cards,
        "/faults": control.faults,
        "/keys": control.keys,
        "/population": control.populate,
        "/reset": control.reset,
        "/settings": control.settings,
        "/webhooks": control.webhooks,
    }
    return [Route(path, call, methods=["GET"]) for path, call in gets.items()] + [
        Route(path, call, methods=["POST"]) for path, call in posts.items()
    ]


class _Control:
    """The control routes; every answer is JSON."""

    def __init__(self, sandbox: "Sandbox", population: "Population | None") -> None:
        self.sandbox = sandbox
        self.population = population

    async def requests(self, request: Request) -> Response:
        """Return the request log, from entry `since` on."""
        since = int(request.query_params.get("since", "0"))
        return JSONResponse({"requests": self.sandbox.log.entries[since:]})

    async def charges(self, request: Request) -> Response:
        """Return every charge try, by whom and with what result, from number `since` on."""
        since = int(request.query_params.get("since", "0"))
        return JSONResponse({"charges": self.sandbox.world.tries[since:]})

    async def next_due(self, request: Request) -> Response:
        """Return when the next thing happens on a clock."""
        world = self.sandbox.world
        clock = request.query_params.get("test_clock", "")
        if clock:
            world.get("test_helpers.test_clock", clock)
        return JSONResponse({"next_due_at": life.next_due_at(world, clock)})

    async def read_settings(self, _request: Request) -> Response:
        """Return the account's settings."""
        return JSONResponse(self.sandbox.world.settings.change({}))

    async def settings(self, request: Request) -> Response:
        """Change settings."""
        return JSONResponse(self.sandbox.world.settings.change(await _body(request)))

    async def cards(self, request: Request) -> Response:
        """Script the outcomes of a card, by payment method, fingerprint or number."""
        body = await _body(request)
        entries = body.get("cards", [body])
        for entry in entries:
            self._script(entry)
        return JSONResponse({"scripted": len(entries)})

    def _script(self, entry: dict[str, Any]) -> None:
        named = [entry[k] for k in ("payment_method", "fingerprint") if k in entry]
        if "number" in entry:
            named.append(fingerprint(check_number(entry["number"])))
        known = {"payment_method", "fingerprint", "number", "outcomes", "then", "country"}
        if len(named) != 1 or (set(entry) - known):
            raise invalid(
                "Name one of payment_method, fingerprint or number, with outcomes, then, country."
            )
        world = self.sandbox.world
        if "payment_method" in entry:
            world.get("payment_method", named[0], param="payment_method")
        outcomes = entry.get("outcomes", [])
        if not isinstance(outcomes, list):
            raise invalid("outcomes must be a list.")
        if "outcomes" in entry:
            world.scripts.put(named[0], outcomes, entry.get("then"))
        if "country" in entry:
            for method in world.tables["payment_method"].rows.values():
                if named[0] in (method["id"], method[method["type"]]["fingerprint"]):
                    details = {**method[method["type"]], "country": entry["country"]}
                    world.change(method, **{method["type"]: details})

    async def faults(self, request: Request) -> Response:
        """Replace the faults in force; an empty list heals everything."""
        body = await _body(request)
        rules = body.get("faults", [body] if body else [])
        self.sandbox.faults.set(rules)
        return JSONResponse({"faults": len(rules)})

    async def webhooks(self, request: Request) -> Response:
        """Replace the webhook endpoints and what goes wrong on the way to them."""
        body = await _body(request)
        answer = self.sandbox.webhooks.set(body.get("endpoints", []), body.get("faults", {}))
        return JSONResponse(answer)

    async def deliveries(self, request: Request) -> Response:
        """Return every delivery of an event, from number `since` on."""
        since = int(request.query_params.get("since", "0"))
        return JSONResponse({"deliveries": self.sandbox.webhooks.deliveries[since:]})

    async def keys(self, request: Request) -> Response:
        """Restrict an API key to rights such as `invoice_read`; null lifts the restriction."""
        body = await _body(request)
        rights = self.sandbox.access.rights
        if body.get("rights") is None:
            rights.pop(body.get("key", ""), None)
        else:
            rights[body["key"]] = set(body["rights"])
        return JSONResponse({"restricted": sorted(rights)})

    async def reset(self, request: Request) -> Response:
        """Forget everything."""
        self.sandbox.reset(str((await _body(request)).get("seed", "1")))
        return JSONResponse({"reset": True})

    async def populate(self, request: Request) -> Response:
        """Hand over to the population, if this server has one."""
        if self.population is None:
            raise invalid("This sandbox was started without a population.")
        return JSONResponse(self.population(self.sandbox, await _body(request)))

    async def act(self, request: Request) -> Response:
        """Do what a customer or a network does without the API."""
        sandbox = self.sandbox
        body = await _body(request)
        by = str(body.pop("by", acts.default_by(body.get("act"))))
        at = sandbox.world.wall()
        entry = sandbox.log.begin(by=by, method="POST", path="/_sandbox/act", at=at)
        entry["params"] = dict(body)
        tried = len(sandbox.world.tries)
        result = acts.act(sandbox.world, body, by)
        entry["status"] = 200
        entry["charges"] = [try_["charge"] for try_ in sandbox.world.tries[tried:]]
        return JSONResponse(result)
