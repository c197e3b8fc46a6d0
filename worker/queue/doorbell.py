"""Messages that say "look": a frozen job name and an id, nothing else (ports.Doorbell)."""

import dramatiq
from dramatiq.errors import BrokerConnectionError
from redis.exceptions import RedisError

from worker.errors import QueueUnavailable
from worker.queue.broker import QUEUE, PromptRedisBroker
from worker.queue.messages import ADVANCE_CASE, CANARY, DELIVER_LETTER, RUN_JOB, TICK


class QueueDoorbell:
    """Rings through the broker."""

    def __init__(self, broker: PromptRedisBroker) -> None:
        """Send through *broker*."""
        self._broker = broker

    def advance_case(self, case_id: int) -> None:
        """Ask a worker to look at a case."""
        self._ring(ADVANCE_CASE, case_id)

    def deliver_letter(self, letter_id: int) -> None:
        """Ask a worker to deliver a letter."""
        self._ring(DELIVER_LETTER, letter_id)

    def run_job(self, name: str) -> None:
        """Ask a worker to run a scheduled job."""
        self._ring(RUN_JOB, name)

    def tick(self) -> None:
        """Ask a worker to start the jobs that are due."""
        self._ring(TICK)

    def canary(self, number: int) -> None:
        """Send a message that proves that its process hears. Raises: QueueUnavailable."""
        self._ring(CANARY, number)

    def waiting(self) -> int:
        """Return how many messages wait. Raises: QueueUnavailable: Redis is away."""
        try:
            return self._broker.queued()
        except (RedisError, BrokerConnectionError) as away:
            raise QueueUnavailable(_AWAY) from away

    def _ring(self, name: str, *args: int | str) -> None:
        message: dramatiq.Message[None] = dramatiq.Message(
            queue_name=QUEUE, actor_name=name, args=args, kwargs={}, options={}
        )
        try:
            self._broker.enqueue(message)
        except (RedisError, BrokerConnectionError) as away:
            raise QueueUnavailable(_AWAY) from away


_AWAY = "Redis (REDIS_URL) does not answer; what is due waits in the database."
