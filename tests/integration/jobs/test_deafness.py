"""A worker that hears nothing any more ends; one that is idle, busy, frozen or alone does not."""

from dataclasses import dataclass, field

import dramatiq
import pytest
from redis import Redis

from tests.integration.cli_run.service import wait_until
from tests.integration.jobs.conftest import Bench
from worker.errors import QueueUnavailable
from worker.jobs.deafness import HOPS_MAX, DeafWatch
from worker.queue.broker import NAMESPACE, QUEUE
from worker.queue.hearing import Hearing
from worker.queue.messages import CANARY

LOOKS_EVERY = 15.0


@dataclass
class Time:
    """Seconds that a test lets pass."""

    now: float = 1000.0

    def seconds(self) -> float:
        return self.now


@dataclass
class Ears:
    """A process with its watch, and a real consumer where a test starts one."""

    bench: Bench
    time: Time = field(default_factory=Time)
    sent: list[int] = field(default_factory=list)
    redis_is_away: bool = False

    def __post_init__(self) -> None:
        self.hearing = Hearing(self.time.seconds)
        self.watch = DeafWatch(
            "worker-1",
            silent_seconds=lambda: self.hearing.silent_seconds,
            send=self.send,
            log=self.bench.app.log,
        )

    def send(self, number: int) -> None:
        if self.redis_is_away:
            raise QueueUnavailable("away")
        self.sent.append(number)
        self.bench.app.doorbell.canary(number)

    def silent_for(self, seconds: float) -> bool:
        """Let time pass and return whether the process ended itself."""
        end = self.time.now + seconds
        while self.time.now < end:
            self.time.now += LOOKS_EVERY
            if self.watch.look():
                return True
        return False

    def worker(self, threads: int = 2) -> dramatiq.Worker:
        """Start a worker that hears canaries."""
        broker = self.bench.app.broker
        broker.add_middleware(self.hearing)

        @dramatiq.actor(broker=broker, actor_name=CANARY, queue_name=QUEUE)
        def canary(number: int) -> None:
            self.watch.heard(number)

        started = dramatiq.Worker(broker, worker_threads=threads, worker_timeout=50)
        started.start()
        return started


@pytest.fixture
def ears(bench: Bench) -> Ears:
    """Give a process that nobody speaks to."""
    return Ears(bench)


def waiting(bench: Bench) -> int:
    """Return how many messages lie in the queue unheard."""
    with Redis.from_url(bench.environ["REDIS_URL"]) as redis:
        return int(redis.llen(f"{NAMESPACE}:{QUEUE}"))


def test_a_dead_consumer_is_noticed_after_five_minutes(ears: Ears) -> None:
    """The threads are there, Redis is there; nobody takes what comes."""
    worker = ears.worker()
    try:
        ears.time.now += 5
        ears.watch.send_canary()
        wait_until(lambda: ears.hearing.silent_seconds == 0, "the first canary is heard")
        consumer = worker.consumers[QUEUE]
        consumer.stop()
        consumer.join()
        assert not ears.silent_for(285)
        assert ears.silent_for(60)
    finally:
        worker.stop()
    assert waiting(ears.bench) >= 4
    (line,) = ears.bench.said("worker.deaf")
    assert (line["level"], line["count"] >= 4) == ("error", True)


def test_who_hears_its_canaries_goes_on_for_ever(ears: Ears) -> None:
    """Nobody speaks but the process itself."""
    worker = ears.worker()
    try:
        for _ in range(5):
            before = len(ears.sent)
            while len(ears.sent) == before:
                assert not ears.silent_for(LOOKS_EVERY)
            wait_until(lambda: ears.hearing.silent_seconds == 0, "the canary is heard")
    finally:
        worker.stop()
    assert ears.bench.said("worker.deaf") == []


def test_no_silence_while_redis_is_away_or_every_thread_is_at_work(ears: Ears) -> None:
    ears.redis_is_away = True
    assert not ears.silent_for(3600)
    ears.redis_is_away = False
    ears.hearing.after_worker_boot(ears.bench.app.broker, dramatiq.Worker(ears.bench.app.broker))
    for _ in range(8):
        ears.hearing.before_process_message(ears.bench.app.broker, None)  # type: ignore[arg-type]
    assert not ears.silent_for(3600)
    assert ears.sent == []


def test_a_process_that_was_frozen_is_given_time(ears: Ears) -> None:
    ears.time.now += 7200
    assert not ears.watch.look()
    assert len(ears.sent) == 1
    assert not ears.silent_for(30)


def test_a_canary_is_passed_on_to_its_owner_but_not_for_ever(ears: Ears) -> None:
    other = 1 + HOPS_MAX
    ears.watch.send_canary()
    (mine,) = ears.sent
    ears.watch.heard(other)
    ears.watch.heard(other + HOPS_MAX)
    ears.watch.heard(mine + 3)
    assert ears.sent == [mine, other + 1]
