"""Moves a rehearsal through simulated time: whole hours, and only those in which something is due.

At each stop: the clock is advanced, the customers act, the worker reads Stripe (which mirrors the
clock last, so that nobody works on the new hour before its events are known), then due jobs,
cases and letters are rung for until nothing is due, nobody holds a lease and the queue is empty.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from worker import clock
from worker.errors import ServiceUnavailable
from worker.queue.broker import StopFlag, build_broker
from worker.queue.connection import connect_redis
from worker.queue.doorbell import QueueDoorbell
from worker.rehearsal.customers import Customers
from worker.rehearsal.driver_ledger import LedgerState, LedgerView
from worker.rehearsal.driver_sandbox import SandboxClient
from worker.rehearsal.supervisor import Supervisor

HOUR = timedelta(hours=1)
STRIDE_MAX = timedelta(days=1)
"""Daily jobs are to run daily; Stripe's own limit is two intervals of the shortest subscription."""
LOOK_SECONDS = 0.004
LONG_LOOK_SECONDS = 0.012
"""Between looks at a queue that does not empty at once: looking costs time that others need."""
QUICK_LOOKS = 5
RING_AGAIN_SECONDS = 5.0
"""After so long without an empty queue it is rung again: a process may have died."""
QUIET_SECONDS_MAX = 240.0
"""Above a lease: what a killed process held is taken up again within it."""
READ_FAILURES_MAX = 25
"""Runs of the feed in a row that ended without reaching the hour: the worker is at a loss."""
LEASE_LOOK_SECONDS = 0.5
"""Between looks at a lease that nobody gives back: its holder died, so it must run out."""
ROUNDS_MAX = 60
"""Rounds of ringing at one stop after which something goes in circles."""
WATCH_EVERY = 50


@dataclass(slots=True)
class Driver:
    """Drives one test clock; used by one thread."""

    client: SandboxClient
    test_clock: str
    customers: Customers
    view: LedgerView
    doorbell: QueueDoorbell
    supervisor: Supervisor
    now: datetime
    stops: int = 0
    _looks: int = 0

    def drive(self, until: datetime, on_stop: Callable[[datetime], None]) -> None:
        """Move to *until* (a whole hour), telling *on_stop* of each stop once it is quiet.

        Raises: ServiceUnavailable: the processes, or the sandbox, no longer do their part.
        """
        self._work()
        on_stop(self.now)
        while self.now < until:
            self.now = min(self.next_stop(), until)
            self._advance()
            self.customers.act_until(self.now)
            self._work()
            on_stop(self.now)

    def anything_due(self) -> bool:
        """Return whether a case, a letter or a job is due, as after a command like `hold`."""
        return self.view.look(self.now).anything_due

    def check_promises(self) -> None:
        """Let the worker check everything that its ledger promises; its log tells what is broken.

        By the wall clock that is due four times an hour, and a rehearsal is over before.
        """
        self.doorbell.run_job("invariants")
        self._until_queue_is_empty()

    def sleep_until(self, until: datetime) -> None:
        """Move to *until* without waiting for the worker: a rehearsed outage of it."""
        while self.now < until:
            self.now = min(self.next_stop(), until)
            self._advance()
            self.customers.act_until(self.now)

    def next_stop(self) -> datetime:
        """Return the next whole hour at which Stripe, a customer or the ledger has anything due."""
        answer = self.client.get("/_sandbox/next_due", test_clock=self.test_clock)
        due = answer["next_due_at"]
        coming = [
            datetime.fromtimestamp(due, UTC) if due is not None else None,
            self.customers.next_act_at(),
            self.view.look(self.now).next_at,
        ]
        earliest = min((at for at in coming if at is not None), default=self.now + STRIDE_MAX)
        return min(max(_whole_hour(earliest), self.now + HOUR), self.now + STRIDE_MAX)

    def _advance(self) -> None:
        path = f"/v1/test_helpers/test_clocks/{self.test_clock}"
        self.client.post(f"{path}/advance", {"frozen_time": int(self.now.timestamp())})
        deadline = clock.monotonic_seconds() + QUIET_SECONDS_MAX
        while self.client.get(path)["status"] != "ready":
            if clock.monotonic_seconds() > deadline:
                raise ServiceUnavailable("The sandbox's clock does not become ready.")
            clock.sleep(LOOK_SECONDS)

    def _work(self) -> None:
        """Let the worker do everything that is due by now."""
        self.stops += 1
        self._read_stripe()
        rounds = 0
        deadline = clock.monotonic_seconds() + QUIET_SECONDS_MAX
        state = self.view.look(self.now)
        while not state.quiet:
            if rounds >= ROUNDS_MAX or clock.monotonic_seconds() > deadline:
                raise ServiceUnavailable(
                    f"The worker does not come to rest at {self.now:%d %b %H:%M}: {state.told()}; "
                    "the end of job.log says why."
                )
            rounds += state.anything_due
            self._ring_for(state)
            self._until_queue_is_empty()
            state = self.view.look(self.now)

    def _ring_for(self, state: LedgerState) -> None:
        """Ring for whatever is due, in the order of the day, or for what a dead process held."""
        if state.jobs_due:
            self.doorbell.tick()
        elif state.cases_due:
            self.doorbell.run_job("due_cases")
        elif state.letters_due:
            self.doorbell.run_job("deliver_letters")
        else:
            clock.sleep(LEASE_LOOK_SECONDS)
            self.supervisor.watch()
            for name in [*state.unfinished, "sweep"]:
                self.doorbell.run_job(name)

    def _read_stripe(self) -> None:
        """Ring for the feed until the ledger stands at this hour."""
        deadline = clock.monotonic_seconds() + QUIET_SECONDS_MAX
        failures = rounds = 0
        while failures < READ_FAILURES_MAX and clock.monotonic_seconds() < deadline:
            self.doorbell.run_job("read_stripe")
            self._until_queue_is_empty()
            state = self.view.look(self.now)
            if state.business_at == self.now and state.read_at is not None:
                return
            failures += bool(state.read_failed)
            rounds += 1
            clock.sleep(min(LOOK_SECONDS * rounds, LEASE_LOOK_SECONDS))
            self.supervisor.watch()
        raise ServiceUnavailable(
            "The worker does not read Stripe's events; the end of job.log says why."
        )

    def _until_queue_is_empty(self) -> bool:
        """Wait until no message waits or is worked on; False where ringing again may help."""
        began = clock.monotonic_seconds()
        looks = 0
        while self.doorbell.waiting():
            looks += 1
            self._looks += 1
            if self._looks % WATCH_EVERY == 0:
                self.supervisor.watch()
            if clock.monotonic_seconds() - began > RING_AGAIN_SECONDS:
                return False
            clock.sleep(LOOK_SECONDS if looks < QUICK_LOOKS else LONG_LOOK_SECONDS)
        return True


def connect_doorbell(redis_url: str) -> QueueDoorbell:
    """Return a doorbell of the driver's own."""
    return QueueDoorbell(build_broker(connect_redis(redis_url), StopFlag()))


def _whole_hour(at: datetime) -> datetime:
    floor = at.replace(minute=0, second=0, microsecond=0)
    return floor if floor == at else floor + HOUR
