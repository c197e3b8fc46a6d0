"""The broker where Redis goes away: a worker still ends in order."""

import dramatiq
import pytest
from dramatiq.errors import ConnectionClosed

from worker.queue.broker import QUEUE, PromptRedisBroker, StopFlag, build_broker
from worker.queue.connection import connect_redis


def taken(broker: PromptRedisBroker) -> tuple[dramatiq.Consumer, dramatiq.MessageProxy]:
    """Return a consumer and the message that it took."""
    broker.declare_queue(QUEUE)
    broker.enqueue(dramatiq.Message(QUEUE, "case.advance", (7,), {}, {}))
    consumer = broker.consume(QUEUE)
    message = next(consumer)
    assert message is not None
    return consumer, message


def test_what_an_ending_worker_took_goes_back_into_the_queue(redis_url: str) -> None:
    broker = build_broker(connect_redis(redis_url), StopFlag())
    consumer, message = taken(broker)
    consumer.requeue([message])
    again = next(broker.consume(QUEUE))
    assert again is not None
    assert again.message_id == message.message_id


def test_giving_back_to_a_redis_that_is_away_is_an_error_that_dramatiq_knows(
    redis_url: str,
) -> None:
    broker = build_broker(connect_redis(redis_url), StopFlag())
    consumer, message = taken(broker)
    broker.client = connect_redis("unix:///nonexistent/valkey.sock?db=0")
    broker.scripts = {
        name: broker.client.register_script(script.script)
        for name, script in broker.scripts.items()
    }
    with pytest.raises(ConnectionClosed):
        consumer.requeue([message])
