"""Start dramatiq's own worker on our queue."""

from dramatiq import cli

SHUTDOWN_TIMEOUT_MS = 25_000
"""Platforms kill 30 s after SIGTERM; a job stops after its read, long before this."""


def run_workers(*, processes: int, threads: int) -> int:
    """Run worker processes until SIGTERM and return dramatiq's exit code, 0 as asked."""
    arguments = ["worker.jobs.main:broker", "--processes", str(processes)]
    arguments += ["--threads", str(threads)]
    arguments += ["--worker-shutdown-timeout", str(SHUTDOWN_TIMEOUT_MS)]
    parser = cli.make_argument_parser()  # type: ignore[no-untyped-call]  # dramatiq's is untyped
    return cli.main(parser.parse_args(arguments)) or 0  # type: ignore[no-untyped-call]
