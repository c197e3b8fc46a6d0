"""Connections that break: the way to cut one without an answer."""

import asyncio
from typing import Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send
from uvicorn.protocols.http.h11_impl import H11Protocol

_open: dict[tuple[str, int], asyncio.Transport] = {}


class CuttableProtocol(H11Protocol):
    """uvicorn's HTTP protocol, whose open connections can be found by the caller's address."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Remember the connection."""
        super().connection_made(transport)
        if self.client is not None:
            _open[self.client] = transport

    def connection_lost(self, exc: Exception | None) -> None:
        """Forget the connection."""
        if self.client is not None:
            _open.pop(self.client, None)
        super().connection_lost(exc)


class _NoAnswer(Response):
    """Sends nothing: the connection is gone."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Return without a word."""


async def cut(request: Request) -> Response:
    """Break the request's connection at once and return a response that sends nothing."""
    client: Any = request.scope.get("client")
    transport = _open.get(tuple(client)) if client else None
    if transport is not None:
        transport.abort()
        # The loop calls connection_lost on its next turn; only then is nothing sent any more.
        await asyncio.sleep(0)
        await asyncio.sleep(0)
    return _NoAnswer()
