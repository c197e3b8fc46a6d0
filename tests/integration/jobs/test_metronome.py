"""The metronome: one tick a second, none into a full queue, and one line about who is away."""

from dataclasses import dataclass, field
from typing import cast

import pytest

from worker.bootstrap import App, LedgerEmptyError
from worker.errors import DatabaseUnavailable, QueueUnavailable
from worker.schedule import TICKS_WAITING_MAX, Metronome


@dataclass
class Parts:
    """A doorbell, a log and a pulse, as the metronome uses them."""

    queue: int = 0
    ticks: int = 0
    beats: int = 0
    said: list[tuple[str, str]] = field(default_factory=list)
    queue_away: bool = False
    pulse: Exception | None = None

    @property
    def doorbell(self) -> "Parts":
        return self

    @property
    def log(self) -> "Parts":
        return self

    def waiting(self) -> int:
        if self.queue_away:
            raise QueueUnavailable("away")
        return self.queue

    def tick(self) -> None:
        self.ticks += 1

    def beat(self) -> None:
        if self.pulse is not None:
            raise self.pulse
        self.beats += 1

    def warning(self, event: str, /, **_: object) -> None:
        self.said.append(("warning", event))

    def debug(self, event: str, /, **_: object) -> None:
        self.said.append(("debug", event))


@pytest.fixture
def parts() -> Parts:
    """Give parts that all work."""
    return Parts()


@pytest.fixture
def metronome(parts: Parts) -> Metronome:
    """Give a metronome on them."""
    return Metronome(cast(App, parts))


def test_each_tick_rings_once(parts: Parts, metronome: Metronome) -> None:
    for _ in range(3):
        metronome.tick()
    assert (parts.ticks, parts.said, metronome.failed) == (3, [], 0)


def test_a_queue_that_nobody_drains_gets_no_more_ticks(parts: Parts, metronome: Metronome) -> None:
    parts.queue = TICKS_WAITING_MAX
    metronome.tick()
    assert (parts.ticks, metronome.failed) == (0, 0)
    parts.queue -= 1
    metronome.tick()
    assert parts.ticks == 1


def test_redis_away_is_said_once_and_counted_until_it_is_back(
    parts: Parts, metronome: Metronome
) -> None:
    parts.queue_away = True
    for _ in range(5):
        metronome.tick()
    assert (metronome.failed, parts.said) == (5, [("warning", "redis.unavailable")])
    parts.queue_away = False
    metronome.tick()
    assert (metronome.failed, parts.ticks) == (0, 1)


def test_the_database_away_is_said_once_each_time(parts: Parts, metronome: Metronome) -> None:
    away = DatabaseUnavailable("away")
    for pulse in (away, away, None, away):
        parts.pulse = pulse
        metronome.beat()
    assert parts.said == [("warning", "database.unavailable")] * 2
    assert parts.beats == 1


def test_a_ledger_that_nobody_began_is_no_trouble(parts: Parts, metronome: Metronome) -> None:
    parts.pulse = LedgerEmptyError("empty")
    metronome.beat()
    assert [level for level, _ in parts.said] == ["debug"]
