"""An HTTP server that answers what a test scripted, to see the SDK's own reading of it."""

import json
import threading
from collections import deque
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qsl, urlsplit


@dataclass(frozen=True)
class Play:
    """One answer: an HTTP answer, or with *fault* `cut` or `hang` none at all."""

    status: int = 200
    body: Mapping[str, Any] | str = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)
    fault: str = ""


@dataclass(frozen=True)
class Asked:
    """One request as it arrived."""

    method: str
    path: str
    params: dict[str, str]
    headers: dict[str, str]


class ScriptedStripe(ThreadingHTTPServer):
    """Plays its script in order and remembers what it was asked; the last play repeats."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.script: deque[Play] = deque()
        self.asked: list[Asked] = []
        self.closing = threading.Event()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}"

    def play(self, *plays: Play) -> None:
        self.script = deque(plays)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that hung up is what some tests are about."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    wbufsize = 65536  # one write an answer: two small ones wait for a delayed acknowledgement
    server: ScriptedStripe

    def _answer(self) -> None:
        length = int(self.headers.get("Content-Length") or 0)
        url = urlsplit(self.path)
        sent = url.query or self.rfile.read(length).decode()
        headers = {name.lower(): value for name, value in self.headers.items()}
        asked = Asked(self.command, url.path, dict(parse_qsl(sent)), headers)
        self.server.asked.append(asked)
        plays = self.server.script
        play = plays.popleft() if len(plays) > 1 else plays[0]
        if play.fault:
            self.close_connection = True
            if play.fault == "hang":
                self.server.closing.wait(30)
            return
        body = (play.body if isinstance(play.body, str) else json.dumps(play.body)).encode()
        self.send_response(play.status)
        for name, value in {"Request-Id": "req_1", **play.headers}.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    do_GET = do_POST = do_DELETE = _answer  # noqa: N815

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002
        """Say nothing."""


@contextmanager
def scripted_stripe() -> Iterator[ScriptedStripe]:
    server = ScriptedStripe()
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield server
    finally:
        server.closing.set()
        server.shutdown()
        thread.join()
        server.server_close()


class OpenLimiter:
    """A limiter that always has a slot, or never; it remembers what it heard."""

    def __init__(self, *, is_open: bool = True) -> None:
        self.is_open = is_open
        self.taken: list[tuple[str, bool]] = []
        self.limited: list[tuple[str, bool]] = []

    def take(self, endpoint: str, *, money: bool) -> bool:
        self.taken.append((endpoint, money))
        return self.is_open

    def report_limited(self, endpoint: str, *, whole_account: bool) -> None:
        self.limited.append((endpoint, whole_account))
