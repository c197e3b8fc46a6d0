"""Builds the job log: stamp, allow-list, redact, render, write; each line in one write.

structlog carries the chain. A line that cannot be written (a full disk, a closed pipe) is counted
and told with the next one that can: a log must never stop a charge between its two commits.
"""

import io
import logging
import os
import threading
from collections.abc import Callable, Mapping, MutableMapping
from datetime import UTC, datetime, tzinfo
from typing import Literal, Protocol

import structlog

from worker.joblog.dictionary import EVENTS
from worker.joblog.fields import FIELDS
from worker.joblog.lines import Plain, instant, json_line, plain, text_line
from worker.ports import JobLog

LEVELS = {
    "debug": logging.DEBUG,
    "info": logging.INFO,
    "warn": logging.WARNING,
    "error": logging.ERROR,
}
_LEVEL_NAMES = {"warning": "warn"}
WallNow = Callable[[], datetime]


class LogStream(Protocol):
    """Where lines go: a file, a terminal or dramatiq's pipe to its parent process."""

    def write(self, text: str, /) -> object:
        """Take one line, line end included."""

    def flush(self) -> object:
        """Hand everything on."""

    def isatty(self) -> bool:
        """Return whether a person is watching."""


def build_joblog(
    stream: LogStream,
    *,
    log_format: Literal["auto", "json", "text"],
    level: Literal["debug", "info", "warn", "error"],
    process: str,
    wall_now: WallNow,
    zone: tzinfo = UTC,
    strict: bool = False,
) -> JobLog:
    """Return the job log of one process, writing to *stream*.

    Args:
        process: which one it is: `scheduler`, `worker`, `web`, `cli`.
        wall_now: the wall clock, for `ts`; business time is the field `business_at`.
        zone: whose clock the text form tells; JSON is always UTC.
        strict: tests set it: a field or event that the dictionary lacks raises ValueError.
            Otherwise it is left out and counted in the line's `dropped`.
    """
    as_text = log_format == "text" or (log_format == "auto" and stream.isatty())
    writer = _Writer(stream)
    chain = _Chain(
        process=process, wall_now=wall_now, strict=strict, zone=zone if as_text else None
    )
    log: JobLog = structlog.wrap_logger(
        writer,
        processors=[chain.allow_listed, writer.add_lines_lost, chain.render],
        wrapper_class=structlog.make_filtering_bound_logger(LEVELS[level]),
        cache_logger_on_first_use=True,
    ).bind()
    return log


class _Chain:
    """structlog's processors of one log."""

    def __init__(
        self, *, process: str, wall_now: WallNow, strict: bool, zone: tzinfo | None
    ) -> None:
        self.process = process
        self.wall_now = wall_now
        self.strict = strict
        self.zone = zone

    def allow_listed(
        self, _logger: object, method: str, given: MutableMapping[str, object]
    ) -> dict[str, Plain]:
        """Return the line's fields, stamped and plain, without what the dictionary lacks."""
        event = str(given.pop("event"))
        unknown = sorted(given.keys() - FIELDS.keys())
        if self.strict and event not in EVENTS:
            raise ValueError(f"event {event!r} is not in worker/joblog/dictionary.py")
        if self.strict and unknown:
            raise ValueError(f"fields {unknown} of {event} are not in worker/joblog/fields.py")
        line: dict[str, Plain] = {
            "ts": instant(self.wall_now()),
            "level": _LEVEL_NAMES.get(method, method),
            "event": plain(event),
        }
        line |= {
            name: plain(value)
            for name, value in given.items()
            if name in FIELDS and name != "do" and value is not None
        }
        if unknown:
            line["dropped"] = len(unknown)
        if "do" in given:
            line["do"] = plain(given["do"])
        # Read per line: a worker process may have been forked after the log was built.
        return line | {"process": self.process, "pid": os.getpid()}

    def render(self, _logger: object, _method: str, line: Mapping[str, Plain]) -> str:
        """Return the finished line, without its line end."""
        return json_line(line) if self.zone is None else text_line(line, self.zone)


class _Writer:
    """The end of the chain: one write per line, under a lock, that never raises."""

    def __init__(self, stream: LogStream) -> None:
        self.stream = stream
        self.lock = threading.Lock()
        self.lines_lost = 0

    def add_lines_lost(
        self, _logger: object, _method: str, line: MutableMapping[str, Plain]
    ) -> MutableMapping[str, Plain]:
        """Tell how many lines before this one could not be written."""
        if self.lines_lost:
            line["lines_lost"] = self.lines_lost
        return line

    def write(self, line: str) -> None:
        """Write one line and its end at once, so that processes sharing a pipe do not mix."""
        with self.lock:
            try:
                self.stream.write(line + "\n")
                self.stream.flush()
            except (OSError, ValueError, io.UnsupportedOperation):
                # Full disk, closed pipe or stream: work is worth more than its line.
                self.lines_lost += 1
            else:
                self.lines_lost = 0

    debug = info = warning = error = write
