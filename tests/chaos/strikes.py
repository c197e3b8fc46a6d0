"""Deals blows to a running installation, and takes back those that last."""

import contextlib
import os
import signal
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

from redis import RedisError

from tests.chaos.installation import SECRETS, Installation
from tests.chaos.mishaps import Mishap
from tests.chaos.plan import MISHAPS, Blow, Strike
from tests.scenarios.stripe_side import Customer
from worker import clock
from worker.rehearsal.driver_sandbox import SandboxClient

SKEW_SECONDS_MAX = 61.0
"""In fast seconds: what took messages away from their workers in dramatiq (reliability.md 1.1)."""
FREEZE_SECONDS_MAX = 8.0
"""The host's; a lease of the run is 5."""
FULL_SECONDS_MAX = 2.0

REQUESTS_LOOKED_AT = 12

RAIN = (
    "error_500",
    "error_500_after",
    "cut",
    "cut_after",
    "lock_timeout",
    "conflict",
    "html_502",
    "html_502_after",
    "hang",
    "hang_after",
    "slow",
    "slow_after",
)
SHARE_OF_WRITES, SHARE_OF_READS = 0.04, 0.008
"""Of each kind; twelve kinds make 39 of a hundred writes fail, and 9 reads."""
LIMITS: tuple[dict[str, Any], ...] = (
    {},
    {"retry_after": 1},
    {"should_retry": True},
    {"should_retry": False, "retry_after": 2},
)


@dataclass(frozen=True)
class Lasting:
    """A blow that goes on until it is taken back."""

    on: str
    """What it struck."""
    until: float
    """The host's monotonic seconds."""
    end: Callable[[], None]


@dataclass
class Striker:
    """Deals and heals; counts what it dealt, and what of it met work under way."""

    on: Installation
    control: SandboxClient
    seed: str
    customers: list[Customer] = field(default_factory=list)
    mishap: Mishap | None = None
    """What befalls the installation as a whole in this run, beside the blows of the plan."""
    dealt: Counter[Blow] = field(default_factory=Counter)
    met_work: Counter[Blow] = field(default_factory=Counter)
    queue_seen: set[bytes] = field(default_factory=set)
    """Every key and value that Valkey was seen to hold."""
    _lasting: list["Lasting"] = field(default_factory=list)
    _rules: list[dict[str, Any]] = field(default_factory=list)
    _showers: int = 0
    _secrets: int = 0

    def strike(self, strike: Strike, *, at_work: bool) -> None:
        """Deal one blow."""
        self.dealt[strike.blow] += 1
        self.met_work[strike.blow] += at_work
        _DEAL[strike.blow](self, strike)

    def stripe_is_asked(self, strike: Strike) -> bool:
        """Whether a request is under way; half of the blows wait for one that changes something."""
        methods = {"POST", "DELETE"} if strike.target % 2 else {"POST", "DELETE", "GET"}
        return any(
            each["milliseconds"] is None and each["fault"] is None and each["method"] in methods
            for each in self.on.stripe_box.sandbox.log.entries[-REQUESTS_LOOKED_AT:]
        )

    @property
    def lasts(self) -> bool:
        """Whether a blow goes on."""
        return bool(self._lasting)

    def end_what_is_over(self) -> None:
        """Take back the blows whose time is over."""
        now = clock.monotonic_seconds()
        self._end([each for each in self._lasting if each.until <= now])

    def _end(self, over: list[Lasting]) -> None:
        self._lasting = [each for each in self._lasting if each not in over]
        for each in over:
            each.end()

    def _end_on(self, struck: str) -> None:
        """Take back what lasts on a part before it is struck again."""
        self._end([each for each in self._lasting if each.on == struck])

    def rain(self) -> None:
        """Let Stripe answer wrongly for a while, in every way it can."""
        self._showers += 1
        rules: list[dict[str, Any]] = []
        for kind in RAIN:
            for method, share in (
                ("POST", SHARE_OF_WRITES),
                ("DELETE", 2 * SHARE_OF_WRITES),
                ("GET", SHARE_OF_READS),
            ):
                seed = f"{self.seed} {self._showers} {kind} {method}"
                rule = {"kind": kind, "method": method, "path": "/v1/", "share": share}
                rules.append({**rule, "seed": seed, "seconds": 0.4})
        self._rules = rules
        self.control.control("/_sandbox/faults", {"faults": rules})

    def clear_up(self) -> None:
        """End every fault of Stripe's."""
        self.control.control("/_sandbox/faults", {})

    def heal_mail(self) -> None:
        """End what the mail server answers for now; a cut that was not used yet stays."""
        for customer in self.customers:
            self.on.inbox.accept(customer.email)

    def end_all(self) -> None:
        """Take back at once whatever would have lasted."""
        self._end(list(self._lasting))
        self.clear_up()
        self.heal_mail()
        self.on.inbox.drop_connections(0)
        self.on.inbox.drop_connections(0, keeping=False)

    def _worker(self, strike: Strike) -> str:
        return self.on.workers[strike.target % len(self.on.workers)]

    def _kill(self, name: str) -> None:
        self.on.supervisor.kill(name)
        self.on.process(name).short_lives = 0

    def mishaps(self, now: datetime) -> list[Strike]:
        """Return what befalls the installation in the hour of *now*."""
        blows = self.mishap.blows(now) if self.mishap is not None else []
        return [Strike(blow, 0.3, 0, 0.0, now) for blow in blows]

    def befall(self, strike: Strike) -> None:
        """Let a mishap happen."""
        if self.mishap is not None and strike.now is not None:
            self._end_on("database")
            self.mishap.befall(strike.blow, strike.now)

    def kill_worker(self, strike: Strike) -> None:
        """Kill a worker and all its processes."""
        self._kill(self._worker(strike))

    def kill_child(self, strike: Strike) -> None:
        """Kill one process of a worker, which then ends by itself; one that just begins, whole."""
        name = self._worker(strike)
        process = self.on.process(name)
        running = process.running
        children = _children(running.pid) if running is not None else []
        if not children:
            self._kill(name)
            return
        process.short_lives = 0
        with contextlib.suppress(ProcessLookupError):
            os.kill(children[strike.target % len(children)], signal.SIGKILL)

    def kill_scheduler(self, strike: Strike) -> None:
        """Kill one of the schedulers."""
        self._kill(f"scheduler {strike.target % 2 + 1}")

    def kill_web(self, _strike: Strike) -> None:
        """Kill the web process."""
        self._kill("web")

    def skew_worker(self, strike: Strike) -> None:
        """Kill a worker, which comes back with a clock that is ahead or behind."""
        name = self._worker(strike)
        wrong = (strike.target / 500 - 1) * SKEW_SECONDS_MAX
        self.on.skew(name, round(wrong, 1))
        self._kill(name)

    def freeze(self, strike: Strike) -> None:
        """Stop a worker in whatever it does, and let it go on later as if nothing had been."""
        running = self.on.process(self._worker(strike)).running
        if running is None:
            return
        group = running.pid
        with contextlib.suppress(ProcessLookupError):
            os.killpg(group, signal.SIGSTOP)
        self._lasts("", min(strike.seconds, FREEZE_SECONDS_MAX), lambda: _go_on(group))

    def flush(self, _strike: Strike) -> None:
        """Empty the queue."""
        self._end_on("queue")
        self.look_into_queue()
        self.on.redis().flushall()

    def restart_queue(self, strike: Strike) -> None:
        """Kill Valkey; it comes back a moment later."""
        self._end_on("queue")
        self.on.valkey.server.kill()
        self._lasts("queue", min(strike.seconds, FULL_SECONDS_MAX), self.on.restart_queue)

    def fill_queue(self, strike: Strike) -> None:
        """Let Valkey refuse every write for a while."""
        self._end_on("queue")
        self.on.redis().config_set("maxmemory", "1")

        def end() -> None:
            self.on.redis().config_set("maxmemory", "0")

        self._lasts("queue", min(strike.seconds, FULL_SECONDS_MAX), end)

    def stop_database(self, strike: Strike) -> None:
        """Stop PostgreSQL at once, as `pg_ctl stop -m immediate` does; it comes back."""
        self._end_on("database")
        os.kill(self.on.postgres.server.pid, signal.SIGQUIT)

        def end() -> None:
            self.on.postgres.server.stop()
            self.on.restart_database()
            for process in self.on.supervisor.processes.values():
                process.short_lives = 0  # who began meanwhile could not stay

        self._lasts("database", min(strike.seconds, FULL_SECONDS_MAX), end)

    def cut_mail(self, strike: Strike) -> None:
        """Let the next letter be taken without an answer."""
        self.on.inbox.drop_connections(1 + strike.target % 2)

    def lose_mail(self, strike: Strike) -> None:
        """Let the next letter be lost without an answer."""
        self.on.inbox.drop_connections(1 + strike.target % 2, keeping=False)

    def delay_mail(self, strike: Strike) -> None:
        """Let some customers' letters be refused for now."""
        for customer in self.customers[strike.target % 3 :: 3]:
            self.on.inbox.refuse(customer.email, 451, "try again later")

    def limit_rate(self, strike: Strike) -> None:
        """Let the next requests be too many, told with and without the headers for it."""
        first = strike.target % len(LIMITS)
        rules = [
            {"kind": "rate_limit", "path": "/v1/", "times": 1, **LIMITS[(first + number) % 4]}
            for number in range(2)
        ]
        self.control.control("/_sandbox/faults", {"faults": [*rules, *self._rules]})

    def rotate_secret(self, _strike: Strike) -> None:
        """Go on to the next stage of a rotation: old, both, new, both."""
        self._secrets += 1
        old, new = SECRETS
        stages = ((old,), (old, new), (new,), (new, old))
        self.on.send_webhooks(self.control, *stages[self._secrets % len(stages)])

    def look_into_queue(self) -> None:
        """Remember what Valkey holds."""
        redis: Any = self.on.redis()
        try:
            for key in redis.scan_iter(count=1000):
                self.queue_seen |= {key, *_held(redis, key)}
        except RedisError:  # it is away, or the key's kind changed meanwhile
            return

    def _lasts(self, struck: str, seconds: float, end: Callable[[], None]) -> None:
        self._lasting.append(Lasting(struck, clock.monotonic_seconds() + seconds, end))


def _children(pid: int) -> list[int]:
    try:
        return [int(n) for n in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
    except OSError:
        return []


def _held(redis: Any, key: bytes) -> list[bytes]:
    """Return what a key of the queue holds, whatever its kind."""
    match redis.type(key):
        case b"hash":
            return [part for pair in redis.hgetall(key).items() for part in pair]
        case b"list":
            return list(redis.lrange(key, 0, -1))
        case b"set":
            return list(redis.smembers(key))
        case b"zset":
            return list(redis.zrange(key, 0, -1))
        case _:
            return [redis.get(key) or b""]


def _go_on(group: int) -> None:
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(group, signal.SIGCONT)


_DEAL: dict[Blow, Callable[[Striker, Strike], None]] = {
    Blow.KILL_WORKER: Striker.kill_worker,
    Blow.KILL_CHILD: Striker.kill_child,
    Blow.KILL_SCHEDULER: Striker.kill_scheduler,
    Blow.KILL_WEB: Striker.kill_web,
    Blow.SKEW_WORKER: Striker.skew_worker,
    Blow.FREEZE: Striker.freeze,
    Blow.FLUSH: Striker.flush,
    Blow.QUEUE_RESTART: Striker.restart_queue,
    Blow.QUEUE_FULL: Striker.fill_queue,
    Blow.DATABASE_STOP: Striker.stop_database,
    Blow.MAIL_CUT: Striker.cut_mail,
    Blow.MAIL_LOST: Striker.lose_mail,
    Blow.MAIL_LATER: Striker.delay_mail,
    Blow.RATE_LIMIT: Striker.limit_rate,
    Blow.ROTATION: Striker.rotate_secret,
    **dict.fromkeys(MISHAPS, Striker.befall),
}
