"""The way of one API request: log, fault, key, rate, parameters, idempotency, handler, answer."""

import asyncio
import json
from hashlib import blake2b
from typing import TYPE_CHECKING, Any

from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response

from worker.clock import monotonic_seconds

from . import API_VERSION
from .connections import cut
from .errors import ApiError, invalid
from .expand import check_paths, expanded
from .faults import AFTER, Rule, answer_of
from .params import check, decode
from .requestlog import shown
from .routes import all_routes
from .routing import Call, Route
from .world import Cause

if TYPE_CHECKING:
    from .app import Sandbox

_ROUTES = all_routes()
_HTML = "<html><head><title>502 Bad Gateway</title></head><body>502 Bad Gateway</body></html>"


class Endpoint:
    """Answers everything under /v1."""

    def __init__(self, sandbox: "Sandbox") -> None:
        """Serve *sandbox*, whose world may be replaced by a reset at any time."""
        self.sandbox = sandbox

    async def answer(self, request: Request) -> Response:
        """Answer one request, with the faults that strike it."""
        sandbox, began = self.sandbox, monotonic_seconds()
        path, method = request.url.path, request.method
        entry = sandbox.log.begin(by="api", method=method, path=path, at=sandbox.world.wall())
        # Reads count apart, so that polling does not change the ids of what follows.
        counted = "read" if method == "GET" else "request"
        entry["request_id"] = f"req_{sandbox.world.token(counted, 14)}"
        try:
            body = (await request.body()).decode()
        except ClientDisconnect:  # whoever asked was killed in mid-request: nobody hears
            return Response(status_code=400)
        rule = sandbox.faults.pick(method, path)
        if rule is not None:
            entry["fault"] = rule.kind
        if sandbox.world.settings.latency_ms:
            await asyncio.sleep(sandbox.world.settings.latency_ms / 1000)
        if rule is not None and rule.kind not in AFTER:
            early = await self._before(request, rule, entry)
            if early is not None:
                return early
        answer = _Answer(sandbox, request, body, entry)
        response = answer.run()
        if rule is not None and rule.kind in AFTER:
            response = await self._after(request, rule, answer, response)
        answer.done(response)
        entry["milliseconds"] = round((monotonic_seconds() - began) * 1000, 3)
        return response

    async def _before(self, request: Request, rule: Rule, entry: dict[str, Any]) -> Response | None:
        """Strike before anything happened; None means the request goes on."""
        if rule.kind in ("hang", "slow"):
            await asyncio.sleep(rule.seconds)
        if rule.kind == "slow":
            return None
        if rule.kind in ("hang", "cut"):
            return await cut(request)
        if rule.kind == "html_502":
            return _gateway_page(entry)
        error = answer_of(rule)
        return _error_response(error, entry)

    async def _after(
        self, request: Request, rule: Rule, answer: "_Answer", response: Response
    ) -> Response:
        """Strike after everything happened, before the caller knows."""
        if rule.kind == "error_500_after":
            return _error_response(answer_of(rule), answer.entry)
        if rule.kind == "html_502_after":
            answer.done(response)  # a proxy lost the answer: behind it the key keeps the true one
            return _gateway_page(answer.entry)
        if rule.kind in ("hang_after", "slow_after"):
            await asyncio.sleep(rule.seconds)
        if rule.kind == "slow_after":
            return response
        answer.done(response)
        answer.entry["status"] = None
        return await cut(request)


class _Answer:
    """One request being carried out; its idempotency key is held until `done`."""

    def __init__(
        self, sandbox: "Sandbox", request: Request, body: str, entry: dict[str, Any]
    ) -> None:
        self.sandbox, self.world, self.keys = sandbox, sandbox.world, sandbox.keys
        self.request, self.body, self.entry = request, body, entry
        self.key: str | None = None
        self.owns_key = False

    def run(self) -> Response:
        """Return the answer."""
        try:
            return self._run()
        except ApiError as error:
            return _error_response(error, self.entry)

    def done(self, response: Response) -> None:
        """Let go of the key: the answer is stored or the key is free again."""
        if self.owns_key and self.key is not None:
            self.keys.finish(self.key, response.status_code, bytes(response.body))
            self.owns_key = False

    def _run(self) -> Response:
        sandbox, request = self.sandbox, self.request
        api_key = sandbox.access.key_of(request.headers.get("authorization", ""))
        limit = self.world.settings.rate_limit_per_second
        sandbox.access.limit(limit, monotonic_seconds())
        path, method = request.url.path, request.method
        text = self.body if method == "POST" else request.url.query
        asked = request.headers.get("stripe-version", API_VERSION)
        if asked != API_VERSION:
            raise invalid(f"The sandbox speaks {API_VERSION} only, not {asked}.")
        raw = decode(text)
        self.entry["params"] = shown(raw)
        route, ids = _ROUTES.find(method, path)
        sandbox.access.allow(api_key, route.right)
        self.key = request.headers.get("idempotency-key") if method == "POST" else None
        self.entry["idempotency_key"] = self.key
        if self.key is not None:
            replay = self._take_key(f"{method} {path} {json.dumps(raw, sort_keys=True)}")
            if replay is not None:
                return replay
        params = check(raw, route.spec)
        answer = self._handle(route, ids, params)
        return _json(200, answer, self._headers())

    def _take_key(self, request_text: str) -> Response | None:
        key = self.key or ""
        mark = blake2b(request_text.encode(), digest_size=16).hexdigest()
        stored = self.keys.begin(key, mark, self.entry["request_id"], self.world.wall())
        if stored is None:
            self.owns_key = True
            return None
        self.entry.update(replayed=True, status=stored.status)
        headers = {
            **self._headers(),
            "Stripe-Version": API_VERSION,
            "Idempotent-Replayed": "true",
            "Original-Request": stored.request_id,
        }
        return Response(stored.body, stored.status, headers, "application/json")

    def _handle(self, route: Route, ids: list[str], params: dict[str, Any]) -> Any:
        world = self.world
        paths = params.pop("expand", [])
        tried = len(world.tries)
        check_paths(paths, route.kind, listing=route.lists)
        cause = Cause("api", self.entry["request_id"], self.key)
        try:
            with world.acting(cause):
                answer = route.handler(Call(world, ids, params))
        finally:
            self.entry["charges"] = [try_["charge"] for try_ in world.tries[tried:]]
            self.sandbox.start_advances()
        self.entry["status"] = 200
        if "customer" in answer or "test_clock" in answer:
            self.entry["business_at"] = world.now_of(answer)
        return expanded(world, answer, paths, route.kind)

    def _headers(self) -> dict[str, str]:
        headers = {"Request-Id": self.entry["request_id"]}
        if self.key is not None:
            headers["Idempotency-Key"] = self.key
        return headers


def _json(status: int, answer: Any, headers: dict[str, str]) -> Response:
    body = json.dumps(answer, separators=(",", ":"), ensure_ascii=False).encode()
    headers["Stripe-Version"] = API_VERSION
    return Response(body, status, headers, "application/json")


def _error_response(error: ApiError, entry: dict[str, Any]) -> Response:
    entry.update(status=error.status, code=error.body.get("code"))
    headers = {"Request-Id": entry["request_id"], **error.headers}
    return _json(error.status, {"error": error.body}, headers)


def _gateway_page(entry: dict[str, Any]) -> Response:
    entry["status"] = 502
    return Response(_HTML, 502, media_type="text/html")
