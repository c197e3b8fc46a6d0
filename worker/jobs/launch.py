"""Start dramatiq's own worker on our queue, once everything it needs was seen to be there."""

import sys
from collections.abc import Mapping

from dramatiq import cli

from worker.bootstrap import WORKER_NEEDS, App, build_app
from worker.errors import ServiceUnavailable
from worker.joblog import capture_libraries, capture_uncaught
from worker.jobs.table import prepare
from worker.store.migrate import is_behind

SHUTDOWN_TIMEOUT_MS = 25_000
"""Platforms kill 30 s after SIGTERM; a job stops after its read, long before this."""


def run_workers(environ: Mapping[str, str], *, processes: int, threads: int) -> int:
    """Run worker processes until SIGTERM and return the exit code: 0 as asked.

    What is wrong from the start is told here, in a sentence, before any process is made. Raises:
    ConfigError: variables, files or the key; ServiceUnavailable: database, Redis, or Stripe
    where the ledger is still empty.
    """
    app = build_app(environ, process="worker", needed=WORKER_NEEDS)
    try:
        _look_around(app)
    finally:
        app.close()  # nothing that is open may be shared with the worker processes
    capture_libraries(app.log)
    capture_uncaught(app.log)
    sys.stdout.flush()
    # --skip-logging: dramatiq's lines are no JSON; its warnings reach our log as `library`.
    arguments = ["worker.jobs.main:broker", "--skip-logging", "--processes", str(processes)]
    arguments += ["--threads", str(threads)]
    arguments += ["--worker-shutdown-timeout", str(SHUTDOWN_TIMEOUT_MS)]
    parser = cli.make_argument_parser()  # type: ignore[no-untyped-call]  # dramatiq's is untyped
    return cli.main(parser.parse_args(arguments)) or 0  # type: ignore[no-untyped-call]


def _look_around(app: App) -> None:
    if is_behind(app.ledger.engine):
        raise ServiceUnavailable("The database is of an older release: run dunning migrate.")
    app.doorbell.waiting()
    prepare(app)
