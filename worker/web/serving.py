"""Runs an ASGI application in a thread of this process, on sockets that are taken beforehand."""

import errno
import socket
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import uvicorn
from starlette.types import ASGIApp

from worker.errors import ConfigError

START_SECONDS_MAX = 10.0
CONNECTIONS_MAX = 200
"""With more at once uvicorn answers 503, and Stripe delivers again."""


def take_port(port: int, host: str = "127.0.0.1", *, named: str = "--port") -> socket.socket:
    """Return a socket that listens on *host*; 0 lets the system choose the port.

    Args: named: where the port is chosen, for the sentence.
    Raises: ConfigError: the port cannot be used; who starts it acts.
    """
    # With the protocol named, asyncio switches Nagle's algorithm off; else an answer takes 43 ms.
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    sock = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        sock.bind((host, port))
    except (OSError, OverflowError) as error:
        sock.close()
        taken = isinstance(error, OSError) and error.errno == errno.EADDRINUSE
        why = "is in use" if taken else "cannot be used"
        raise ConfigError(
            f"Port {port} on {host} {why}: choose another one with {named}, or 0 for any free one."
        ) from error
    sock.listen(128)
    return sock


@contextmanager
def serving(
    app: ASGIApp, sockets: Sequence[socket.socket], *, stop_seconds: int = 2
) -> Iterator[threading.Thread]:
    """Serve *app* on *sockets* while the context is open; give the thread that does it.

    At the end what is under way may finish for *stop_seconds*; nothing new is taken.
    """
    config = uvicorn.Config(
        app,
        loop="asyncio",
        http="h11",
        ws="none",
        lifespan="off",
        access_log=False,
        log_config=None,
        log_level="error",
        server_header=False,
        proxy_headers=False,
        limit_concurrency=CONNECTIONS_MAX,
        timeout_graceful_shutdown=stop_seconds,
    )
    server = uvicorn.Server(config)
    thread = threading.Thread(
        target=server.run, kwargs={"sockets": list(sockets)}, name="web", daemon=True
    )
    thread.start()
    try:
        yield thread
    finally:
        server.should_exit = True
        thread.join(START_SECONDS_MAX + stop_seconds)
