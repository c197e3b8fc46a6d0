"""One run: real services, engine and ledger; time, Stripe, queue, mail and chance are simulated."""

import hashlib
import io
import threading
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

from tests.scenarios.world import REPOSITORY
from tests.simulation.baton import Agenda, Killed, Process
from tests.simulation.ground import Ground
from tests.simulation.ports import (
    Message,
    SimulatedBell,
    SimulatedLedger,
    SimulatedLetters,
    SimulatedLimiter,
    SimulatedNetwork,
)
from tests.simulation.queue_of_messages import MessageQueue
from tests.simulation.seen import Seen, Truth
from tests.simulation.stripe_in_process import BASE, Door, SdkHttp, StripePeople
from tests.simulation.trouble import Trouble
from worker.bootstrap import WORKER_NEEDS, App
from worker.domain.policy import Configuration
from worker.gateway.stripe_gateway import SdkGateway
from worker.gateway.transport import Transport
from worker.joblog import build_joblog
from worker.jobs.boundary import Boundary
from worker.jobs.messages import deliver, look_at, start_jobs
from worker.jobs.table import prepare, run_job
from worker.queue.messages import ADVANCE_CASE, DELIVER_LETTER, RUN_JOB, TICK
from worker.rehearsal.sandbox.app import Sandbox
from worker.rehearsal.sandbox.billing import life
from worker.services.case_turn import CasePorts
from worker.settings.environment import LogLevel, read_environment

START = datetime(2026, 12, 1, 7, tzinfo=UTC)
"""A Tuesday, eight in the morning in Berlin."""

READ_SWITCHES = 0.15
"""Share of a transaction's reads before which somebody else may run."""

QUIET_LOOKS_MAX = 8
"""Looks within an hour after which the schedulers come less often: what is asked every two minutes
for a day shows nothing new after that."""
SLOW_TICK = timedelta(minutes=25)
IDLE = timedelta(hours=48)
"""The longest time without any tick."""
WHOLE_TICKS = 0.15
"""Share of ticks that start whatever job is due, as in production."""


class Simulation:
    """One run in progress; `processes` share one baton."""

    def __init__(
        self,
        ground: Ground,
        trouble: Trouble,
        configuration: Configuration,
        *,
        workers: int = 2,
        log_level: LogLevel = "warn",
        change: Callable[[App], None] = lambda _app: None,
    ) -> None:
        """Wipe the ground and start workers on it at START.

        Args: change: may replace parts of a worker before it works: a mutant.
        """
        self.ground, self.trouble, self.configuration = ground, trouble, configuration
        ground.wipe()
        calm, trouble.calm = trouble.calm, True
        ground.simulation = self
        self.agenda = Agenda(START)
        self.sandbox = Sandbox(seed=trouble.seed, wall=lambda: self.agenda.now)
        self.seen = Seen(self)
        self.sandbox.world.event_listeners.append(self.seen.note_event)
        door = Door(self.sandbox)
        self.people = StripePeople(door)
        self.network = SimulatedNetwork(door, self)
        self.lines = io.StringIO()
        self.log_level = log_level
        self.change = change
        self.points = self.deaths = self.freezes = 0
        self.boundaries: list[str] = []
        self.kill_at = 0
        self.at_point: Callable[[str], None] = lambda _name: None
        self.failures: list[str] = []
        self._digest = hashlib.blake2b(digest_size=16)
        self.trace: list[str] | None = None
        self._local = threading.local()
        self._wrote: dict[str, bool] = {}
        self._changed: dict[str, bool] = {}
        self.committed_at: dict[str, datetime] = {}
        self.reads: dict[tuple[str, str], Truth] = {}
        self._tokens = 0
        self._ticks_planned = 0
        self._tick_planned = False
        self._looks: list[datetime] = []
        self.fine_ticks = False
        self.whole_ticks = WHOLE_TICKS
        self.late: list[dict[str, Any]] = []
        self.queue = MessageQueue(self)
        self.apps = {f"worker {n}": self._app(f"worker {n}") for n in range(1, workers + 1)}
        self.processes = {name: Process(name, self.agenda) for name in self.apps}
        self.dead_until: set[str] = set()
        self.ends = {n: Boundary(a.log, a.clock) for n, a in self.apps.items()}
        for app in self.apps.values():
            prepare(app)
        trouble.calm = calm

    # Workers

    def _app(self, name: str) -> App:
        environ = {
            "DATABASE_URL": "postgresql://simulated/simulated",
            "REDIS_URL": "redis://simulated",
            "SMTP_URL": "smtp://127.0.0.1:25",
            "STRIPE_API_KEY": "sk_test_worker",
            "STRIPE_API_BASE": BASE,
            "CONFIG_DIR": str(REPOSITORY / "config"),
            "TEMPLATES_DIR": str(REPOSITORY / "templates"),
        }
        log = build_joblog(
            self.lines,
            log_format="json",
            level=self.log_level,
            process="worker",
            wall_now=self.agenda.wall_now,
            strict=True,
        )
        app = App(read_environment(environ, WORKER_NEEDS), self.configuration, log, "worker")
        parts = app.__dict__  # a cached property is what stands here under its name
        transport = Transport(
            api_key="sk_test_worker", api_base=BASE, limiter=SimulatedLimiter(self)
        )
        requestor: Any = transport._client._requestor
        requestor._client = SdkHttp(self.network)
        parts["stripe"] = SdkGateway(transport)
        parts["clock"] = self.agenda
        parts["doorbell"] = SimulatedBell(self)
        parts["letters"] = SimulatedLetters(self)
        parts["process_name"] = name
        parts["ledger"] = SimulatedLedger(self.ground.engine, app.stripe.account_id(), self)
        parts["case_ports"] = CasePorts(
            ledger=app.ledger,
            stripe=app.stripe,
            letters=app.letters,
            log=log,
            clock=app.clock,
            new_token=self._new_token,
            stopping=lambda: False,
            configuration=self.configuration,
        )
        self.change(app)
        parts["case_ports"] = replace(
            app.case_ports, ledger=app.ledger, stripe=app.stripe, letters=app.letters
        )
        return app

    def _new_token(self) -> str:
        self._tokens += 1
        return f"token {self._tokens}"

    def work(self, name: str, message: Message) -> Callable[[], object]:
        """Return what the worker called *name* does with a message, as its actors do."""
        app, argument = self.apps[name], message.argument

        def run() -> object:
            self.take_turn(name)
            boundary = self.ends[name]
            acts: dict[str, Callable[[], object]] = {
                TICK: lambda: start_jobs(app),
                ADVANCE_CASE: lambda: look_at(app, int(argument)),
                DELIVER_LETTER: lambda: deliver(app, int(argument)),
                RUN_JOB: lambda: run_job(app, str(argument), boundary),
            }
            return boundary.run(message.actor, acts[message.actor])

        return run

    def idle(self) -> list[str]:
        """Return the names of the workers that could begin something."""
        return [n for n in self.apps if not self.processes[n].busy and self.is_up(n)]

    def is_up(self, name: str) -> bool:
        """Return whether a process is there, and not dead and yet to be started again."""
        return name not in self.dead_until

    def take_turn(self, name: str) -> None:
        """Hear from the running thread that it is the process called *name*."""
        self._local.process = self.processes[name]

    def ended(self, name: str) -> None:
        """Hear that a worker is through with a message, or died over it."""
        process = self.processes[name]
        if process.failure is not None:
            self.failures.append(f"{name}: {process.failure!r}")
            process.failure = None
        if process.dead:
            self.deaths += 1
            self.note(f"died {name}")
            self.dead_until.add(name)
            again = self.trouble.seconds("restart", 1, 90)
            self.agenda.after(again, lambda: self._restart(name))
            return
        self.queue.hand_out()

    def _restart(self, name: str) -> None:
        self.dead_until.discard(name)
        self.queue.hand_out()

    # Points

    @property
    def has_turn(self) -> bool:
        """Whether a process runs just now, and not the harness."""
        return getattr(self._local, "process", None) is not None

    @property
    def running(self) -> Process:
        """The process that runs just now."""
        process: Process = self._local.process
        return process

    def note(self, what: str) -> None:
        """Add a line to the run's story, of which the digest is made."""
        line = f"{self.agenda.now.isoformat()} {what}"
        self._digest.update(line.encode())
        if self.trace is not None:
            self.trace.append(line)

    @property
    def digest(self) -> str:
        """32 hex digits of everything that happened, in order."""
        return self._digest.hexdigest()

    def point(
        self, name: str, *, others: bool = True, freezes: bool = False, slow: bool = False
    ) -> None:
        """Pass an input or output. Raises: Killed: here, or since the process is dead already.

        Args: others: whether somebody else may run meanwhile; freezes: whether this process may
        stand still for long; slow: it takes as long as a network call.
        """
        if not self.has_turn:
            return
        process = self.running
        if process.dead:
            raise Killed
        self.points += 1
        self.note(f"{process.name} {name}")
        if self._is_boundary(name):
            self.boundaries.append(name)
            killed = len(self.boundaries) == self.kill_at
        else:
            killed = False
        if killed or self.trouble.kills():
            process.dead = True
            raise Killed
        self.at_point(name)
        if not others:
            return
        stands = self.trouble.freezes() if freezes else 0.0
        self.freezes += stands > 0
        process.pause(stands or self.trouble.seconds("io", 0.001, 1.0 if slow else 0.04))

    def _is_boundary(self, name: str) -> bool:
        """Return whether dying here differs from dying at the point before."""
        if name.endswith(" commit"):
            return self._changed.get(self.running.name, False)
        kind, _, rest = name.partition(" ")
        asks = kind in {"request", "answer"} and not rest.startswith("GET")
        return asks or kind in {"mail", "mailed", "ring"}

    def wait(self, seconds: float) -> None:
        """Let the running process wait in vain."""
        if self.has_turn:
            self.running.pause(seconds)

    def begin_transaction(self) -> None:
        """Hear that a transaction begins: nothing is locked yet."""
        if self.has_turn:
            self._wrote[self.running.name] = self._changed[self.running.name] = False

    def committed(self) -> None:
        """Hear that a transaction was committed."""
        if self.has_turn:
            self.committed_at[self.running.name] = self.agenda.now

    def statement(self, statement: str) -> None:
        """Let others run before a statement of a transaction that has locked nothing so far."""
        if not self.has_turn or self._changed.get(self.running.name, True):
            return
        begins = statement.lstrip()[:6].upper()
        self._changed[self.running.name] = begins in {"INSERT", "UPDATE", "DELETE"}
        if self._wrote[self.running.name]:
            return
        if begins != "SELECT" or "FOR UPDATE" in statement or "advisory" in statement:
            self._wrote[self.running.name] = True
        elif self.trouble.draws("switch").happens(READ_SWITCHES):
            self.point("read")

    # Time

    def run_until(self, end: datetime) -> None:
        """Let everything happen up to *end*."""
        while True:
            self._plan_tick()
            next_at = self.agenda.next_at()
            if next_at is None or next_at > end:
                self.agenda.now = max(self.agenda.now, end)
                self._live_on()
                return
            self.agenda.step()
            self._live_on()

    def _live_on(self) -> None:
        due = life.next_due_at(self.sandbox.world, "")
        if due is not None and due <= self.agenda.now.timestamp():
            for _ in life.run_until(self.sandbox.world, "", int(self.agenda.now.timestamp())):
                pass

    def _plan_tick(self) -> None:
        """Plan the schedulers' next ticks once nobody does anything: nothing is due before."""
        if self._tick_planned or self.queue.pending:
            return
        if any(p.busy and p.frozen_until is None for p in self.processes.values()):
            return
        self._tick_planned = True
        now = self.agenda.now
        due_at, read_at = self.ground.next_look()
        looks = [due_at]
        stripe_due = life.next_due_at(self.sandbox.world, "")
        if stripe_due is not None:
            looks.append(datetime.fromtimestamp(stripe_due, UTC))
        if self.seen.came_after(read_at):
            looks.append(now)
        looks += [at for at in self.seen.hidden_until.values() if at > now]
        at = min((one for one in looks if one is not None), default=now + IDLE)
        at = max(at + timedelta(seconds=1), now + timedelta(seconds=self._pause()))
        self._ticks_planned += 1
        number = self._ticks_planned
        self.agenda.at(min(at, now + IDLE), lambda: self._tick(number))

    def waits(self) -> bool:
        """Return whether anything is due or not yet known to the ledger."""
        work = self.ground.work(self.agenda.now)
        return work.any or self.seen.came_after(work.read_at)

    def _pause(self) -> float:
        hour_ago = self.agenda.now - timedelta(hours=1)
        self._looks = [at for at in self._looks if at > hour_ago]
        if len(self._looks) > QUIET_LOOKS_MAX and not self.fine_ticks:
            return SLOW_TICK.total_seconds()
        return 60.0 if self.fine_ticks else self.trouble.seconds("tick", 5, 45)

    def read_stripe(self) -> None:
        """Let a scheduler ask for Stripe's events."""
        self.queue.send(Message(RUN_JOB, "read_stripe"))

    def stir(self) -> None:
        """Hear that something was done from outside: the schedulers tick again soon."""
        self._tick_planned = False

    def _tick(self, number: int) -> None:
        """Let the schedulers tick: mostly only for jobs that find something, to save time."""
        if number != self._ticks_planned:
            return
        self._tick_planned = False
        self._looks.append(self.agenda.now)
        self._live_on()
        self.note("tick")
        work = self.ground.work(self.agenda.now)
        if self.trouble.draws("whole tick").happens(self.whole_ticks) or work.daily:
            self.queue.send(Message(TICK))
            if self.trouble.draws("second scheduler").happens(0.3):
                self.queue.send(Message(TICK))
            return
        after = 0.0
        feed = ["read_stripe"] if self.seen.is_behind(work.read_at) else []
        for job in dict.fromkeys((*feed, *work.jobs)):
            message = Message(RUN_JOB, job)
            self.agenda.after(after, partial(self.queue.send, message))
            after += self.trouble.seconds("job", 0, 3)

    def close(self) -> None:
        """End all processes."""
        for process in self.processes.values():
            process.end()
        self.ground.simulation = None
