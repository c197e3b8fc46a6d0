"""What the limiter decides, on a real Valkey; nobody really sleeps, only decisions matter here."""

from collections.abc import Callable

import pytest
from redis import Redis

from worker.errors import ServiceUnavailable
from worker.queue.connection import connect_redis
from worker.queue.limiter import Rates, SharedLimiter, stripe_rates

NOWHERE = "unix:///nonexistent/valkey.sock?db=0"
TEST_KEY = Rates(25, 25)
PAUSE_OF_PAY = "dunning:limiter:{stripe}:pause:invoices.pay"
PAY, READ, EVENTS = "invoices.pay", "invoices.read", "events.list"


class Sleeper:
    """Time that passes only by sleeping; Valkey's own clock hardly moves meanwhile."""

    def __init__(self) -> None:
        self.now = 0.0
        self.slept: list[float] = []
        self.meanwhile: list[Callable[[], object]] = []
        """What happens during the first sleep, the second and so on."""

    def sleep(self, seconds: float) -> None:
        self.now += seconds
        self.slept.append(seconds)
        if self.meanwhile:
            self.meanwhile.pop(0)()

    def monotonic(self) -> float:
        return self.now


@pytest.fixture
def redis(redis_url: str) -> Redis:
    """Give a client of an empty Valkey."""
    return connect_redis(redis_url)


def _limiter(redis: Redis, sleeper: Sleeper, rates: Rates = TEST_KEY) -> SharedLimiter:
    return SharedLimiter(redis, rates=rates, sleep=sleeper.sleep, monotonic=sleeper.monotonic)


def _take_many(redis: Redis, count: int, *, endpoint: str, rates: Rates = TEST_KEY) -> int:
    """Reserve slots as that many threads would at this moment; return how many got one."""
    return sum(_limiter(redis, Sleeper(), rates).take(endpoint, money=True) for _ in range(count))


def _wait(redis: Redis, endpoint: str, *, money: bool = True) -> float | None:
    """Return how long a new caller first sleeps, None where it is refused outright."""
    sleeper = Sleeper()
    got = _limiter(redis, sleeper, Rates(100, 25)).take(endpoint, money=money)
    if sleeper.slept:
        return sleeper.slept[0]
    return 0.0 if got else None


def test_the_first_call_does_not_wait(redis: Redis) -> None:
    assert _wait(redis, PAY) == 0


def test_nobody_waits_longer_than_ten_seconds(redis: Redis) -> None:
    got = _take_many(redis, 300, endpoint=PAY)
    assert 238 <= got <= 260  # ten seconds at 24 a second, and what passes meanwhile


def test_a_busy_endpoint_does_not_hold_up_another(redis: Redis) -> None:
    _take_many(redis, 100, endpoint=PAY, rates=Rates(100, 25))
    assert _wait(redis, PAY) == pytest.approx(100 / 24, abs=0.5)
    waited = _wait(redis, READ)
    assert waited is not None
    assert waited < 0.1


def test_the_account_holds_up_every_endpoint(redis: Redis) -> None:
    _take_many(redis, 48, endpoint=PAY)
    sleeper = Sleeper()
    assert _limiter(redis, sleeper).take(READ, money=True)
    assert sum(sleeper.slept) == pytest.approx(2, abs=0.3)


def test_housekeeping_yields_to_money_but_never_starves(redis: Redis) -> None:
    _take_many(redis, 48, endpoint=PAY)
    housekeeper = Sleeper()
    assert _limiter(redis, housekeeper).take(EVENTS, money=False)
    assert not _limiter(redis, housekeeper).take(EVENTS, money=False)
    assert housekeeper.now > 9
    assert _limiter(redis, Sleeper()).take(PAY, money=True)


def test_housekeeping_takes_what_is_free(redis: Redis) -> None:
    waits = [_wait(redis, EVENTS, money=False) for _ in range(8)]
    assert None not in waits


def test_a_429_holds_back_its_endpoint_alone(redis: Redis) -> None:
    _limiter(redis, Sleeper()).report_limited(PAY, whole_account=False)
    assert _wait(redis, PAY) == pytest.approx(1, abs=0.3)
    assert _wait(redis, READ) == 0


def test_a_429_of_the_account_holds_back_everything(redis: Redis) -> None:
    _limiter(redis, Sleeper()).report_limited(PAY, whole_account=True)
    assert _wait(redis, READ) == pytest.approx(1, abs=0.3)


def test_a_burst_of_429s_is_one_strike(redis: Redis) -> None:
    for _ in range(5):
        _limiter(redis, Sleeper()).report_limited(PAY, whole_account=False)
    assert _wait(redis, PAY) == pytest.approx(1, abs=0.3)


def test_pauses_double_up_to_half_a_minute(redis: Redis) -> None:
    lengths = []
    for _ in range(7):
        _limiter(redis, Sleeper()).report_limited(PAY, whole_account=False)
        lengths.append(redis.pttl(PAUSE_OF_PAY))
        redis.delete(PAUSE_OF_PAY)
    assert lengths == pytest.approx([1000, 2000, 4000, 8000, 16000, 30000, 30000], abs=250)


def test_whoever_slept_into_a_pause_queues_again(redis: Redis) -> None:
    _take_many(redis, 24, endpoint=PAY)
    sleeper = Sleeper()
    limiter = _limiter(redis, sleeper)
    sleeper.meanwhile = [
        lambda: limiter.report_limited(PAY, whole_account=False),
        lambda: redis.delete(PAUSE_OF_PAY),
    ]
    assert limiter.take(PAY, money=True)
    assert sleeper.slept == [pytest.approx(1, abs=0.3)] * 2


def test_accounts_do_not_share_a_limit(redis: Redis) -> None:
    _take_many(redis, 300, endpoint=PAY)
    other = SharedLimiter(redis, rates=Rates(25, 25), scope="acct_2")
    assert other.take(PAY, money=True)


def test_losing_the_data_or_the_scripts_loses_no_call(redis: Redis) -> None:
    limiter = _limiter(redis, Sleeper())
    assert limiter.take(PAY, money=True)
    redis.flushall()
    redis.script_flush()
    assert limiter.take(PAY, money=True)


def test_its_keys_vanish_by_themselves(redis: Redis) -> None:
    limiter = _limiter(redis, Sleeper())
    limiter.take(PAY, money=True)
    limiter.take(EVENTS, money=False)
    limiter.report_limited(PAY, whole_account=False)
    assert min(redis.pttl(key) for key in redis.keys("*")) > 0


def test_without_redis_a_worker_starts_no_call() -> None:
    limiter = _limiter(connect_redis(NOWHERE), Sleeper())
    with pytest.raises(ServiceUnavailable, match="REDIS_URL"):
        limiter.take(PAY, money=True)


def test_without_redis_a_429_is_still_recorded_by_its_caller() -> None:
    limiter = _limiter(connect_redis(NOWHERE), Sleeper())
    assert limiter.report_limited(PAY, whole_account=True) is None  # type: ignore[func-returns-value]


def test_without_redis_web_and_cli_go_on_alone_at_their_own_pace() -> None:
    sleeper = Sleeper()
    limiter = SharedLimiter(
        connect_redis(NOWHERE),
        rates=Rates(100, 25),
        fallback_per_second=2,
        sleep=sleeper.sleep,
        monotonic=sleeper.monotonic,
    )
    assert all(limiter.take(READ, money=True) for _ in range(5))
    assert sleeper.slept == [0.5] * 4
    limiter.report_limited(READ, whole_account=False)
    assert limiter.take(READ, money=True)
    assert sleeper.slept[-1] == 1.0


def test_a_process_that_went_on_alone_comes_back_to_redis(redis: Redis) -> None:
    sleeper = Sleeper()
    limiter = SharedLimiter(
        redis,
        rates=TEST_KEY,
        fallback_per_second=2,
        sleep=sleeper.sleep,
        monotonic=sleeper.monotonic,
    )
    redis.replicaof("127.0.0.1", "1")  # as after a failover: it answers, but refuses writes
    try:
        assert limiter.take(PAY, money=True)
    finally:
        redis.replicaof("NO", "ONE")
    assert limiter.take(PAY, money=True)
    assert redis.keys("*") == []
    sleeper.now += 5
    assert limiter.take(PAY, money=True)
    assert redis.keys("*") != []


def test_the_rates_are_stripes() -> None:
    assert stripe_rates(live_key=True, loopback=False) == Rates(100, 25)
    assert stripe_rates(live_key=False, loopback=False) == Rates(25, 25)
    assert stripe_rates(live_key=False, loopback=True) == Rates(100, 100)
