"""The rate limiter that all processes of one Stripe account share.

Calls are spaced, not bucketed: a bucket lets through twice its limit around a second's edge
(performance.md 1). Whoever wants to call reserves a slot and sleeps until it. Losing Redis' data
costs at most one burst of the threads then in flight, which Stripe answers with 429.
"""

import contextlib
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass

from redis import Redis, RedisError

from worker.errors import QueueUnavailable
from worker.queue.limiter_scripts import PAUSE, PAUSED, TAKE

UTILISATION = 0.96
"""Share of Stripe's limit that is used; the rest absorbs jitter on the way."""
WAIT_MAX_SECONDS = 10.0
NEAR_SECONDS = 0.5
"""Housekeeping takes a slot only this near, so money waits at most this much for it."""
HOUSEKEEPING_EVERY_SECONDS = 1.0
"""It gets one slot in this time whatever is queued: a starved feed would stop all charging."""
YIELD_SECONDS = 0.2
PAUSE_FIRST_SECONDS = 1.0
PAUSE_LONGEST_SECONDS = 30.0
FORGIVE_SECONDS = 60.0
"""So long after a pause without another 429 the next one starts small again."""
RECHECK_SECONDS = 0.1
ALONE_SECONDS = 5.0
"""So long a process that found Redis away goes on alone before it asks Redis again."""
_MICRO = 1_000_000


@dataclass(frozen=True, slots=True)
class Rates:
    """Stripe's limits in calls per second, as published; `UTILISATION` is applied on top."""

    account_per_second: float
    endpoint_per_second: float


def stripe_rates(*, live_key: bool, loopback: bool) -> Rates:
    """Return the limits of docs.stripe.com/rate-limits: 100 live, 25 with a test key, 25 each.

    *loopback*: STRIPE_API_BASE is on this machine, so it is a sandbox that takes 100 everywhere.
    """
    if loopback:
        return Rates(100, 100)
    return Rates(100, 25) if live_key else Rates(25, 25)


class SharedLimiter:
    """Spaces the calls of all processes over one Redis; safe to share between threads."""

    def __init__(
        self,
        redis: "Redis",
        *,
        rates: Rates,
        scope: str = "stripe",
        fallback_per_second: float | None = None,
        wait_max_seconds: float = WAIT_MAX_SECONDS,
        sleep: Callable[[float], None] = time.sleep,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        """Use *redis*; *scope* separates accounts.

        *fallback_per_second* is for `web` and the CLI, which go on alone at that pace while Redis
        is away; a worker has none and starts no call then.
        """
        self._take = redis.register_script(TAKE)
        self._paused = redis.register_script(PAUSED)
        self._pause = redis.register_script(PAUSE)
        self._prefix = f"dunning:limiter:{{{scope}}}"
        self._cell_micros = _interval_micros(rates.account_per_second)
        self._interval_micros = _interval_micros(rates.endpoint_per_second)
        self._wait_max = wait_max_seconds
        self._sleep = sleep
        self._monotonic = monotonic
        self._alone_until = float("-inf")
        self._alone = (
            OwnPace(fallback_per_second, sleep=sleep, monotonic=monotonic)
            if fallback_per_second is not None
            else None
        )

    def take(self, endpoint: str, *, money: bool) -> bool:
        """Wait for the right to one call; False when none comes free in time (10 s).

        *money* goes before housekeeping, which yields while others queue. Raises:
        QueueUnavailable: Redis is away and there is no fallback; start no call.
        """
        if self._alone is not None and self._monotonic() < self._alone_until:
            return self._alone.take(self._wait_max)
        try:
            return self._take_shared(endpoint, money=money)
        except RedisError as away:
            if self._alone is None:
                raise QueueUnavailable(
                    "Redis (REDIS_URL) does not answer, so no call to Stripe is started; "
                    "the work waits in the database."
                ) from away
            self._alone_until = self._monotonic() + ALONE_SECONDS
            return self._alone.take(self._wait_max)

    def report_limited(self, endpoint: str, *, whole_account: bool) -> None:
        """Hold back *endpoint*, or the whole account, after a 429: 1 s, doubling up to 30 s.

        Never raises: the answer that was limited must still be recorded.
        """
        held = "account" if whole_account else endpoint
        lengths = (PAUSE_FIRST_SECONDS, PAUSE_LONGEST_SECONDS, FORGIVE_SECONDS)
        with contextlib.suppress(RedisError):
            self._pause(
                keys=[self._key("pause", held), self._key("strikes", held)],
                args=[int(seconds * _MICRO) for seconds in lengths],
            )
        if self._alone is not None:
            self._alone.hold(PAUSE_FIRST_SECONDS)

    def _take_shared(self, endpoint: str, *, money: bool) -> bool:
        deadline = self._monotonic() + self._wait_max
        while True:
            left = deadline - self._monotonic()
            if left <= 0:
                return False
            micros = self._reserve(endpoint, money=money, wait_max=left)
            if micros == -1:
                return False
            if micros == -2:
                self._sleep(min(YIELD_SECONDS, left))
                continue
            seconds = micros / _MICRO
            if seconds > 0:
                self._sleep(seconds)
            # A 429 may have come in while this thread slept towards a slot reserved before it.
            if seconds < RECHECK_SECONDS or not self._is_paused(endpoint):
                return True

    def _reserve(self, endpoint: str, *, money: bool, wait_max: float) -> int:
        answer = self._take(
            keys=[
                self._key("taken", "account"),
                self._key("next", endpoint),
                self._key("pause", "account"),
                self._key("pause", endpoint),
                self._key("housekeeping", "last"),
            ],
            args=[
                self._cell_micros,
                self._interval_micros,
                int(wait_max * _MICRO),
                int(money),
                int(NEAR_SECONDS * _MICRO),
                int(HOUSEKEEPING_EVERY_SECONDS * _MICRO),
            ],
        )
        return int(answer)

    def _is_paused(self, endpoint: str) -> bool:
        keys = [self._key("pause", "account"), self._key("pause", endpoint)]
        return bool(self._paused(keys=keys))

    def _key(self, kind: str, name: str) -> str:
        return f"{self._prefix}:{kind}:{name}"


class OwnPace:
    """Spaces the calls of this process alone."""

    def __init__(
        self,
        per_second: float,
        *,
        sleep: Callable[[float], None] = time.sleep,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        """Let *per_second* calls through."""
        self._interval = 1 / per_second
        self._sleep = sleep
        self._monotonic = monotonic
        self._next = 0.0
        self._lock = threading.Lock()

    def take(self, wait_max_seconds: float) -> bool:
        """Wait for a slot; False when none comes free within *wait_max_seconds*."""
        with self._lock:
            now = self._monotonic()
            slot = max(now, self._next)
            if slot - now > wait_max_seconds:
                return False
            self._next = slot + self._interval
        if slot > now:
            self._sleep(slot - now)
        return True

    def hold(self, seconds: float) -> None:
        """Let nobody through for *seconds*."""
        with self._lock:
            self._next = max(self._next, self._monotonic() + seconds)


def _interval_micros(per_second: float) -> int:
    return round(_MICRO / (per_second * UTILISATION))
