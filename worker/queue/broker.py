"""The dramatiq broker, with every middleware listed by hand and no retries of its own (D3)."""

import threading
from typing import Any

import dramatiq
import redis
from dramatiq.brokers.redis import RedisBroker
from dramatiq.errors import ConnectionClosed
from dramatiq.middleware import AgeLimit, Callbacks, Middleware, TimeLimit

from worker.queue.messages import refuse_more_than_ids

QUEUE = "dunning"
NAMESPACE = "dunning"

BELL = f"{NAMESPACE}:bell"
"""A list beside the queue: whoever sends a message pushes a token, idle workers wait for one.

It only wakes; a token too many costs one look, a lost one a wait of IDLE_SECONDS_MAX.
"""

TOKENS_MAX = 16
IDLE_SECONDS_MAX = 1.0
"""How long an idle worker waits for the bell before it looks at its queue all the same."""

PAUSE_MS_MAX = 5
"""Pause after a look that found nothing, since the wait itself is at the bell."""

TIME_LIMIT_MS = 240_000
"""Above every timeout inside a job: a lease is 150 s and is checked before anything is written."""

AGE_LIMIT_MS = 3_600_000
"""An hour-old hint helps nobody: the row it speaks of was dispatched again long ago."""

HEARTBEAT_TIMEOUT_MS = 60_000
MAINTENANCE_CHANCE = 10_000
"""In a million commands: how often a worker looks for messages of dead ones."""


class StopFlag(Middleware):
    """Tells running jobs that the process is ending: they go no further than their read."""

    def __init__(self) -> None:
        """Start unset."""
        self.event = threading.Event()

    def before_worker_shutdown(self, _broker: dramatiq.Broker, _worker: dramatiq.Worker) -> None:
        """Hear that the worker ends."""
        self.event.set()

    @property
    def is_set(self) -> bool:
        """Whether the process is ending."""
        return self.event.is_set()


class PromptRedisBroker(RedisBroker):
    """Redis broker whose idle consumers wait at a bell: a message is taken up at once.

    dramatiq's own consumers sleep up to a second between two looks, or look all the time.
    """

    def enqueue(
        self, message: dramatiq.Message[Any], *, delay: int | None = None
    ) -> dramatiq.Message[Any]:
        """Send a message. Raises: ValueError: it carries more than a name and an id."""
        refuse_more_than_ids(message, delay=delay)
        sent: dramatiq.Message[Any] = super().enqueue(message, delay=delay)
        return sent

    def consume(
        self, queue_name: str, prefetch: int = 1, timeout: int = PAUSE_MS_MAX
    ) -> dramatiq.Consumer:
        """Return a consumer; the queue of delayed messages keeps dramatiq's second."""
        if queue_name == QUEUE:
            timeout = min(timeout, PAUSE_MS_MAX)
        consumer: dramatiq.Consumer = super().consume(
            queue_name, prefetch=prefetch, timeout=timeout
        )
        return consumer

    def do_fetch(self, queue_name: str, count: int) -> list[bytes]:
        """Take up to *count* messages, waiting at the bell where there are none."""
        found = self._fetch(queue_name, count)
        if found or queue_name != QUEUE:
            return found
        rung = self.client.blpop([BELL], timeout=IDLE_SECONDS_MAX)
        return self._fetch(queue_name, count) if rung else []

    def _fetch(self, queue_name: str, count: int) -> list[bytes]:
        messages: list[bytes] = self._dispatch("fetch")(  # type: ignore[no-untyped-call]
            queue_name, count
        )
        return messages

    def do_enqueue(self, queue_name: str, message_id: str, data: bytes) -> None:
        """Put a message into the queue and ring."""
        self._dispatch("enqueue")(queue_name, message_id, data)  # type: ignore[no-untyped-call]
        with self.client.pipeline(transaction=False) as bell:
            bell.lpush(BELL, b"")
            bell.ltrim(BELL, 0, TOKENS_MAX - 1)
            bell.execute()

    def do_requeue(self, queue_name: str, *message_ids: bytes) -> None:
        """Give back what an ending worker took and did not begin.

        Raises: ConnectionClosed: Redis is away; dramatiq says so and ends in order, which it does
        not after redis's own errors. The rows ring again.
        """
        try:
            self._dispatch("requeue")(queue_name, *message_ids)  # type: ignore[no-untyped-call]
        except (redis.ConnectionError, redis.TimeoutError) as away:
            raise ConnectionClosed(away) from None  # type: ignore[no-untyped-call]

    def queued(self) -> int:
        """Return how many messages wait or are being worked on.

        dramatiq's own count is for tests: what this process works on is in it twice.
        """
        return int(self.client.hlen(f"{self.namespace}:{QUEUE}.msgs"))


def build_broker(client: redis.Redis, stop: StopFlag) -> PromptRedisBroker:
    """Return the broker on *client*; nothing is sent yet.

    No Retries middleware: dunning's retries are rows, and a lost message costs one scan.
    """
    return PromptRedisBroker(  # type: ignore[no-untyped-call]  # dramatiq leaves it untyped
        client=client,
        namespace=NAMESPACE,
        middleware=[
            AgeLimit(max_age=AGE_LIMIT_MS),
            TimeLimit(time_limit=TIME_LIMIT_MS),
            Callbacks(),
            stop,
        ],
        heartbeat_timeout=HEARTBEAT_TIMEOUT_MS,
        maintenance_chance=MAINTENANCE_CHANCE,
    )
