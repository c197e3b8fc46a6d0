"""A web process in this process, and deliveries to it as Stripe makes them."""

import hashlib
import hmac
import io
import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import requests

from tests.integration.services.raw import event, invoice
from tests.integration.store.building import NOW, WALL
from tests.scenarios.world import REPOSITORY, StoryClock, shipped_configuration
from worker.bootstrap import WEB_NEEDS, App
from worker.joblog import build_joblog
from worker.ports import Clock
from worker.settings.environment import read_environment
from worker.web.main import running

OLD, NEW = "whsec_old", "whsec_new"


def failed(number: int = 1, **more: Any) -> dict[str, Any]:
    """Return the event of a failed payment, as a webhook brings it."""
    return event(number, "invoice.payment_failed", invoice(number)) | {"livemode": False} | more


def signed(body: bytes, *, at: int, secrets: tuple[str, ...] = (NEW,)) -> str:
    """Return a `Stripe-Signature`: HMAC-SHA256 of time and bytes, as Stripe documents it."""
    told = f"{at}.".encode() + body
    marks = [hmac.new(secret.encode(), told, hashlib.sha256).hexdigest() for secret in secrets]
    return ",".join([f"t={at}", *(f"v1={mark}" for mark in marks)])


@dataclass
class Web:
    """A running web process."""

    app: App
    stream: io.StringIO
    clock: StoryClock
    url: str
    inner_url: str

    def post(self, body: bytes, header: str | None) -> tuple[int, str]:
        """Deliver a body under a signature and return (status, text)."""
        headers = {} if header is None else {"Stripe-Signature": header}
        answer = requests.post(f"{self.url}/webhooks/stripe", body, headers=headers, timeout=20)
        return answer.status_code, answer.text.strip()

    def deliver(
        self,
        told: object,
        *,
        secrets: tuple[str, ...] = (NEW,),
        signed_ago: timedelta = timedelta(),
    ) -> tuple[int, str]:
        """Deliver an event, signed that long ago by the host's clock."""
        body = told if isinstance(told, bytes) else json.dumps(told).encode()
        at = int((self.clock.wall_now() - signed_ago).timestamp())
        return self.post(body, signed(body, at=at, secrets=secrets))

    def inside(self, path: str) -> requests.Response:
        """Return what the inner listener answers."""
        return requests.get(f"{self.inner_url}{path}", timeout=20)

    def rows(self) -> list[tuple[str, bool]]:
        """Return (event, whether it waits) of the inbox, by arrival."""
        query = "SELECT event_id, waiting FROM inbox ORDER BY seq"
        with self.app.ledger.connection() as connection:
            return [tuple(row) for row in connection.exec_driver_sql(query)]

    def said(self, kind: str) -> list[dict[str, Any]]:
        """Return the log's lines of one event."""
        lines = [json.loads(line) for line in self.stream.getvalue().splitlines()]
        return [line for line in lines if line["event"] == kind]


@contextmanager
def web_process(
    database_url: str, redis_url: str, clock: Clock | None = None, **changed: str
) -> Iterator[Web]:
    """Give a web process on these servers, with some variables changed.

    Args: clock: the host's; without one it stands still until a test moves it.
    """
    environ = {
        "DATABASE_URL": database_url,
        "REDIS_URL": redis_url,
        "STRIPE_WEBHOOK_SECRET": f"{OLD},{NEW}",
        "METRICS_BIND": "127.0.0.1:0",
        "CONFIG_DIR": str(REPOSITORY / "config"),
        "TEMPLATES_DIR": str(REPOSITORY / "templates"),
    }
    stream, story = io.StringIO(), StoryClock(WALL)
    clock = clock or story
    log = build_joblog(
        stream,
        log_format="json",
        level="debug",
        process="web",
        wall_now=clock.wall_now,
        strict=True,
    )
    environment = read_environment(environ | changed, WEB_NEEDS)
    app = App(environment, shipped_configuration(), log, "web")
    app.__dict__["clock"] = clock
    with running(app, host="127.0.0.1", port=0) as reached:
        urls = (f"http://{host}:{port}" for host, port in (reached.webhooks, reached.metrics))
        yield Web(app, stream, story, *urls)


def begin(web_or_ledger: Any, *, live: bool = False) -> None:
    """Begin the ledger, as a first worker does."""
    with web_or_ledger.begin() as tx:
        tx.control.create(charging=True, live=live, go_live_at=NOW - timedelta(days=30), cause="")
        tx.control.set_cursor("events", NOW)
