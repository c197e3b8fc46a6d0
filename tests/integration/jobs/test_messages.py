"""What goes through Redis: frozen names and ids, never retried, never kept with an error."""

import json
from typing import Any

import dramatiq
import pytest
from dramatiq.middleware import Retries
from redis import Redis

from tests.integration.jobs.conftest import Bench
from worker.queue.broker import NAMESPACE, QUEUE


def messages(bench: Bench) -> list[dict[str, Any]]:
    """Return the messages as they lie in Redis."""
    with Redis.from_url(bench.environ["REDIS_URL"]) as redis:
        return [json.loads(raw) for raw in redis.hvals(f"{NAMESPACE}:{QUEUE}.msgs")]


def test_a_message_is_a_frozen_name_and_an_id(bench: Bench) -> None:
    doorbell = bench.app.doorbell
    doorbell.tick()
    doorbell.run_job("read_stripe")
    doorbell.advance_case(1042)
    doorbell.deliver_letter(7)
    found = {message["actor_name"]: message for message in messages(bench)}
    assert {name: message["args"] for name, message in found.items()} == {
        "tick": [],
        "job.run": ["read_stripe"],
        "case.advance": [1042],
        "letter.deliver": [7],
    }
    for message in found.values():
        assert message["kwargs"] == {}
        assert set(message["options"]) == {"redis_message_id"}
        assert message["queue_name"] == QUEUE


def test_everything_in_redis_is_under_our_name(bench: Bench) -> None:
    bench.app.doorbell.advance_case(1)
    bench.app.stripe.take_charge_slot()
    with Redis.from_url(bench.environ["REDIS_URL"]) as redis:
        keys = [key.decode() for key in redis.keys("*")]
    assert keys
    assert [key for key in keys if not key.startswith("dunning:")] == []


def test_what_waits_is_counted_until_it_is_done(bench: Bench) -> None:
    doorbell = bench.app.doorbell
    assert doorbell.waiting() == 0
    for case_id in range(3):
        doorbell.advance_case(case_id)
    assert doorbell.waiting() == 3
    consumer = bench.app.broker.consume(QUEUE, prefetch=2)
    taken = [message for message in (next(consumer), next(consumer)) if message is not None]
    assert len(taken) == 2
    assert doorbell.waiting() == 3
    for message in taken:
        consumer.ack(message)
    assert doorbell.waiting() == 1


def test_nothing_is_retried_by_the_queue(bench: Bench) -> None:
    kinds = [type(one) for one in bench.app.broker.middleware]
    assert Retries not in kinds
    assert not any(issubclass(kind, Retries) for kind in kinds)


def test_a_delay_is_never_used(bench: Bench) -> None:
    """Business time is rows; a delayed message of dramatiq is lost in four ways."""
    bench.app.doorbell.advance_case(1)
    with Redis.from_url(bench.environ["REDIS_URL"]) as redis:
        assert redis.exists(f"{NAMESPACE}:{dramatiq.common.dq_name(QUEUE)}") == 0


def test_what_carries_more_never_reaches_redis(bench: Bench) -> None:
    for name, args in (("case.advance", ("anna@customers.example",)), ("of_a_later", (1,))):
        message: dramatiq.Message[None] = dramatiq.Message(
            queue_name=QUEUE, actor_name=name, args=args, kwargs={}, options={}
        )
        with pytest.raises(ValueError, match="may carry its id and nothing else"):
            bench.app.broker.enqueue(message)
    assert messages(bench) == []
