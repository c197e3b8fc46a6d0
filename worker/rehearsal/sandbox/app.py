"""Puts the sandbox together: the API, the control routes, the pages and the clocks that run."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable
from datetime import datetime
from typing import Any

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Mount, Route

from worker.clock import wall_now

from .access import Access
from .billing import life
from .errors import ApiError
from .faults import Faults
from .idempotency import Keys
from .requestlog import RequestLog
from .routes import clocks
from .v1 import Endpoint
from .webhooks import Webhooks
from .world import World

Population = Callable[["Sandbox", dict[str, Any]], dict[str, Any]]
_WALL_TICK_SECONDS = 1.0


class Sandbox:
    """One account and everything around it; `reset` starts it anew."""

    def __init__(self, *, seed: str = "1", wall: Callable[[], datetime] = wall_now) -> None:
        """Start empty. *wall* gives aware UTC time; ids are a function of *seed* and the calls."""
        self._wall = wall
        self.base_url = "http://127.0.0.1"
        self.reset(seed)

    def reset(self, seed: str = "1") -> None:
        """Forget everything: objects, keys, faults, log."""
        self.world = World(seed=seed, wall=lambda: int(self._wall().timestamp()))
        self.world.base_url = self.base_url
        self.keys = Keys()
        self.faults = Faults()
        self.access = Access()
        self.log = RequestLog()
        self.webhooks = Webhooks(self.world)
        self._tasks: set[asyncio.Task[None]] = set()

    def at(self, base_url: str) -> None:
        """Tell the address under which pages of this server are reached."""
        self.base_url = self.world.base_url = base_url

    def start_advances(self) -> None:
        """Begin to move the test clocks that were told to; they are ready shortly after."""
        while self.world.advances:
            clock, target = self.world.advances.pop(0)
            task = asyncio.ensure_future(self._advance(self.world, clock, target))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    async def _advance(self, world: World, clock: str, target: int) -> None:
        await asyncio.sleep(0)
        status = "internal_failure"
        try:
            for done, _ in enumerate(life.run_until(world, clock, target)):
                if done % 20 == 19:
                    await asyncio.sleep(0)
            status = "ready"
        finally:
            clocks.finish(world, clock, status)

    async def follow_wall(self) -> None:
        """Do what is due for objects without a test clock, once a second, until cancelled."""
        while True:
            for _ in life.run_until(self.world, "", self.world.wall()):
                await asyncio.sleep(0)
            await asyncio.sleep(_WALL_TICK_SECONDS)


def build_app(sandbox: Sandbox | None = None, *, population: Population | None = None) -> Starlette:
    """Return the ASGI application; *population* answers POST /_sandbox/population."""
    from . import control, pages

    sandbox = sandbox or Sandbox()

    @contextlib.asynccontextmanager
    async def lifespan(_app: Starlette) -> AsyncIterator[None]:
        task = asyncio.ensure_future(sandbox.follow_wall())
        try:
            yield
        finally:
            task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await task

    async def told(_request: Request, error: Exception) -> Response:
        if not isinstance(error, ApiError):
            raise error
        return JSONResponse({"error": error.body}, error.status)

    app = Starlette(
        routes=[
            Mount(
                "/_sandbox", routes=[*control.routes(sandbox, population), *pages.routes(sandbox)]
            ),
            Route("/{path:path}", Endpoint(sandbox).answer, methods=["GET", "POST", "DELETE"]),
        ],
        lifespan=lifespan,
        exception_handlers={ApiError: told},
    )
    app.state.sandbox = sandbox
    return app
