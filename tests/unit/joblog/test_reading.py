"""`dunning log`: the wanted lines, as text for a person."""

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest

from worker.joblog.reading import json_lines, read_log

LOG = [
    '{"ts":"2026-12-07T22:59:00Z","level":"debug","event":"sweep","found":0,"process":"worker"}\n',
    '{"ts":"2026-12-07T23:00:00Z","level":"info","event":"attempt","case":"C-1","step":"try 1"}\n',
    '{"ts":"2026-12-08T02:14:07Z","level":"warn","event":"feed.behind","do":"wait"}\n',
    "Traceback of jo@acme.example\n",
    "\n",
    '{"ts":"2026-12-08T03:00:00Z","level":"info","event":"reconcile","differences":0}\n',
    "[1]\n",
]


def test_everything_with_its_days() -> None:
    assert list(read_log(LOG)) == [
        "── Mon 07 Dec 2026",
        "22:59:00 DEBUG sweep found=0",
        '23:00:00 INFO  attempt case=C-1 step="try 1"',
        "── Tue 08 Dec 2026",
        "02:14:07 WARN  feed.behind do=wait",
        "Traceback of [address]",
        "03:00:00 INFO  reconcile differences=0",
        "[1]",
    ]


def test_office_clock() -> None:
    lines = list(read_log(LOG, zone=ZoneInfo("Europe/Berlin"), level="info"))
    assert lines[:2] == ["── Tue 08 Dec 2026", '00:00:00 INFO  attempt case=C-1 step="try 1"']


def test_level_and_since() -> None:
    warnings = [
        "── Tue 08 Dec 2026",
        "02:14:07 WARN  feed.behind do=wait",
        "Traceback of [address]",
    ]
    assert list(read_log(LOG, level="warn")) == warnings
    assert list(read_log(LOG, level="warning")) == warnings
    since = datetime(2026, 12, 8, 2, 14, 8, tzinfo=UTC)
    assert list(read_log(LOG, since=since))[:2] == [
        "── Tue 08 Dec 2026",
        "03:00:00 INFO  reconcile differences=0",
    ]


def test_json_is_passed_on_as_it_is() -> None:
    since = datetime(2026, 12, 8, tzinfo=UTC)
    assert list(json_lines(LOG, since=since, level="warn")) == [LOG[2].rstrip("\n")]


def test_unknown_level() -> None:
    with pytest.raises(ValueError, match="`loud` is no level"):
        list(read_log(LOG, level="loud"))


def test_a_line_without_a_time_is_still_shown() -> None:
    assert list(read_log(['{"event":"boot","level":"info"}\n'])) == ["??:??:?? INFO  boot"]
