"""The dramatiq entry: `dramatiq worker.jobs.main:broker`, one App per worker process."""

import os
import signal
import sys
import threading

import dramatiq
from dramatiq.middleware import Middleware

from worker.bootstrap import WORKER_NEEDS, App, build_app
from worker.errors import DunningError, ServiceUnavailable
from worker.joblog import capture_libraries, capture_uncaught
from worker.jobs.boundary import Boundary
from worker.jobs.deafness import EXIT_CODE, LOOK_SECONDS, DeafWatch
from worker.jobs.messages import deliver as deliver_one
from worker.jobs.messages import look_at, start_jobs
from worker.jobs.table import prepare, run_job
from worker.queue.broker import QUEUE
from worker.queue.hearing import Hearing
from worker.queue.messages import ADVANCE_CASE, CANARY, DELIVER_LETTER, RUN_JOB, TICK

PARENT_LOOK_SECONDS = 1.0

JOB_TIME_LIMIT_MS = 3_600_000
"""A first backfill of a large account takes many minutes; nobody else begins one meanwhile."""


class Farewell(Middleware):
    """Writes the last line of a worker process."""

    def __init__(self, app: App) -> None:
        """Write to *app*'s log."""
        self._app = app

    def after_worker_shutdown(self, _broker: dramatiq.Broker, _worker: dramatiq.Worker) -> None:
        """Hear that the worker has ended."""
        self._app.log.info("exit")


def _start() -> App:
    # Standard output itself: dramatiq puts its pipe to stderr in the place of sys.stdout.
    app = build_app(os.environ, process="worker", needed=WORKER_NEEDS, stream=sys.__stdout__)
    capture_libraries(app.log)
    capture_uncaught(app.log)
    try:
        prepare(app)
    except DunningError as error:
        app.log.error("job.failed", job="boot", error=error, do="dunning doctor")
        sys.exit(4 if isinstance(error, ServiceUnavailable) else 2)
    app.say_whether_directory_differs()
    app.log.info("boot", config=app.configuration.digest, mode=app.configuration.dunning.mode)
    app.beat_every_minute()
    return app


def _end_with(parent_pid: int, app: App) -> None:
    """Ask this process to end once its parent was killed: nobody would restart or stop it."""
    while not app.stop_flag.event.wait(PARENT_LOOK_SECONDS):
        if os.getppid() != parent_pid:
            os.kill(os.getpid(), signal.SIGTERM)
            return


def _end_if_deaf(watch: DeafWatch, app: App) -> None:
    """Send the first canary at once, and end this process where none comes any more.

    Hard, as a kill: what threads have in work is safe, and none of them could be told.
    """
    watch.send_canary()
    while not app.stop_flag.event.wait(LOOK_SECONDS):
        if watch.look():
            sys.stdout.flush()
            os._exit(EXIT_CODE)


_app = _start()
_boundary = Boundary(_app.log, _app.clock)
broker = _app.broker
broker.add_middleware(Farewell(_app))
_hearing = Hearing(_app.clock.monotonic_seconds)
broker.add_middleware(_hearing)
_watch = DeafWatch(
    _app.process_name,
    silent_seconds=lambda: _hearing.silent_seconds,
    send=_app.doorbell.canary,
    log=_app.log,
)
threading.Thread(target=_end_with, args=(os.getppid(), _app), name="parent", daemon=True).start()
threading.Thread(target=_end_if_deaf, args=(_watch, _app), name="hearing", daemon=True).start()


@dramatiq.actor(broker=broker, actor_name=TICK, queue_name=QUEUE, priority=0)
def tick() -> None:
    """Start the jobs that are due, and those whose start was lost."""
    _boundary.run(TICK, lambda: start_jobs(_app))


@dramatiq.actor(
    broker=broker,
    actor_name=RUN_JOB,
    queue_name=QUEUE,
    priority=10,
    time_limit=JOB_TIME_LIMIT_MS,
)
def job(name: str) -> None:
    """Run a scheduled job."""
    _boundary.run(name, lambda: run_job(_app, name, _boundary))


@dramatiq.actor(broker=broker, actor_name=ADVANCE_CASE, queue_name=QUEUE, priority=20)
def advance(case_id: int) -> None:
    """Look at a case, again while each look leaves it due."""
    _boundary.run(ADVANCE_CASE, lambda: look_at(_app, case_id))


@dramatiq.actor(broker=broker, actor_name=DELIVER_LETTER, queue_name=QUEUE, priority=30)
def deliver(letter_id: int) -> None:
    """Deliver a letter."""
    _boundary.run(DELIVER_LETTER, lambda: deliver_one(_app, letter_id))


@dramatiq.actor(broker=broker, actor_name=CANARY, queue_name=QUEUE, priority=0)
def canary(number: int) -> None:
    """Hear a canary, which is proof by coming."""
    _boundary.run(CANARY, lambda: _watch.heard(number))
