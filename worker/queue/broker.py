"""The dramatiq broker, with every middleware listed by hand and no retries of its own (D3)."""

import threading

import dramatiq
from dramatiq.brokers.redis import RedisBroker
from dramatiq.middleware import AgeLimit, Callbacks, Middleware, TimeLimit
from redis import Redis

QUEUE = "dunning"
NAMESPACE = "dunning"

POLL_MS_MAX = 100
"""How long an idle worker sleeps between two looks at its queue; dramatiq's own is a second.

After a message the looks are 5 ms apart and double from there, so a busy queue is read at once.
"""

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
    """Redis broker whose idle consumers look again soon, so that a hint is worth sending."""

    def consume(
        self, queue_name: str, prefetch: int = 1, timeout: int = POLL_MS_MAX
    ) -> dramatiq.Consumer:
        """Return a consumer that sleeps at most POLL_MS_MAX between two looks.

        The queue of delayed messages keeps dramatiq's second: nothing here is ever delayed.
        """
        if queue_name == QUEUE:
            timeout = min(timeout, POLL_MS_MAX)
        consumer: dramatiq.Consumer = super().consume(
            queue_name, prefetch=prefetch, timeout=timeout
        )
        return consumer

    def queued(self) -> int:
        """Return how many messages wait or are being worked on.

        dramatiq's own count is for tests: what this process works on is in it twice.
        """
        return int(self.client.hlen(f"{self.namespace}:{QUEUE}.msgs"))


def build_broker(client: Redis, stop: StopFlag) -> PromptRedisBroker:
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
