"""The sandbox without a socket: requests go to its application directly."""

import json
from collections.abc import Mapping
from typing import Any

import stripe

from tests.scenarios.stripe_side import StripeSide
from worker.rehearsal.driver_sandbox import STAFF_KEY, Refused, SandboxClient
from worker.rehearsal.sandbox.app import Sandbox, build_app

BASE = "http://127.0.0.1"


class Door:
    """Calls the sandbox's application and hands back what it answered."""

    def __init__(self, sandbox: Sandbox) -> None:
        """Call *sandbox*."""
        self.sandbox = sandbox
        self._app = build_app(sandbox)

    def ask(
        self, method: str, url: str, headers: Mapping[str, str], body: bytes
    ) -> tuple[int, dict[str, str], bytes]:
        """Return status, headers in small letters, and body of one request's answer."""
        path, _, query = url.removeprefix(BASE).partition("?")
        scope = {
            "type": "http",
            "http_version": "1.1",
            "method": method,
            "scheme": "http",
            "path": path,
            "raw_path": path.encode(),
            "root_path": "",
            "query_string": query.encode(),
            "headers": [(k.lower().encode(), v.encode()) for k, v in headers.items()],
            "client": None,
            "server": ("127.0.0.1", 80),
        }
        said: list[dict[str, Any]] = []

        async def receive() -> dict[str, Any]:
            return {"type": "http.request", "body": body, "more_body": False}

        async def send(message: dict[str, Any]) -> None:
            said.append(message)

        application: Any = self._app
        answering = application(scope, receive, send)
        try:
            answering.send(None)
        except StopIteration:
            pass
        else:
            raise AssertionError(f"the sandbox waits for something: {method} {url}")
        start = next(one for one in said if one["type"] == "http.response.start")
        parts = [one.get("body", b"") for one in said if one["type"] == "http.response.body"]
        names = {name.decode(): value.decode() for name, value in start["headers"]}
        return int(start["status"]), names, b"".join(parts)


class StaffClient(SandboxClient):
    """The client of whoever plays around the worker, without a socket."""

    def __init__(self, door: Door) -> None:
        """Ask at *door*."""
        super().__init__(BASE)
        self._door = door

    def _ask(self, method: str, path: str, body: str, content_type: str) -> dict[str, Any]:
        headers = {
            "Authorization": f"Bearer {STAFF_KEY}",
            "Content-Type": content_type,
            "Accept": "application/json",
        }
        status, _, text = self._door.ask(method, path, headers, body.encode())
        answer: dict[str, Any] = json.loads(text)
        if status >= 400:
            raise Refused(str(answer.get("error", {}).get("message") or answer))
        return answer


class StripePeople(StripeSide):
    """Customers and staff at a sandbox whose objects live by the wall clock."""

    def __init__(self, door: Door) -> None:
        """Find the sandbox empty, behind *door*."""
        self.base_url = BASE
        self.client = StaffClient(door)
        self.clock = ""
        self._cards = 0
        self._prices = {}


class SdkHttp(stripe.HTTPClient):
    """What the SDK sends through: one request at a time, through *network*."""

    name = "simulated"

    def __init__(self, network: "Network") -> None:
        """Send through *network*."""
        super().__init__()
        self._network = network

    def request(
        self,
        method: str,
        url: str,
        headers: Mapping[str, str] | None,
        post_data: Any = None,
        *,
        _usage: list[str] | None = None,
    ) -> tuple[str, int, Mapping[str, str]]:
        """Send one request. Raises: stripe.APIConnectionError: no answer came."""
        body = str(post_data or "").encode()
        status, names, answer = self._network.ask(method.upper(), url, dict(headers or {}), body)
        return answer.decode(), status, names

    def _sleep_time_seconds(self, _num_retries: int) -> float:
        return 0.0

    def close(self) -> None:
        """Have nothing to close."""


class Network:
    """The way to Stripe; subclasses lose requests and answers on it."""

    def __init__(self, door: Door) -> None:
        """Lead to *door*."""
        self.door = door

    def ask(
        self, method: str, url: str, headers: dict[str, str], body: bytes
    ) -> tuple[int, dict[str, str], bytes]:
        """Return the answer to one request. Raises: stripe.APIConnectionError: there is none."""
        return self.door.ask(method, url, headers, body)
