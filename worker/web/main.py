"""`dunning web`: one process that takes Stripe's webhooks and tells how things are."""

import signal
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass

from prometheus_client import CollectorRegistry

from worker.bootstrap import BEAT_SECONDS, WEB_NEEDS, App, build_app
from worker.errors import ServiceUnavailable
from worker.joblog import capture_libraries, capture_uncaught
from worker.web.app import TwoFaces, inner_app, outer_app
from worker.web.deliveries import Deliveries
from worker.web.feed_waker import FeedWaker
from worker.web.metrics import LedgerCollector
from worker.web.open_ledger import OpenLedger
from worker.web.readiness import Readiness
from worker.web.serving import serving, take_port
from worker.web.webhook import WebhookDoor

STOP_SECONDS = 15
"""What is under way may take that long after SIGTERM; platforms kill after 30 seconds."""
LOOK_SECONDS = 0.2


@dataclass(frozen=True, slots=True)
class Addresses:
    """Where a running web process is reached."""

    webhooks: tuple[str, int]
    metrics: tuple[str, int]
    thread: threading.Thread
    """It ends where the server fails."""


@contextmanager
def running(app: App, *, host: str, port: int) -> Iterator[Addresses]:
    """Serve while the context is open. Raises: ConfigError: a port cannot be used; operator."""
    environment = app.environment
    metrics_host, metrics_port = environment.metrics_bind
    with (
        take_port(port, host) as outer,
        take_port(metrics_port, metrics_host, named="METRICS_BIND") as inner,
    ):
        registry, ledger = CollectorRegistry(), OpenLedger(app)
        registry.register(
            LedgerCollector(ledger, app.clock, lambda: app.configuration.dunning.mode)
        )
        waker = FeedWaker(app.doorbell, app.log)
        door = WebhookDoor(
            secrets=environment.webhook_secrets,
            ledger=ledger,
            clock=app.clock,
            deliveries=Deliveries(app.log, app.clock, registry),
            wake=waker.wake,
            test_clock=environment.stripe_test_clock or "",
        )
        faces = TwoFaces(
            outer_app(door),
            inner_app(Readiness(app, ledger), registry),
            inner_port=inner.getsockname()[1],
        )
        reached = outer.getsockname()[:2], inner.getsockname()[:2]
        beat = threading.Thread(target=_beat, args=(app, ledger), name="beat", daemon=True)
        beat.start()
        waker.start()
        try:
            with serving(faces, [outer, inner], stop_seconds=STOP_SECONDS) as thread:
                yield Addresses(*reached, thread)
        finally:
            app.stop_flag.event.set()
            waker.stop()
            door.close()
            beat.join()
            app.close()


def _beat(app: App, ledger: OpenLedger) -> None:
    """Record that this process is alive, as soon as there is a ledger to record it in."""
    while True:
        try:
            ledger.get()
            app.beat()
        except ServiceUnavailable as away:  # /readyz tells it, and so does the first webhook
            app.log.debug("database.unavailable", error=away)
        if app.stop_flag.event.wait(BEAT_SECONDS):
            return


def run(environ: Mapping[str, str], *, host: str, port: int, say: Callable[[str], None]) -> int:
    """Serve until SIGTERM or Ctrl-C and return the exit code: 0 as asked, 1 where serving failed.

    The database and Redis may be away: then Stripe is asked to deliver again. *say* is told where
    it listens.
    Raises: ConfigError: all that is wrong, at once.
    """
    # This process has no business at Stripe, so it does not even keep the key.
    without_key = {name: value for name, value in environ.items() if name != "STRIPE_API_KEY"}
    app = build_app(without_key, process="web", needed=WEB_NEEDS)
    capture_libraries(app.log)
    capture_uncaught(app.log)
    asked = threading.Event()
    before = {
        number: signal.signal(number, lambda *_: asked.set())
        for number in (signal.SIGTERM, signal.SIGINT)
    }
    try:
        with running(app, host=host, port=port) as addresses:
            app.log.info(
                "boot", config=app.configuration.digest, mode=app.configuration.dunning.mode
            )
            say(_where(addresses))
            while addresses.thread.is_alive() and not asked.wait(LOOK_SECONDS):
                pass
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
    app.log.info("exit")
    return 0 if asked.is_set() else 1


def _where(addresses: Addresses) -> str:
    (host, port), (inner_host, inner_port) = addresses.webhooks, addresses.metrics
    return (
        f"Stripe's webhooks: http://{host}:{port}/webhooks/stripe; "
        f"/healthz, /readyz, /metrics: http://{inner_host}:{inner_port}"
    )
