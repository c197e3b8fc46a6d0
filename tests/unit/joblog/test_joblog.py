"""The job log's lines: form, allow-list, redaction, libraries, streams that fail."""

import io
import json
import logging
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal
from typing import Literal

import pytest

from worker.domain.policy import DeclineClass
from worker.joblog import build_joblog, capture_libraries
from worker.joblog.dictionary import EVENTS, SIGNS, runbook_table
from worker.joblog.fields import FIELDS, fields_table
from worker.joblog.lines import TEXT_MAX, plain
from worker.ports import JobLog

NOW = datetime(2026, 12, 8, 2, 14, 7, 999, tzinfo=UTC)


class Terminal(io.StringIO):
    """A stream that a person watches."""

    def isatty(self) -> bool:
        return True


class FullDisk(io.StringIO):
    """A stream that refuses its first lines."""

    def __init__(self, refusals: int) -> None:
        super().__init__()
        self.refusals = refusals

    def write(self, text: str, /) -> int:
        if self.refusals:
            self.refusals -= 1
            raise OSError(28, "No space left on device")
        return super().write(text)


def build(
    stream: io.StringIO,
    *,
    log_format: Literal["auto", "json", "text"] = "auto",
    level: Literal["debug", "info", "warn", "error"] = "info",
    strict: bool = True,
) -> JobLog:
    return build_joblog(
        stream,
        log_format=log_format,
        level=level,
        process="worker",
        wall_now=lambda: NOW,
        strict=strict,
    )


def lines_of(stream: io.StringIO) -> list[dict[str, object]]:
    return [json.loads(line) for line in stream.getvalue().splitlines()]


def test_json_line_begins_with_ts_level_event() -> None:
    stream = io.StringIO()
    build(stream).info("attempt", case="C-1042", step="try 2", no=2, **{"class": "funds"})
    assert stream.getvalue().startswith(
        '{"ts":"2026-12-08T02:14:07Z","level":"info","event":"attempt","case":"C-1042",'
        '"step":"try 2","no":2,"class":"funds","process":"worker","pid":'
    )
    assert stream.getvalue().endswith("}\n")


def test_terminal_gets_the_line_of_the_page() -> None:
    """The first example of operator.md 2."""
    stream = Terminal()
    build(stream).error(
        "charging.stopped",
        cause="unknown_answers",
        seen=7,
        of=41,
        limit="5%",
        waiting=212,
        do="dunning status",
    )
    assert stream.getvalue() == (
        "02:14:07 ERROR charging.stopped cause=unknown_answers seen=7 of=41 limit=5%"
        ' waiting=212 do="dunning status"\n'
    )


def test_text_form_can_be_asked_for_and_tells_another_clock() -> None:
    stream = io.StringIO()
    log = build_joblog(
        stream,
        log_format="text",
        level="info",
        process="cli",
        wall_now=lambda: NOW,
        zone=timezone(timedelta(hours=1)),
        strict=True,
    )
    log.info("boot", version="0.1", charging=True, cases=["C-1", "C-2"], reason="a\x1b[31m")
    assert stream.getvalue() == (
        '03:14:07 INFO  boot version=0.1 charging=yes cases=C-1,C-2 reason="a\\u001b[31m"\n'
    )


def test_json_on_a_terminal_when_asked() -> None:
    stream = Terminal()
    build(stream, log_format="json").info("boot")
    assert lines_of(stream)[0]["event"] == "boot"


def test_levels() -> None:
    stream = io.StringIO()
    log = build(stream, level="warn")
    log.debug("due_cases", found=0)
    log.info("due_cases", found=1)
    log.warning("feed.behind", feed_lag_s=1200, do="wait")
    log.error("job.failed", do="report it")
    assert [line["level"] for line in lines_of(stream)] == ["warn", "error"]

    stream = io.StringIO()
    build(stream, level="debug").debug("due_cases", found=0)
    assert lines_of(stream)[0]["level"] == "debug"


def test_strict_refuses_what_the_dictionary_lacks() -> None:
    log = build(io.StringIO())
    with pytest.raises(ValueError, match=r"fields \['email'\] of letter"):
        log.info("letter", email="x")
    with pytest.raises(ValueError, match="event 'lettr'"):
        log.info("lettr")


def test_production_drops_and_counts_what_the_dictionary_lacks() -> None:
    stream = io.StringIO()
    build(stream, strict=False).info("letter", email="jo@acme.example", name="Jo", case="C-1")
    [line] = lines_of(stream)
    assert line["dropped"] == 2
    assert line["case"] == "C-1"
    assert "email" not in line
    assert "name" not in line


def test_fields_that_are_none_are_left_out_and_do_comes_last() -> None:
    stream = io.StringIO()
    build(stream).warning("letter", do="see the case", case="C-1", locale=None)
    assert list(lines_of(stream)[0]) == ["ts", "level", "event", "case", "do", "process", "pid"]


@pytest.mark.parametrize(
    ("value", "written"),
    [
        (True, True),
        (7, 7),
        (0.12345, 0.123),
        (float("nan"), "nan"),
        (Decimal("1.50"), 1.5),
        (DeclineClass.FUNDS, "funds"),
        (
            datetime(2026, 12, 8, 8, 2, 3, 4, tzinfo=timezone(timedelta(hours=1))),
            "2026-12-08T07:02:03Z",
        ),
        (datetime(2026, 12, 8, 8, 2), "2026-12-08T08:02:00 (no zone)"),  # noqa: DTZ001
        (date(2026, 12, 8), "2026-12-08"),
        (timedelta(minutes=2), 120),
        (("b", 1), ["b", 1]),
        ({"b", "a"}, ["a", "b"]),
        ("x" * 501, "x" * TEXT_MAX + "…"),
        (KeyError("id"), "KeyError: 'id'"),
        (ValueError("DETAIL\nKey (email)=(x)"), "ValueError: DETAIL"),
        (ValueError(), "ValueError"),
    ],
)
def test_values(value: object, written: object) -> None:
    assert plain(value) == written


def test_exception_names_its_place() -> None:
    try:
        datetime.fromisoformat("never")
    except ValueError as error:
        text = str(plain(error))
    assert text.startswith("ValueError: Invalid isoformat string: 'never' (test_joblog.py:")


def test_full_disk_stops_nobody_and_is_told_afterwards() -> None:
    stream = FullDisk(refusals=2)
    log = build(stream)
    for found in range(4):
        log.info("due_cases", found=found)
    lines = lines_of(stream)
    assert [(line["found"], line.get("lines_lost")) for line in lines] == [(2, 2), (3, None)]


def test_closed_stream_stops_nobody() -> None:
    stream = io.StringIO()
    log = build(stream)
    stream.close()
    log.info("boot")
    assert stream.closed


@pytest.fixture
def libraries() -> Iterator[io.StringIO]:
    """Capture the standard `logging` and put it back afterwards."""
    root, dramatiq = logging.getLogger(), logging.getLogger("dramatiq")
    before = root.handlers[:], root.level, dramatiq.level
    stream = io.StringIO()
    capture_libraries(build(stream))
    yield stream
    root.handlers[:], root.level, dramatiq.level = before[0], before[1], before[2]
    logging.captureWarnings(capture=False)


def test_libraries_are_redacted(libraries: io.StringIO) -> None:
    """dramatiq logs a failing actor's arguments, which may hold anything."""
    error = RuntimeError("no route to smtp://me:pw@mail.example\nwith jo@acme.example")
    logging.getLogger("dramatiq.worker.WorkerThread").error(
        "Failed to process message %s", "send('jo@acme.example', 'sk_live_abc')", exc_info=error
    )
    [line] = lines_of(libraries)
    assert line["event"] == "library"
    assert line["level"] == "error"
    assert line["message"] == "Failed to process message send('[address]', 'sk_live_***')"
    assert line["error"] == "RuntimeError: no route to smtp://***@mail.example"
    assert line["do"]


def test_libraries_chatter_is_left_out(libraries: io.StringIO) -> None:
    logging.getLogger("apscheduler.scheduler").info("Added job")
    logging.getLogger("urllib3.connectionpool").debug("POST /v1/invoices")
    logging.getLogger("apscheduler.scheduler").warning("Run time of job was missed by %s", "1 s")
    [line] = lines_of(libraries)
    assert line["level"] == "warn"
    assert line["message"] == "Run time of job was missed by 1 s"


def test_a_library_that_formats_wrongly_is_still_heard(libraries: io.StringIO) -> None:
    record = logging.LogRecord("somebody", logging.WARNING, "", 1, "%d of %d", ("one",), None)
    logging.getLogger().handlers[0].handle(record)
    assert lines_of(libraries)[0]["message"] == "%d of %d"


def test_every_warning_has_a_runbook_and_every_field_a_meaning() -> None:
    for name, event in EVENTS.items():
        assert event.means, name
        assert bool(event.first_look and event.then) == (event.level != "info"), name
        assert (f"| `{name}` |" in runbook_table()) == (event.level != "info"), name
    assert all(field.means and field.unit for field in FIELDS.values())
    assert all(f"| `{name}` |" in fields_table() for name in FIELDS)
    assert all(sign.line in runbook_table() for sign in SIGNS)
