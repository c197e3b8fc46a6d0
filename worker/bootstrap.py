"""The composition root: reads the environment and binds ports to their implementations."""

import os
import secrets
import socket
import sys
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from functools import cached_property
from pathlib import Path
from zoneinfo import ZoneInfo

from worker.clock import SystemClock, wall_now
from worker.domain.policy import Configuration
from worker.errors import ConfigError, DunningError, GatewayRejected, ServiceUnavailable
from worker.gateway.invoice_readers import StripeReader
from worker.gateway.stripe_gateway import SdkGateway
from worker.gateway.transport import API_VERSION, STRIPE_API, Transport
from worker.joblog import build_joblog
from worker.joblog.build import LogStream
from worker.mail.post_office import PostOffice
from worker.mail.render import LetterRenderer
from worker.mail.smtp import SmtpMailer
from worker.mail.staff_post import StaffPostOffice
from worker.ports import ConfigVersion, Control, JobLog, Sink
from worker.queue.broker import PromptRedisBroker, StopFlag, build_broker
from worker.queue.connection import connect_redis
from worker.queue.doorbell import QueueDoorbell
from worker.queue.limiter import SharedLimiter, stripe_rates
from worker.services.business_time import business_time_of
from worker.services.case_turn import CasePorts
from worker.services.keep_configuration import keep_policies
from worker.settings.environment import Environment, read_environment
from worker.settings.load_sinks import load_sinks
from worker.settings.stored_version import (
    Directory,
    configuration_of_version,
    read_directory,
)
from worker.sinks.build import build_sinks
from worker.store.ledger import PostgresLedger, account_known, connect

WORKER_NEEDS = frozenset(("DATABASE_URL", "REDIS_URL", "STRIPE_API_KEY", "SMTP_URL"))
SCHEDULER_NEEDS = frozenset(("DATABASE_URL", "REDIS_URL"))
WEB_NEEDS = frozenset(("DATABASE_URL", "REDIS_URL", "STRIPE_WEBHOOK_SECRET"))

OWN_CALLS_PER_SECOND = 2.0
"""Stripe calls of `web` and the command line while Redis is away."""

BEAT_SECONDS = 20.0

JOB_LEASE = timedelta(seconds=90)
"""How long a run of a job is taken for alive after its process was last heard of."""

EMPTY = "The ledger is empty: no worker has run on it yet."

ACCOUNT_UNNAMED = "account"
"""The account's name where the key may not read it; a ledger has one account anyway."""


class LedgerEmptyError(ServiceUnavailable):
    """No worker has run on this ledger yet. Nobody acts: the first worker begins it."""


@dataclass
class App:
    """Everything one process works with; parts are made when first used."""

    environment: Environment
    configuration: Configuration
    """What this process works with; replaced as a whole once a newer version is current."""
    log: JobLog
    process: str
    api_version: str = API_VERSION
    directory: Directory | None = None
    """CONFIG_DIR at the start; None: the process keeps the configuration it was given."""
    version_no: int = 0
    """Number of `configuration` in the ledger; 0 while it is not stored there."""
    sink_threads: dict[str, tuple[threading.Thread, float]] = field(
        default_factory=dict, init=False
    )
    """By sink: the thread that copies facts to it, and when it began (monotonic)."""
    _refused_no: int = field(default=0, init=False)
    _taking: threading.Lock = field(default_factory=threading.Lock, init=False)

    @cached_property
    def clock(self) -> SystemClock:
        """The host's clocks."""
        return SystemClock()

    @cached_property
    def stop_flag(self) -> StopFlag:
        """Set once the process ends."""
        return StopFlag()

    @cached_property
    def broker(self) -> PromptRedisBroker:
        """The queue."""
        return build_broker(connect_redis(self.environment.redis_url or ""), self.stop_flag)

    @cached_property
    def doorbell(self) -> QueueDoorbell:
        """What rings for workers."""
        return QueueDoorbell(self.broker)

    @cached_property
    def stripe(self) -> SdkGateway:
        """Stripe, behind the shared limiter."""
        environment = self.environment
        limiter = SharedLimiter(
            connect_redis(environment.redis_url or ""),
            rates=stripe_rates(
                live_key=environment.stripe_key_is_live, loopback=environment.stripe_is_sandbox
            ),
            fallback_per_second=None if self.process == "worker" else OWN_CALLS_PER_SECOND,
        )
        transport = Transport(
            api_key=environment.stripe_api_key or "",
            api_base=environment.stripe_api_base or STRIPE_API,
            limiter=limiter,
        )
        return SdkGateway(transport, test_clock_id=environment.stripe_test_clock or "")

    @cached_property
    def reader(self) -> StripeReader:
        """Reads raw objects of any API version."""
        return StripeReader()

    @cached_property
    def ledger(self) -> PostgresLedger:
        """The ledger of the account; one that is empty takes the key's.

        Raises: LedgerEmptyError: it belongs to nobody yet and this process has no key.
        """
        prepare = self.environment.database_prepares
        engine = connect(self.environment.sqlalchemy_url or "", prepare=prepare)
        try:
            return PostgresLedger(engine, account_known(engine) or self.account_of_key())
        except DunningError:
            engine.dispose()
            raise

    def account_of_key(self) -> str:
        """Return the account the key belongs to, or ACCOUNT_UNNAMED where the key may not say.

        Raises: ConfigError: Stripe does not know the key (operator); GatewayUnavailable.
        """
        if not self.environment.stripe_api_key:
            raise LedgerEmptyError(EMPTY)
        try:
            return self.stripe.account_id()
        except GatewayRejected as refused:
            if refused.status == 401:
                raise ConfigError(str(refused)) from refused
            return ACCOUNT_UNNAMED

    def close(self) -> None:
        """Close the connections that this process opened; they open again when used."""
        made = vars(self)  # a part that was never used is not in it
        if "ledger" in made:
            self.ledger.engine.dispose()
        if "broker" in made:
            self.broker.client.close()

    @cached_property
    def mailer(self) -> SmtpMailer:
        """The mail server's connections."""
        return SmtpMailer(self.environment.smtp_url or "", now=wall_now)

    @property
    def staff_post(self) -> StaffPostOffice:
        """Sends mails to staff, as the sender of the current configuration."""
        return StaffPostOffice(self.mailer, self.configuration.notices.sender)

    @cached_property
    def letters(self) -> PostOffice:
        """Renders and sends letters."""
        return self._post_office(self.configuration)

    def _post_office(self, configuration: Configuration) -> PostOffice:
        notices = configuration.notices
        return PostOffice(
            LetterRenderer(self.environment.templates_dir, notices.brand),
            self.mailer,
            notices.sender,
            office_zone=configuration.dunning.office_zone,
            portal_url=self.environment.customer_portal_url or "",
        )

    @cached_property
    def sinks(self) -> tuple[Sink, ...]:
        """Where facts are copied to. Raises: ConfigError: sinks.yaml is wrong (operator)."""
        environment = self.environment
        rules = load_sinks(environment.config_dir)
        return build_sinks(rules, environment.sink_secrets, now=self.clock.wall_now)

    @cached_property
    def case_ports(self) -> CasePorts:
        """The ports of the services that work on cases and letters."""
        return CasePorts(
            ledger=self.ledger,
            stripe=self.stripe,
            letters=self.letters,
            log=self.log,
            clock=self.clock,
            new_token=lambda: secrets.token_hex(8),
            stopping=lambda: self.stop_flag.is_set,
            configuration=self.configuration,
        )

    def begin_run(self) -> datetime:
        """Take the configuration that is current by now, and return the run's business time."""
        with self.ledger.begin() as tx:
            control = tx.control.read()
        return self.begin_with(control)

    def begin_with(self, control: Control | None) -> datetime:
        """Do what `begin_run` does where the control row was just read."""
        if control is not None and control.config_version != self._refused_no:
            self.take_version(control.config_version)
        return business_time_of(control, self.clock)

    def take_version(self, no: int) -> None:
        """Work with version *no* of the configuration from the next run or look on.

        A look that is under way keeps what it began with. One that cannot be used here, such as
        for want of a letter, is refused with one ERROR, and the process goes on as it was.
        """
        if self.directory is None or no in {0, self.version_no}:
            return
        if not self._taking.acquire(blocking=False):  # another thread of ours takes it just now
            return
        try:
            self._take(no)
        except ConfigError as error:
            if self._refused_no != no:
                do = "put the templates right, or dunning apply a configuration that fits them"
                self.log.error("config.refused", config_no=no, error=str(error), do=do)
            self._refused_no = no
        finally:
            self._taking.release()

    def _take(self, no: int) -> None:
        with self.ledger.begin() as tx:
            version = tx.versions.read(no)
        if version is None:
            return
        letters_here = notices_in(self.environment.templates_dir)
        configuration = configuration_of_version(version, letters_here)
        with self.ledger.begin() as tx:  # this release may name policies differently
            keep_policies(tx, configuration, wall_now=self.clock.wall_now())
        letters = self._post_office(configuration)
        ports = replace(self.case_ports, letters=letters, configuration=configuration)
        vars(self).update(configuration=configuration, letters=letters, case_ports=ports)
        self.version_no, self._refused_no = no, 0
        self.log.info("config.taken", config_no=no, config=configuration.digest)

    def say_whether_directory_differs(self) -> None:
        """Write a line where CONFIG_DIR is not what runs: it waits for `dunning apply`."""
        directory = self.directory
        if directory is None or not self.version_no:
            return
        if directory.digest != self.configuration.digest:
            self.log.warning(
                "config.changed",
                config_no=self.version_no,
                config=self.configuration.digest,
                do="dunning policy diff DIR, then dunning apply DIR; or put the old files back",
            )

    def beat(self) -> None:
        """Record that this process is alive, with its configuration and the jobs that it runs.

        An idle process hears here of a newer configuration, and asks again for one it refused.
        """
        wall_now = self.clock.wall_now()
        with self.ledger.begin() as tx:
            control = tx.control.read()
        if control is not None:
            self.take_version(control.config_version)
        with self.ledger.begin() as tx:
            tx.jobs.beat(
                self.process_name, wall_now=wall_now, config_digest=self.configuration.digest
            )
            tx.jobs.keep(self.process_name, until=wall_now + JOB_LEASE)

    @cached_property
    def process_name(self) -> str:
        """This process's name among the living: kind, host, number."""
        return f"{self.process}-{socket.gethostname()}-{os.getpid()}"

    def beat_every_minute(self) -> None:
        """Beat in the background until the process ends."""
        threading.Thread(target=self._beat_on, name="beat", daemon=True).start()

    def _beat_on(self) -> None:
        while True:
            try:
                self.beat()
            except ServiceUnavailable as away:  # the database is away: the next beat tells
                self.log.debug("database.unavailable", error=away)
            if self.stop_flag.event.wait(BEAT_SECONDS):
                return


def notices_in(templates_dir: Path) -> frozenset[str]:
    """Return the names of the letters that have a template in any language."""
    return frozenset(path.stem for path in templates_dir.glob("*/*.md"))


@contextmanager
def reading_ledger(environ: Mapping[str, str]) -> Iterator[PostgresLedger]:
    """Give the ledger of DATABASE_URL to a command that needs nothing else.

    Raises: ConfigError: no ledger is named; ServiceUnavailable: it is away or still empty.
    """
    environment = read_environment(environ, frozenset(("DATABASE_URL",)))
    engine = connect(environment.sqlalchemy_url or "", pool_size=1)
    try:
        account_id = account_known(engine)
        if not account_id:
            raise LedgerEmptyError(EMPTY)
        yield PostgresLedger(engine, account_id)
    finally:
        engine.dispose()


def build_app(
    environ: Mapping[str, str],
    *,
    process: str,
    needed: frozenset[str],
    stream: LogStream | None = None,
) -> App:
    """Return the App of one process, whose log goes to *stream*, else to standard output.

    Raises: ConfigError: all that is wrong, at once; operator.
    """
    environment = read_environment(environ, needed)
    configuration, directory, version_no = configured(environment)
    log = build_joblog(
        stream or sys.stdout,
        log_format=environment.log_format,
        level=environment.log_level,
        process=process,
        wall_now=wall_now,
        zone=ZoneInfo(configuration.dunning.office_zone),
    )
    return App(
        environment,
        configuration,
        log,
        process,
        directory=directory,
        version_no=version_no,
    )


def configured(environment: Environment) -> tuple[Configuration, Directory, int]:
    """Return what a process that starts now works with, CONFIG_DIR, and the version's number.

    That is the version in the ledger whatever CONFIG_DIR says, or CONFIG_DIR where there is none
    yet, under number 0. Raises: ConfigError: the one that counts is broken (operator).
    """
    letters = notices_in(environment.templates_dir)
    directory = read_directory(environment.config_dir, letters)
    version = _current_version(environment)
    if version is not None:
        return configuration_of_version(version, letters), directory, version.no
    if directory.configuration is None:
        raise ConfigError(*directory.problems)
    return directory.configuration, directory, 0


def _current_version(environment: Environment) -> ConfigVersion | None:
    """Return the ledger's configuration; None where it has none yet or cannot be asked now."""
    engine = connect(environment.sqlalchemy_url or "", pool_size=1)
    try:
        account_id = account_known(engine)
        if not account_id:
            return None
        with PostgresLedger(engine, account_id).begin() as tx:
            return tx.versions.current()
    except ServiceUnavailable:  # whoever needs the ledger is told so next
        return None
    finally:
        engine.dispose()
