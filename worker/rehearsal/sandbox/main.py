"""Runs the sandbox: in a process of its own, or in a thread for tests."""

import asyncio
import contextlib
import errno
import signal
import socket
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from types import TracebackType
from typing import Self

import uvicorn

from .app import Population, Sandbox, build_app
from .connections import CuttableProtocol

HOST = "127.0.0.1"


class PortTaken(OSError):
    """The port is in use; the text is one sentence for a person."""


def _bind(port: int) -> socket.socket:
    # With the protocol named, asyncio switches Nagle's algorithm off; else an answer takes 43 ms.
    sock = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        sock.bind((HOST, port))
    except OSError as error:
        sock.close()
        if error.errno in (errno.EADDRINUSE, errno.EACCES):
            raise PortTaken(
                f"Port {port} on {HOST} cannot be used (taken or not allowed): "
                "choose another one, or 0 for any free one."
            ) from error
        raise
    sock.listen(512)
    return sock


class _Server(uvicorn.Server):
    """uvicorn's server, which after SIGTERM or SIGINT returns instead of dying by the signal."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Stop on the signals of a process manager and a person; only the main thread can."""
        if threading.current_thread() is not threading.main_thread():
            yield
            return
        before = {s: signal.signal(s, self.handle_exit) for s in (signal.SIGTERM, signal.SIGINT)}
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)


def _server(sandbox: Sandbox, population: Population | None) -> uvicorn.Server:
    config = uvicorn.Config(
        build_app(sandbox, population=population),
        http=CuttableProtocol,
        loop="asyncio",
        ws="none",
        lifespan="on",
        access_log=False,
        log_config=None,
        log_level="error",
        server_header=False,
        proxy_headers=False,
        timeout_keep_alive=75,
        timeout_graceful_shutdown=2,
    )
    return _Server(config)


def serve(
    port: int = 0,
    *,
    ready: Callable[[int], None] | None = None,
    population: Population | None = None,
    seed: str = "1",
) -> None:
    """Serve until SIGTERM or SIGINT; *ready* is told the port, which 0 lets the system choose.

    Raises: PortTaken: the port is in use.
    """
    sock = _bind(port)
    chosen = int(sock.getsockname()[1])
    sandbox = Sandbox(seed=seed)
    sandbox.at(f"http://{HOST}:{chosen}")
    server = _server(sandbox, population)

    async def run() -> None:
        task = asyncio.ensure_future(server.serve(sockets=[sock]))
        while not server.started and not task.done():
            await asyncio.sleep(0.005)
        if ready is not None and server.started:
            ready(chosen)
        await task

    asyncio.run(run())


@dataclass(slots=True)
class Running:
    """A sandbox in a thread: its address, its state (to look at), and the way to end it."""

    base_url: str
    sandbox: Sandbox
    _server: uvicorn.Server
    _thread: threading.Thread

    def stop(self) -> None:
        """End the server and wait for its thread."""
        self._server.should_exit = True
        self._thread.join(10)

    def __enter__(self) -> Self:
        """Return itself."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Stop."""
        self.stop()


def start_thread(
    *,
    port: int = 0,
    seed: str = "1",
    sandbox: Sandbox | None = None,
    population: Population | None = None,
) -> Running:
    """Start a sandbox in a thread and return once it answers. For tests and benches."""
    sock = _bind(port)
    base_url = f"http://{HOST}:{sock.getsockname()[1]}"
    sandbox = sandbox or Sandbox(seed=seed)
    sandbox.at(base_url)
    server = _server(sandbox, population)
    up = threading.Event()

    async def run() -> None:
        task = asyncio.ensure_future(server.serve(sockets=[sock]))
        while not server.started and not task.done():
            await asyncio.sleep(0.002)
        up.set()
        await task

    thread = threading.Thread(target=lambda: asyncio.run(run()), name="sandbox", daemon=True)
    thread.start()
    if not up.wait(10):
        raise RuntimeError("the sandbox did not start within 10 seconds")
    return Running(base_url, sandbox, server, thread)
