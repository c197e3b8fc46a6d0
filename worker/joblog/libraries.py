"""What libraries log, as lines of ours: event `library`, redacted, from WARNING up.

dramatiq logs the arguments of a failing actor and Stripe's SDK its requests, so nothing of the
standard `logging` may reach a stream without passing here (reliability.md 4).
"""

import logging
import sys

from worker.joblog.lines import describe
from worker.ports import JobLog

#: These talk at INFO about every message, job or request, and at DEBUG about its content.
QUIET = ("dramatiq", "apscheduler", "urllib3", "stripe", "sqlalchemy", "mail.log", "uvicorn")


def capture_libraries(log: JobLog) -> None:
    """Send every warning and error of the standard `logging` and of `warnings` to *log*.

    Replaces the handlers that are there, such as those of dramatiq's command.
    """
    root = logging.getLogger()
    root.handlers[:] = [_LibraryHandler(log)]
    root.setLevel(logging.WARNING)
    for name in QUIET:
        logger = logging.getLogger(name)
        logger.handlers.clear()
        logger.setLevel(logging.WARNING)
        logger.propagate = True
    logging.captureWarnings(capture=True)


class _LibraryHandler(logging.Handler):
    """Turns a record of `logging` into a line of the job log."""

    def __init__(self, log: JobLog) -> None:
        super().__init__(logging.WARNING)
        self.log = log

    def emit(self, record: logging.LogRecord) -> None:
        """Write the record's first line and its exception's kind and place; never raises."""
        try:
            message = next(iter(record.getMessage().splitlines()), "")
        except (TypeError, ValueError, KeyError):
            # A library's format and arguments do not match: its format alone still says what.
            message = str(record.msg)
        error = record.exc_info[1] if record.exc_info else None
        write = self.log.error if record.levelno >= logging.ERROR else self.log.warning
        write(
            "library",
            logger=record.name,
            message=message,
            error=describe(error) if error else None,
            do="runbook: library",
        )

    def handleError(self, record: logging.LogRecord) -> None:  # noqa: N802 (logging's name)
        """Say that a record was lost, without its content."""
        sys.stderr.write(f"a log record of {record.name} could not be written\n")
