"""`dunning cases`, `events` and `log`."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.integration.cli.conftest import Command
from tests.integration.cli.seeding import Seeding, seed_story
from worker.errors import ConfigError, UsageError


@pytest.fixture
def two(seeding: Seeding) -> tuple[int, int]:
    """Give a waiting case and one that waits for a person."""
    first = seed_story(seeding)
    seeding.customer(43, name="North Foods", email="n@north.example", country="DE")
    second = seeding.case(43, amount_minor=120000, currency="jpy")
    seeding.review(second, "outcome unknown")
    return first, second


def test_cases_are_listed_in_the_offices_words(dunning: Command, two: tuple[int, int]) -> None:
    result = dunning.run("cases")
    heading, first, second = result.stdout.splitlines()
    assert heading.split() == ["case", "state", "amount", "customer", "invoice", "why", "next"]
    assert first.split(maxsplit=6) == [
        "C-1001",
        "waiting",
        "€49.00",
        "cus_42",
        "INV-0042",
        "insufficient_funds",
        "try 3, Sun 6 Dec 08:19",
    ]
    assert "in review" in second
    assert "waits for you: outcome unknown" in second
    assert result.stderr == "2 cases\n"


def test_a_state_restricts_the_list(dunning: Command, two: tuple[int, int]) -> None:
    result = dunning.run("cases", "--state", "in_review", "--json")
    [told] = [json.loads(line) for line in result.stdout.splitlines()]
    assert told["case"] == f"C-{two[1]}"
    assert told["amount"] == {"amount_minor": 120000, "currency": "jpy"}


def test_an_unknown_state_is_refused_with_the_known_ones(
    dunning: Command, two: tuple[int, int]
) -> None:
    result = dunning.run("cases", "--state", "lost")
    assert isinstance(result.exception, UsageError)
    assert "`lost` is no state of a case; write one of open, held" in str(result.exception)


def test_events_are_cloudevents_in_order_of_time(dunning: Command, two: tuple[int, int]) -> None:
    lines = dunning.run("events").stdout.splitlines()
    events = [json.loads(line) for line in lines]
    assert [event["time"] for event in events] == sorted(event["time"] for event in events)
    assert {event["specversion"] for event in events} == {"1.0"}
    assert events[0]["type"] == "case.opened"


@pytest.mark.parametrize("wanted", ["payment.failed", "payment", "payment.*"])
def test_events_can_be_had_by_type_and_by_family(
    dunning: Command, two: tuple[int, int], wanted: str
) -> None:
    lines = dunning.run("events", "--type", wanted).stdout.splitlines()
    types = {json.loads(line)["type"] for line in lines}
    assert types - {"payment.retry_scheduled"} == {"payment.failed"}
    assert ("payment.retry_scheduled" in types) == (wanted != "payment.failed")


def test_events_since_a_day_begin_at_midnight_in_the_office(
    dunning: Command, two: tuple[int, int]
) -> None:
    lines = dunning.run("events", "--since", "2026-12-02").stdout.splitlines()
    assert min(json.loads(line)["time"] for line in lines) == "2026-12-02T01:00:00Z"


@pytest.mark.parametrize(
    ("wanted", "known"),
    [
        (
            "nope",
            "access, case, charging, configuration, customer, figures, notice, offer, payment",
        ),
        ("payment.lost", "payment.failed, payment.recovered"),
    ],
)
def test_an_unknown_type_of_event_is_refused_with_the_known_ones(
    dunning: Command, two: tuple[int, int], wanted: str, known: str
) -> None:
    result = dunning.run("events", "--type", wanted)
    assert isinstance(result.exception, UsageError)
    assert f"`{wanted}` is no type of an event; write one of {known}" in str(result.exception)


LOG = """\
{"ts":"2026-12-05T01:14:07Z","level":"error","event":"charging.stopped","cause":"switch","do":"go"}
{"ts":"2026-12-05T07:19:03Z","level":"info","event":"attempt","case":"C-1042"}
{"ts":"2026-12-05T07:19:04Z","level":"debug","event":"due_cases","found":0}
"""


def test_the_log_of_a_data_directory_is_told_in_office_time(
    dunning: Command, tmp_path: Path
) -> None:
    (tmp_path / "job.log").write_text(LOG)
    result = dunning.run("log", "--data", str(tmp_path))
    assert result.stdout.splitlines() == [
        "── Sat 05 Dec 2026",
        "02:14:07 ERROR charging.stopped cause=switch do=go",
        "08:19:03 INFO  attempt case=C-1042",
    ]


@pytest.mark.parametrize("level", ["error", "ERROR"])  # typed, or as the log writes it
def test_the_log_can_be_had_as_it_is_from_a_level_on(
    dunning: Command, tmp_path: Path, level: str
) -> None:
    (tmp_path / "job.log").write_text(LOG)
    result = dunning.run("log", "--data", str(tmp_path), "--level", level, "--json")
    assert result.stdout.splitlines() == LOG.splitlines()[:1]


def test_a_reader_that_has_had_enough_is_no_failure(tmp_path: Path) -> None:
    """As in `dunning log | head`: far more than a pipe holds is still to come."""
    (tmp_path / "job.log").write_text(LOG * 3000)
    command = [sys.executable, "-m", "worker.cli.main", "log", "--data", str(tmp_path)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as running:
        assert running.stdout is not None
        assert running.stderr is not None
        running.stdout.readline()
        running.stdout.close()
        told = running.stderr.read()
        assert (running.wait(60), told) == (0, b"")


def test_in_production_the_log_is_elsewhere_and_this_is_said(dunning: Command) -> None:
    result = dunning.run("log")
    assert result.stdout == ""
    assert result.stderr.startswith("The log is what the processes write to their standard output")


def test_without_a_log_the_sentence_says_what_to_do(dunning: Command, tmp_path: Path) -> None:
    result = dunning.run("log", "--data", str(tmp_path))
    assert isinstance(result.exception, ConfigError)
    assert "No data yet" in str(result.exception)
    assert "make demo" in str(result.exception)
