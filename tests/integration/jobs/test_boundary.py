"""What goes wrong in a message's work becomes one line and stops nothing else."""

from datetime import UTC, datetime

import pytest

from worker.errors import (
    DatabaseUnavailable,
    GatewayUnavailable,
    QueueUnavailable,
    ServiceUnavailable,
)
from worker.jobs.boundary import QUIET_SECONDS, Boundary


class Said:
    """A job log that remembers."""

    def __init__(self) -> None:
        self.lines: list[tuple[str, str, dict[str, object]]] = []

    def debug(self, event: str, /, **fields: object) -> None:
        self.lines.append(("debug", event, fields))

    def info(self, event: str, /, **fields: object) -> None:
        self.lines.append(("info", event, fields))

    def warning(self, event: str, /, *, do: str, **fields: object) -> None:
        self.lines.append(("warning", event, fields | {"do": do}))

    def error(self, event: str, /, *, do: str, **fields: object) -> None:
        self.lines.append(("error", event, fields | {"do": do}))


class Hand:
    """A clock that is moved by hand."""

    def __init__(self) -> None:
        self.seconds = 0.0

    def wall_now(self) -> datetime:
        return datetime(2026, 12, 1, tzinfo=UTC)

    def monotonic_seconds(self) -> float:
        return self.seconds


def failing(error: Exception) -> object:
    """Raise *error*."""
    raise error


def test_work_that_ends_says_nothing() -> None:
    log = Said()
    assert Boundary(log, Hand()).run("tick", lambda: None)
    assert log.lines == []


@pytest.mark.parametrize(
    ("error", "level", "event"),
    [
        (DatabaseUnavailable("away"), "warning", "database.unavailable"),
        (QueueUnavailable("away"), "warning", "redis.unavailable"),
        (GatewayUnavailable("away"), "info", "stripe.unavailable"),
        (ServiceUnavailable("away"), "info", "stripe.unavailable"),
        (KeyError("id"), "error", "job.failed"),
    ],
)
def test_what_goes_wrong_is_said_and_not_raised(error: Exception, level: str, event: str) -> None:
    log = Said()
    assert not Boundary(log, Hand()).run("tick", lambda: failing(error))
    ((said_level, said_event, fields),) = log.lines
    assert (said_level, said_event) == (level, event)
    assert (fields["job"], fields["error"]) == ("tick", error)


def test_a_neighbour_that_stays_away_is_said_now_and_then() -> None:
    log, clock = Said(), Hand()
    boundary = Boundary(log, clock)
    for _ in range(10):
        boundary.run("tick", lambda: failing(DatabaseUnavailable("away")))
    boundary.run("tick", lambda: failing(QueueUnavailable("away")))
    assert [event for _, event, _ in log.lines] == ["database.unavailable", "redis.unavailable"]
    clock.seconds = QUIET_SECONDS
    boundary.run("tick", lambda: failing(DatabaseUnavailable("away")))
    assert len(log.lines) == 3


def test_every_defect_of_ours_is_said() -> None:
    log = Said()
    boundary = Boundary(log, Hand())
    for _ in range(3):
        boundary.run("tick", lambda: failing(KeyError("id")))
    assert len(log.lines) == 3
