"""The two faces of the web process: webhooks for Stripe, health and figures for those inside."""

import asyncio

from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp, Receive, Scope, Send

from worker.web.metrics import metrics_text
from worker.web.readiness import Readiness
from worker.web.webhook import WebhookDoor

WEBHOOK_PATH = "/webhooks/stripe"


def outer_app(door: WebhookDoor) -> Starlette:
    """Return what the world may reach: the webhook endpoint alone."""
    return Starlette(routes=[Route(WEBHOOK_PATH, door.answer, methods=["POST"])])


def inner_app(readiness: Readiness, registry: CollectorRegistry) -> Starlette:
    """Return /healthz, /readyz and /metrics."""

    async def healthz(_request: Request) -> Response:
        return JSONResponse({"up": True})

    async def readyz(_request: Request) -> Response:
        missing = await asyncio.to_thread(readiness.missing)
        return JSONResponse({"ready": not missing, "missing": missing}, 503 if missing else 200)

    async def metrics(_request: Request) -> Response:
        text = await asyncio.to_thread(metrics_text, registry)
        return Response(text, headers={"Content-Type": CONTENT_TYPE_LATEST})

    answers = {"/healthz": healthz, "/readyz": readyz, "/metrics": metrics}
    return Starlette(routes=[Route(path, answer) for path, answer in answers.items()])


class TwoFaces:
    """Shows the inner face on the inner listener's port, and the outer one everywhere else.

    Whoever is allowed in is decided by the address that was listened on, never by the client's:
    behind a proxy on this machine every client is local.
    """

    def __init__(self, outer: ASGIApp, inner: ASGIApp, *, inner_port: int) -> None:
        """Tell the two apart by *inner_port*."""
        self._outer = outer
        self._inner = inner
        self._inner_port = inner_port

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        server = scope.get("server")
        inside = server is not None and server[1] == self._inner_port
        await (self._inner if inside else self._outer)(scope, receive, send)
