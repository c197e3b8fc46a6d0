"""One world per story: ledger, queue's Redis, inbox, Stripe's sandbox, and the worker in between.

The worker's jobs and services are the real ones, bound as `worker.bootstrap` binds them; only the
way from the doorbell to the service is short, since it is called instead of queued. Time is moved
straight to the next instant at which Stripe or the ledger has anything due.
"""

import io
import json
import ssl
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any

from sqlalchemy import text

from tests.scenarios.stripe_side import (
    DAY,
    HOUR,
    START,
    WORKER_KEY,
    Customer,
    Outcome,
    StripeSide,
)
from worker import clock
from worker.bootstrap import WORKER_NEEDS, App, configured, notices_in
from worker.domain.case import Case
from worker.domain.policy import Configuration
from worker.errors import ServiceUnavailable
from worker.gateway.stripe_gateway import SdkGateway
from worker.gateway.transport import Transport
from worker.joblog import build_joblog
from worker.jobs.table import prepare, run_job
from worker.mail.smtp import SmtpMailer
from worker.queue.connection import connect_redis
from worker.queue.limiter import Rates, SharedLimiter
from worker.rehearsal.customer_letters import read_letter
from worker.rehearsal.embedded.inbox import Inbox
from worker.services.advance_case import advance_case
from worker.services.business_time import business_now
from worker.services.check_invariants import check_invariants
from worker.services.deliver_letter import deliver_letter
from worker.services.find_due import find_due_cases, find_due_letters
from worker.settings.environment import read_environment
from worker.settings.load import load_configuration

REPOSITORY = Path(__file__).parents[2]
ROUNDS_MAX = 25
"""Rounds of ringing at one instant after which something goes in circles."""
LOOKS_MAX = 12
NO_TIME = timedelta()
NO_PROGRESS = frozenset(
    ("", "feed_behind", "unavailable", "stripe_rejected", "lease_lost", "stopping")
)
"""Answers after which the same case need not be rung for again at the same instant."""
CHANGES_STRIPE = frozenset(
    ("charge_due", "outcome_unknown", "ending", "ending_invoice", "small_balance")
)
"""Rules after which Stripe has news of our own making."""
WIDE = Rates(20_000, 20_000)
"""The limiter's own pace has tests of its own; here it only has to be asked."""


@cache
def shipped_configuration() -> Configuration:
    """Return what config/ says."""
    return load_configuration(REPOSITORY / "config", notices_in(REPOSITORY / "templates"))


@cache
def _no_tls_here() -> ssl.SSLContext:
    """Return one context for all mailers: loading the host's certificates takes long."""
    return ssl.create_default_context()


class StoryClock:
    """The host's clock of a story: it follows business time, and more where a story says so."""

    def __init__(self, now: datetime) -> None:
        """Begin at *now*."""
        self.business_at = now
        self.ahead = timedelta()

    def wall_now(self) -> datetime:
        """Return the host's time."""
        return self.business_at + self.ahead

    def monotonic_seconds(self) -> float:
        """Return real seconds."""
        return clock.monotonic_seconds()


@dataclass
class DirectBell:
    """Rings by calling: what a worker process does with a message, without the queue."""

    world: "World"
    acted: bool = False
    changed_stripe: bool = False
    looks: list[tuple[int, str]] = field(default_factory=list)

    def advance_case(self, case_id: int) -> None:
        """Look at a case, again while each look leaves it due."""
        app = self.world.app
        now = business_now(ledger=app.ledger, clock=app.clock)
        for _ in range(LOOKS_MAX):
            try:
                rule = advance_case(case_id, ports=app.case_ports, now=now)
            except ServiceUnavailable:  # as a worker's boundary does
                rule = "unavailable"
            self.looks.append((case_id, rule))
            self.acted = self.acted or rule not in NO_PROGRESS
            self.changed_stripe = self.changed_stripe or rule in CHANGES_STRIPE
            if rule in NO_PROGRESS:
                return

    def deliver_letter(self, letter_id: int) -> None:
        """Deliver a letter."""
        app = self.world.app
        now = business_now(ledger=app.ledger, clock=app.clock)
        try:
            state = deliver_letter(letter_id, ports=app.case_ports, now=now)
        except ServiceUnavailable:  # as a worker's boundary does
            return
        self.acted = self.acted or state not in {"", "postponed", "lease_lost"}

    def run_job(self, name: str) -> None:
        """Run a job."""
        self.world.job(name)

    def waiting(self) -> int:
        """Return 0: nothing ever waits."""
        return 0


@dataclass(frozen=True)
class Received:
    """A letter as it arrived in the inbox."""

    at: datetime
    notice: str
    to: str
    subject: str
    text: str
    message_id: str


@dataclass(frozen=True)
class Servers:
    """Addresses of what a world runs on."""

    database_url: str
    redis_url: str
    stripe_base: str


class World:
    """One story's whole world."""

    def __init__(
        self,
        servers: Servers,
        inbox: Inbox,
        *,
        start_at: datetime = START,
        configuration: Configuration | None = None,
        read_timeout_seconds: float = 5.0,
        working: bool = True,
        config_dir: Path | None = None,
    ) -> None:
        """Empty Stripe, bind the worker to it and let it start at *start_at*.

        Args: working: False starts no worker yet, for a book that is older than the worker.
        """
        self.servers = servers
        self.inbox = inbox
        self.stripe = StripeSide(servers.stripe_base, start_at=start_at)
        self.clock = StoryClock(start_at)
        self.read_timeout_seconds = read_timeout_seconds
        self.lines = io.StringIO()
        self.housekeeping_every = DAY
        self._wall_swept_ahead = timedelta()
        self._done_at: dict[str, datetime] = {}
        self._received: list[Received] = []
        self._apps: list[App] = []
        self._transports: list[Transport] = []
        self._mailers: list[SmtpMailer] = []
        if working:
            self.start_worker(configuration, config_dir=config_dir)

    # The worker

    def start_worker(
        self,
        configuration: Configuration | None = None,
        *,
        config_dir: Path | None = None,
        wrap: Callable[[App], None] = lambda _app: None,
        templates_dir: Path = REPOSITORY / "templates",
        smtp_url: str = "",
    ) -> None:
        """Start a worker (again) on the same ledger, with this configuration.

        Args: config_dir: CONFIG_DIR of a process that works with versions, as those in
        production do; without it this one keeps *configuration*. wrap: may replace the parts of
        the new App before they are used.
        """
        environ = {
            "DATABASE_URL": self.servers.database_url,
            "REDIS_URL": self.servers.redis_url,
            "SMTP_URL": smtp_url or self.inbox.url,
            "STRIPE_API_KEY": WORKER_KEY,
            "STRIPE_API_BASE": self.servers.stripe_base,
            "STRIPE_TEST_CLOCK": self.stripe.clock,
            "CUSTOMER_PORTAL_URL": f"{self.servers.stripe_base}/_sandbox/portal/{{customer}}",
            "CONFIG_DIR": str(config_dir or REPOSITORY / "config"),
            "TEMPLATES_DIR": str(templates_dir),
        }
        log = build_joblog(
            self.lines,
            log_format="json",
            level="info",
            process="worker",
            wall_now=self.clock.wall_now,
            strict=True,
        )
        environment = read_environment(environ, WORKER_NEEDS)
        app = App(environment, configuration or shipped_configuration(), log, "worker")
        if config_dir is not None:
            found, directory, no = configured(environment)
            app = App(environment, found, log, "worker", directory=directory, version_no=no)
        parts = app.__dict__  # a cached property is what stands here under its name
        parts["clock"] = self.clock
        parts["stripe"] = self._gateway()
        parts["mailer"] = self._mailer(app)
        parts["doorbell"] = self.bell = self.make_bell()
        wrap(app)
        self._apps.append(app)
        self.app = app
        prepare(app)

    def _gateway(self) -> SdkGateway:
        transport = Transport(
            api_key=WORKER_KEY,
            api_base=self.servers.stripe_base,
            limiter=SharedLimiter(connect_redis(self.servers.redis_url), rates=WIDE),
            read_timeout_seconds=self.read_timeout_seconds,
        )
        self._transports.append(transport)
        return SdkGateway(transport, test_clock_id=self.stripe.clock)

    def _mailer(self, app: App) -> SmtpMailer:
        smtp_url = app.environment.smtp_url or ""
        mailer = SmtpMailer(smtp_url, now=self.clock.wall_now, tls_context=_no_tls_here())
        self._mailers.append(mailer)
        return mailer

    def make_bell(self) -> DirectBell:
        """Return what the worker's doorbell rings."""
        return DirectBell(self)

    def broken_promises(self) -> list[str]:
        """Return what the ledger promises and does not keep, looked at as a whole.

        What a day's comparison with Stripe would cure is cured first.
        """
        if not self._apps:
            return []
        broken = self._checked()
        if broken:
            self.job("reconcile")
            self.job("sweep")
            broken = self._checked()
        return broken

    def _checked(self) -> list[str]:
        checked = check_invariants(
            ledger=self.app.ledger,
            clock=self.clock,
            log=self.app.log,
            configuration=self.app.configuration,
            now=self.now,
            whole=True,
        )
        return [f"{each.promise.name}: {', '.join(each.subjects)}" for each in checked.breaches]

    def close(self) -> None:
        """Hang up everywhere."""
        self.hang_up()
        self.stripe.close()

    def hang_up(self) -> None:
        """Let the worker's own connections go."""
        for app in self._apps:
            app.ledger.engine.dispose()
        for mailer in self._mailers:
            mailer.close()
        for transport in self._transports:
            http: Any = transport._client._requestor._get_http_client()
            http.close()

    def job(self, name: str) -> None:
        """Run one scheduled job now."""
        run_job(self.app, name)

    # Time

    @property
    def now(self) -> datetime:
        """Business time."""
        return self.stripe.now

    def run(self) -> None:
        """Let the worker do everything that is due at this instant."""
        self.job("read_stripe")
        if self._wall_swept_ahead != self.clock.ahead or self._is_time_for("sweep"):
            self._wall_swept_ahead = self.clock.ahead
            self.job("sweep")
        if self._is_time_for("renewals_cards_trials"):
            self.job("renewals_cards_trials")
        for _ in range(ROUNDS_MAX):
            self.bell.acted = False
            self.ring()
            if self.bell.changed_stripe:
                self.bell.changed_stripe = False
                self.job("read_stripe")
            elif not self.bell.acted:
                return
        raise AssertionError(f"no end of work at {self.now}: {self.bell.looks[-6:]}")

    def _is_time_for(self, job: str) -> bool:
        """Return whether a housekeeping job is due again; most stories need it once a day."""
        last_at = self._done_at.get(job)
        if last_at is not None and self.now - last_at < self.housekeeping_every:
            return False
        self._done_at[job] = self.now
        return True

    def ring(self) -> None:
        """Ring for every case and letter that is due now."""
        ledger = self.app.ledger
        now = business_now(ledger=ledger, clock=self.clock)
        find_due_cases(ledger=ledger, doorbell=self.bell, clock=self.clock, now=now)
        find_due_letters(ledger=ledger, doorbell=self.bell, clock=self.clock, now=now)

    def advance(
        self, *, days: float = 0, hours: float = 0, minutes: float = 0, every: timedelta = NO_TIME
    ) -> None:
        """Let that much time pass, the worker being there all the while."""
        span = timedelta(days=days, hours=hours, minutes=minutes)
        self.advance_to(self.now + span, every=every)

    def advance_to(self, target: datetime, *, every: timedelta = NO_TIME) -> None:
        """Let time pass until *target*; the worker looks whenever something falls due.

        Args: every: looks are at least that far apart, for what repeats every few minutes.
        """
        self.run()
        while self.now < target:
            coming = [self.stripe.next_due_at(), self._ledger_due_at()]
            later = [at for at in coming if at is not None and at > self.now]
            self.pass_time_to(min(max(min([*later, target]), self.now + every), target))
            self.run()

    def away(self, *, days: float = 0, hours: float = 0) -> None:
        """Let time pass without a worker."""
        self.pass_time_to(self.now + timedelta(days=days, hours=hours))

    def pass_time_to(self, at: datetime) -> None:
        """Move both clocks."""
        at = at.replace(microsecond=0) + (timedelta(seconds=1) if at.microsecond else timedelta())
        self.stripe.move_clock(at)
        self.clock.business_at = at

    def pass_wall(self, *, minutes: float) -> None:
        """Let wall time pass alone: leases end, keys grow old."""
        self.clock.ahead += timedelta(minutes=minutes)

    def _ledger_due_at(self) -> datetime | None:
        found = self.rows(
            "SELECT min(at) AS at FROM (SELECT next_action_at AS at FROM cases UNION ALL "
            "SELECT next_action_at FROM letters) AS due WHERE at > :now",
            now=self.now,
        )
        due: datetime | None = found[0]["at"]
        return due

    # People

    def customer(
        self,
        name: str,
        cards: Sequence[Outcome] = (),
        *,
        charged_in: timedelta = 2 * HOUR,
        **more: Any,
    ) -> Customer:
        """Return a subscriber whose renewal is charged after *charged_in* from now.

        *cards* is what the card answers, try by try; *more* goes to `StripeSide.customer` or
        `StripeSide.subscribe`.
        """
        about_plan = {"amount_minor", "currency", "interval", "trial", "own_card", "billing"}
        about_plan.add("days_until_due")
        of_plan = {name: more.pop(name) for name in about_plan & more.keys()}
        customer = self.stripe.customer(name, cards=cards, **more)
        self.stripe.subscribe(customer, first_charge_at=self.now + charged_in, **of_plan)
        return customer

    # What came of it

    def rows(self, query: str, **values: Any) -> list[dict[str, Any]]:
        """Return what the ledger holds, for a test's own eyes."""
        with self.app.ledger.engine.connect() as connection:
            return [dict(row) for row in connection.execute(text(query), values).mappings()]

    def cases_of(self, customer: Customer) -> list[Case]:
        """Return the customer's cases, oldest first."""
        ids = self.rows("SELECT id FROM cases WHERE customer_id = :c ORDER BY id", c=customer.id)
        with self.app.ledger.begin() as tx:
            found = [tx.cases.load(row["id"]) for row in ids]
        return [case for case in found if case is not None]

    def case_of(self, customer: Customer) -> Case:
        """Return the customer's only case."""
        (case,) = self.cases_of(customer)
        return case

    def letters(self) -> list[Received]:
        """Return everything the inbox got, in order."""
        for mail in self.inbox.mails[len(self._received) :]:
            letter, message = read_letter(mail), mail.message
            body = message.get_body(("plain",))
            self._received.append(
                Received(
                    at=message["Date"].datetime,
                    notice=letter.notice,
                    to=letter.recipient,
                    subject=letter.subject,
                    text=body.get_content() if body is not None else "",
                    message_id=letter.message_id,
                )
            )
        return list(self._received)

    def letters_to(self, customer: Customer) -> list[Received]:
        """Return the letters that reached a customer."""
        return [one for one in self.letters() if one.to == customer.email]

    def notices_to(self, customer: Customer) -> list[str]:
        """Return the kinds of letters that reached a customer, in order."""
        return [one.notice for one in self.letters_to(customer)]

    def facts(self, kind: str, customer: Customer | None = None) -> list[dict[str, Any]]:
        """Return the facts of a type, with `time` and `subject` beside their data."""
        found = self.rows(
            "SELECT subject, time, data || coalesce((SELECT words FROM fact_words WHERE fact_id = "
            "events.id), '{}') AS data FROM events WHERE type = :t ORDER BY seq",
            t=kind,
        )
        facts = [{"subject": row["subject"], "time": row["time"], **row["data"]} for row in found]
        return [f for f in facts if customer is None or f.get("customer_id") == customer.id]

    def steps_of(self, case: Case) -> dict[str, str]:
        """Return what became of each step: `done`, or why it was skipped."""
        return {r.step: "done" if r.done else r.reason for r in case.steps}

    def rules_of(self, case: Case) -> list[str]:
        """Return the rules by which a case was decided, in order."""
        found = self.rows("SELECT rule FROM decisions WHERE case_id = :c ORDER BY id", c=case.id)
        return [row["rule"] for row in found]

    def log(self, event: str) -> list[dict[str, Any]]:
        """Return the job log's lines of one event."""
        lines = [json.loads(line) for line in self.lines.getvalue().splitlines()]
        return [line for line in lines if line["event"] == event]
