"""A real HTTP server that takes facts, or does not, as its script says."""

import json
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


class Receiver:
    """What came in, and what is answered next; without a script every batch is taken."""

    def __init__(self) -> None:
        """Begin with an empty script."""
        self.script: list[str] = []
        """What happens to each coming request: a status, `STATUS RETRY-AFTER`, `cut` or `hang`."""
        self.requests: list[tuple[dict[str, str], bytes]] = []
        self.let_go = threading.Event()
        self.hung = threading.Event()
        self.url = ""

    @property
    def events(self) -> list[dict[str, Any]]:
        """Return every event that came in, also those that were not acknowledged."""
        return [event for _, body in self.requests for event in json.loads(body)]


@contextmanager
def receiving() -> Iterator[Receiver]:
    """Give a server on this machine."""
    receiver = Receiver()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            """Keep the batch and do what the script says."""
            body = self.rfile.read(int(self.headers["Content-Length"]))
            receiver.requests.append((dict(self.headers.items()), body))
            fate = receiver.script.pop(0) if receiver.script else "204"
            if fate == "cut":
                self.connection.shutdown(socket.SHUT_RDWR)
                self.close_connection = True
                return
            if fate == "hang":
                receiver.hung.set()
                receiver.let_go.wait(60)
                self.close_connection = True
                return
            status, _, retry_after = fate.partition(" ")
            self.send_response(int(status))
            if retry_after:
                self.send_header("Retry-After", retry_after)
            if status.startswith("3"):
                self.send_header("Location", receiver.url)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    receiver.url = f"http://127.0.0.1:{server.server_port}/facts"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield receiver
    finally:
        receiver.let_go.set()
        server.shutdown()
        server.server_close()
        thread.join()
