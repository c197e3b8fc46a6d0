"""The limiter's rate: as planned in its slots, and by the clock with many threads."""

import itertools
import threading
import time
from collections import defaultdict

import pytest

from worker.queue.connection import connect_redis
from worker.queue.limiter import Rates, SharedLimiter

CASES = pytest.mark.parametrize(
    ("rates", "endpoints"),
    [
        (Rates(100, 25), ("invoices.pay",)),
        (Rates(100, 25), ("invoices.pay", "invoices.read")),
        (Rates(25, 25), ("invoices.pay", "invoices.read")),
        (Rates(100, 100), ("invoices.pay", "invoices.read", "events.list")),
    ],
    ids=["one endpoint", "two endpoints", "test key", "loopback"],
)


def _most_in(starts: list[float], seconds: float) -> int:
    ordered = sorted(starts)
    most, first = 0, 0
    for last, moment in enumerate(ordered):
        while moment - ordered[first] >= seconds:
            first += 1
        most = max(most, last - first + 1)
    return most


@CASES
def test_slots_use_the_limit_and_no_second_holds_more(
    redis_url: str, rates: Rates, endpoints: tuple[str, ...]
) -> None:
    slots: dict[str, list[float]] = defaultdict(list)
    asked_at, endpoint = 0.0, ""

    def sleep(seconds: float) -> None:
        slots[endpoint].append(asked_at + seconds)

    limiter = SharedLimiter(connect_redis(redis_url), rates=rates, sleep=sleep)
    for turn in range(240):
        endpoint = endpoints[turn % len(endpoints)]
        asked_at = time.monotonic()
        assert limiter.take(endpoint, money=True)
    everything = sorted(itertools.chain.from_iterable(slots.values()))
    possible = min(rates.account_per_second, len(endpoints) * rates.endpoint_per_second)
    per_second = len(everything) / (everything[-1] - everything[0])
    assert per_second >= 0.95 * possible
    # The moment of asking is known to a few milliseconds, hence a little less than a second.
    assert _most_in(everything, 0.98) <= rates.account_per_second
    for starts in slots.values():
        assert _most_in(starts, 0.98) <= rates.endpoint_per_second


@CASES
def test_threads_of_many_connections_keep_the_limit_by_the_clock(
    redis_url: str, rates: Rates, endpoints: tuple[str, ...]
) -> None:
    starts: dict[str, list[float]] = defaultdict(list)
    stop_at = time.monotonic() + 1.5

    def call(endpoint: str) -> None:
        limiter = SharedLimiter(connect_redis(redis_url), rates=rates)
        while limiter.take(endpoint, money=True) and time.monotonic() < stop_at:
            starts[endpoint].append(time.monotonic())

    threads = [threading.Thread(target=call, args=(endpoint,)) for endpoint in endpoints * 4]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    everything = list(itertools.chain.from_iterable(starts.values()))
    # Threads that wake late on a busy machine crowd a call or two into the next second.
    assert len(everything) > 10
    assert _most_in(everything, 1) <= rates.account_per_second + 2
    assert all(_most_in(times, 1) <= rates.endpoint_per_second + 2 for times in starts.values())
