"""Sinks have threads of their own: one that hangs holds up neither dunning nor the others."""

import secrets
import threading
from datetime import datetime
from functools import partial

from worker.bootstrap import App
from worker.errors import ServiceUnavailable
from worker.ports import Sink
from worker.services.publish_facts import publish_facts, warn_of_lag

HANGS_SECONDS = 300.0
"""A thread that is older hangs in a call; its lease is long over, and another may begin."""


def publish(app: App, now: datetime) -> None:
    """Let each sink's thread go on, and return at once; one that still runs is left alone."""
    started = 0
    for sink in app.sinks:
        warn_of_lag(sink.name, ledger=app.ledger, clock=app.clock, log=app.log)
        if _runs(app, sink.name):
            continue
        thread = threading.Thread(
            target=partial(_run, app, sink), name=f"sink {sink.name}", daemon=True
        )
        app.sink_threads[sink.name] = (thread, app.clock.monotonic_seconds())
        thread.start()
        started += 1
    app.log.debug("sinks", count=started, business_at=now)


def _runs(app: App, name: str) -> bool:
    thread, began = app.sink_threads.get(name, (None, 0.0))
    if thread is None or not thread.is_alive():
        return False
    return app.clock.monotonic_seconds() - began < HANGS_SECONDS


def _run(app: App, sink: Sink) -> None:
    try:
        publish_facts(
            sink,
            ledger=app.ledger,
            clock=app.clock,
            log=app.log,
            new_token=lambda: secrets.token_hex(8),
            stopping=lambda: app.stop_flag.is_set,
        )
    except ServiceUnavailable as away:  # passing: the sink goes on with the next run
        app.log.debug("database.unavailable", error=away)
