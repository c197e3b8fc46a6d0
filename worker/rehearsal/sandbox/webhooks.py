"""Webhook endpoints: signed deliveries, some doubled, swapped, late, lost, under two secrets."""

import asyncio
import hashlib
import hmac
import json
import urllib.error
import urllib.request
from dataclasses import dataclass, field
from hashlib import blake2b
from typing import Any
from urllib.parse import urlsplit

from .errors import invalid
from .world import Obj, World

# In test mode Stripe tries three times over a few hours; here the waits are seconds of wall time.
_RETRY_SECONDS = (0.2, 1.0)
_LATE_SECONDS = 2.0
_TIMEOUT_SECONDS = 10.0
_REPLAYED_AGO = 600


@dataclass(slots=True)
class WebhookEndpoint:
    """One endpoint; with two secrets a rotation is under way and both sign."""

    url: str
    secrets: list[str]
    types: list[str] = field(default_factory=lambda: ["*"])

    def wants(self, kind: str) -> bool:
        """Whether events of *kind* are sent here."""
        return "*" in self.types or kind in self.types


@dataclass(slots=True)
class DeliveryFaults:
    """Shares (0 to 1) of deliveries that are doubled, lost, late, or swapped with the next one.

    And what strangers do: `forged` sends a copy under another id and a secret of theirs before the
    true delivery, `replayed` the true body after it, as it was signed ten minutes ago.
    """

    duplicate: float = 0.0
    lost: float = 0.0
    late: float = 0.0
    reorder: float = 0.0
    forged: float = 0.0
    replayed: float = 0.0
    late_seconds: float = _LATE_SECONDS
    seed: str = "1"

    def strikes(self, name: str, event_id: str) -> bool:
        """Whether fault *name* hits this event: a function of seed, fault and event."""
        mark = blake2b(f"{self.seed}:{name}:{event_id}".encode(), digest_size=4).digest()
        share = float(getattr(self, name))
        return int.from_bytes(mark) / 2**32 < share


class Webhooks:
    """Sends every new event to the endpoints that want it, in the background, in order."""

    def __init__(self, world: World) -> None:
        """Listen to *world*; nothing is sent before an endpoint is registered."""
        self.world = world
        self.endpoints: list[WebhookEndpoint] = []
        self.faults = DeliveryFaults()
        self.deliveries: list[dict[str, Any]] = []
        self._held: Obj | None = None
        self._waiting: list[Obj] = []
        self._tasks: set[asyncio.Task[None]] = set()
        self._sender: asyncio.Task[None] | None = None
        world.event_listeners.append(self._take)

    def set(self, endpoints: list[dict[str, Any]], faults: dict[str, Any]) -> dict[str, Any]:
        """Replace endpoints and delivery faults. Raises: ApiError: a field is wrong."""
        made = []
        for entry in endpoints:
            address = urlsplit(str(entry.get("url", "")))
            if address.scheme != "http" or address.hostname not in ("127.0.0.1", "localhost"):
                raise invalid("A webhook endpoint is an http address on this host.", param="url")
            secrets = entry.get("secrets") or [f"whsec_{self.world.token('whsec', 32)}"]
            made.append(WebhookEndpoint(entry["url"], list(secrets), entry.get("types") or ["*"]))
        if wrong := set(faults) - set(DeliveryFaults.__dataclass_fields__):
            raise invalid(f"Unknown delivery faults: {', '.join(sorted(wrong))}.")
        self.endpoints, self.faults = made, DeliveryFaults(**faults)
        return {"endpoints": [{"url": e.url, "secrets": e.secrets} for e in made]}

    def _take(self, event: Obj) -> None:
        if not any(endpoint.wants(event["type"]) for endpoint in self.endpoints):
            return
        event["pending_webhooks"] = len([e for e in self.endpoints if e.wants(event["type"])])
        if self._held is None and self.faults.strikes("reorder", event["id"]):
            self._held = event
            return
        self._waiting.append(event)
        if self._held is not None:
            self._waiting.append(self._held)
            self._held = None
        if self._sender is None or self._sender.done():
            self._sender = asyncio.ensure_future(self._send_waiting())

    async def _send_waiting(self) -> None:
        while self._waiting:
            event = self._waiting.pop(0)
            body = json.dumps(event, separators=(",", ":")).encode()
            for endpoint in self.endpoints:
                if endpoint.wants(event["type"]):
                    await self._deliver(endpoint, event, body)

    async def _deliver(self, endpoint: WebhookEndpoint, event: Obj, body: bytes) -> None:
        faults, name = self.faults, f"{endpoint.url} {event['id']}"
        if faults.strikes("lost", name):
            self._note(endpoint, event, None, "lost")
            return
        if faults.strikes("late", name):
            self._later(faults.late_seconds, endpoint, event, body)
            return
        if faults.strikes("forged", name):
            copy = body.replace(event["id"].encode(), f"{event['id']}Forged".encode())
            header = signature(["whsec_strangers"], copy, self.world.wall())
            await self._intrude(endpoint, event, copy, header, "forged")
        await self._send(endpoint, event, body)
        if faults.strikes("duplicate", name):
            await self._send(endpoint, event, body)
        if faults.strikes("replayed", name):
            header = signature(endpoint.secrets, body, self.world.wall() - _REPLAYED_AGO)
            await self._intrude(endpoint, event, body, header, "replayed")

    async def _intrude(
        self, endpoint: WebhookEndpoint, event: Obj, body: bytes, header: str, result: str
    ) -> None:
        """Send what Stripe would not; whatever the answer, nobody tries again."""
        status = await asyncio.to_thread(_post, endpoint.url, body, header)
        self._note(endpoint, event, status, result)

    def _later(self, seconds: float, endpoint: WebhookEndpoint, event: Obj, body: bytes) -> None:
        async def run() -> None:
            await asyncio.sleep(seconds)
            await self._send(endpoint, event, body)

        task = asyncio.ensure_future(run())
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _send(
        self, endpoint: WebhookEndpoint, event: Obj, body: bytes, tried: int = 0
    ) -> None:
        header = signature(endpoint.secrets, body, self.world.wall())
        status = await asyncio.to_thread(_post, endpoint.url, body, header)
        self._note(endpoint, event, status, "sent")
        if status is not None and 200 <= status < 300:
            event["pending_webhooks"] = max(0, event["pending_webhooks"] - 1)
        elif tried < len(_RETRY_SECONDS):
            await asyncio.sleep(_RETRY_SECONDS[tried])
            await self._send(endpoint, event, body, tried + 1)

    def _note(self, endpoint: WebhookEndpoint, event: Obj, status: int | None, result: str) -> None:
        self.deliveries.append(
            {
                "n": len(self.deliveries) + 1,
                "url": endpoint.url,
                "event": event["id"],
                "type": event["type"],
                "status": status,
                "result": result,
            }
        )


def signature(secrets: list[str], body: bytes, at: int) -> str:
    """Return a Stripe-Signature header: one v1 per secret, over the time and the raw body."""
    signed = f"{at}.".encode() + body
    marks = [hmac.new(s.encode(), signed, hashlib.sha256).hexdigest() for s in secrets]
    return ",".join([f"t={at}", *(f"v1={mark}" for mark in marks)])


def _post(url: str, body: bytes, header: str) -> int | None:
    """Return the status an endpoint answers with, or None if it does not answer."""
    request = urllib.request.Request(  # noqa: S310 - only http addresses of this host get here
        url,
        data=body,
        headers={"Content-Type": "application/json; charset=utf-8", "Stripe-Signature": header},
    )
    try:
        with urllib.request.urlopen(request, timeout=_TIMEOUT_SECONDS) as answer:  # noqa: S310
            return int(answer.status)
    except urllib.error.HTTPError as error:
        return error.code
    except OSError:
        return None
