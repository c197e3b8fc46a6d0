"""The ledger's connection: transactions with their books, for one account."""

import json
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from select import POLLIN, poll

import psycopg
from sqlalchemy import Connection, Engine, create_engine, event, select
from sqlalchemy.exc import (
    DataError,
    DBAPIError,
    DisconnectionError,
    InterfaceError,
    OperationalError,
    ProgrammingError,
)
from sqlalchemy.exc import TimeoutError as NoConnectionFree

from worker.errors import DatabaseUnavailable
from worker.store.access import AccessWords
from worker.store.approvals import Approvals
from worker.store.attempts import Attempts
from worker.store.canaries import Canaries
from worker.store.cases import Cases
from worker.store.chain import Chain
from worker.store.control import Controls
from worker.store.customer_discounts import CustomerDiscounts
from worker.store.discounts import Discounts
from worker.store.facts import Facts
from worker.store.forgetting import Forgetting
from worker.store.holds import Holds
from worker.store.imports import Imports
from worker.store.inbox import Inbox
from worker.store.jobs import Jobs
from worker.store.kept_metrics import KeptMetrics
from worker.store.kept_plans import KeptPlans
from worker.store.letters import Letters
from worker.store.metric_days import MetricDays
from worker.store.mirror import Mirror
from worker.store.offers import Offers
from worker.store.operator_acts import OperatorActs
from worker.store.prices import Prices
from worker.store.promises import Promises
from worker.store.retention import Retention
from worker.store.revenue_chains import RevenueChains
from worker.store.sinks import Sinks
from worker.store.staff_mails import StaffMails
from worker.store.tables import control
from worker.store.tax_shares import TaxShares
from worker.store.versions import Versions
from worker.store.watched import Watched

CONNECTION_ERRORS = (OperationalError, InterfaceError, NoConnectionFree)
"""What says that the database, and not what was asked of it, is the trouble."""

_GIVE_UP = {
    "keepalives_idle": 30,
    "keepalives_interval": 10,
    "keepalives_count": 3,
    "tcp_user_timeout": 60_000,
}
"""A server that vanished without a word is given up after a minute, not after two hours."""


PREPARED_AFTER = 3
"""How often a connection has asked a statement before it has PostgreSQL keep the plan."""


def connect(database_url: str, *, pool_size: int = 10, prepare: bool = False) -> Engine:
    """Return an engine for `postgresql+psycopg://…`; it connects when first used.

    Prepared statements are off unless *prepare*, since a transaction pooler would lose them.
    Instants come back in UTC whatever the server's zone is, since their text is part of facts.
    """
    threshold = PREPARED_AFTER if prepare else None
    engine = create_engine(
        database_url,
        pool_size=pool_size,
        max_overflow=pool_size,
        isolation_level="READ COMMITTED",  # what counts under a lock relies on it
        json_serializer=to_json,
        hide_parameters=True,  # an error's text goes to the log, parameters name people
        connect_args={"prepare_threshold": threshold, "connect_timeout": 10, **_GIVE_UP},
    )
    event.listen(engine, "connect", _use_utc)
    event.listen(engine, "checkout", _refuse_if_hung_up)
    return engine


def _use_utc(connection: psycopg.Connection[object], _record: object) -> None:
    # SET, because poolers refuse the startup parameter `options` but keep a session's zone.
    connection.execute("SET TIME ZONE 'UTC'")
    connection.commit()


def _refuse_if_hung_up(
    connection: psycopg.Connection[object], _record: object, _proxy: object
) -> None:
    """Make the pool connect anew where the server ended a connection that nobody used.

    An idle server has nothing to say, so anything to read is its farewell, or the keepalive's word
    that it is gone. This asks the kernel only; a ping would be a round trip per transaction.
    """
    if connection.closed:
        raise DisconnectionError
    line = poll()
    line.register(connection.fileno(), POLLIN)
    if line.poll(0):
        raise DisconnectionError


def to_json(value: object) -> str:
    """Return *value* as JSON without NUL characters, which PostgreSQL cannot hold."""
    written = json.dumps(value)
    return json.dumps(_without_nul(value)) if _NUL in written else written


_NUL = "\\u0000"


def _without_nul(value: object) -> object:
    if isinstance(value, str):
        return value.replace("\0", "")
    if isinstance(value, Mapping):
        return {_without_nul(name): _without_nul(one) for name, one in value.items()}
    if isinstance(value, list | tuple):
        return [_without_nul(one) for one in value]
    return value


def account_known(engine: Engine) -> str:
    """Return the account this ledger belongs to, or the empty string on a fresh one.

    Raises: DatabaseUnavailable: the database is away, or has no tables yet.
    """
    try:
        with engine.connect() as connection:
            found = connection.execute(select(control.c.account_id).limit(1)).scalar_one_or_none()
    except CONNECTION_ERRORS as error:
        raise unavailable(error) from error
    except ProgrammingError as error:
        if _sqlstate(error) == _FORBIDDEN:
            raise unavailable(error) from error
        raise DatabaseUnavailable("The database has no tables yet: run dunning migrate.") from error
    return found or ""


def unavailable(error: Exception) -> DatabaseUnavailable:
    """Return *error* as a sentence without any value of a row in it."""
    state = _sqlstate(error)
    if state in _OTHER_TABLES:
        return DatabaseUnavailable(OTHER_TABLES)
    if state == _FORBIDDEN:
        return DatabaseUnavailable(NO_RIGHTS)
    if state in _BROKEN_OFF:
        return DatabaseUnavailable(f"The database broke a transaction off ({state}); try again.")
    if isinstance(error, NoConnectionFree):
        return DatabaseUnavailable("No connection to the database came free in 30 s.")
    refused = _REFUSED.search(str(error.orig)) if isinstance(error, OperationalError) else None
    if refused is not None:
        return DatabaseUnavailable(
            f"The database refuses the connection: {refused[1]}. Check DATABASE_URL and the server."
        )
    return DatabaseUnavailable("The database does not answer. Check DATABASE_URL and the server.")


def _sqlstate(error: Exception) -> str:
    found = getattr(error.orig, "sqlstate", None) if isinstance(error, DBAPIError) else None
    return str(found or "")


OTHER_TABLES = (
    "The database's tables are of another release than this program. Run dunning migrate; a demo's "
    "are made anew by make demo."
)
"""What a person reads who looks into a ledger of another release."""

_OTHER_TABLES = ("42703", "42P01")
"""Undefined column, undefined table."""

NO_RIGHTS = (
    "The role in DATABASE_URL may not use the tables. As their owner run dunning migrate "
    "--app-role ROLE, with every release."
)
"""What a person reads whose processes work under a role that lacks rights."""

_FORBIDDEN = "42501"
"""Insufficient privilege."""

_REFUSED = re.compile(r"failed: FATAL: +([^\n]+)")
"""In libpq's words what the server itself says: no such role or database, a wrong password, no
connection free, starting up. It names a role or a database, never a password."""

_BROKEN_OFF = ("40001", "40P01", "55P03", "57014")
"""Serialization failure, deadlock, lock not available, statement cancelled."""


@dataclass(frozen=True, slots=True)
class Transaction:
    """One transaction's books (ports.Tx)."""

    cases: Cases
    attempts: Attempts
    access: AccessWords
    watched: Watched
    approvals: Approvals
    acts: OperatorActs
    offers: Offers
    holds: Holds
    letters: Letters
    inbox: Inbox
    mirror: Mirror
    facts: Facts
    chain: Chain
    revenue: RevenueChains
    forgetting: Forgetting
    retention: Retention
    sinks: Sinks
    discounts: Discounts
    customer_discounts: CustomerDiscounts
    prices: Prices
    taxes: TaxShares
    control: Controls
    jobs: Jobs
    versions: Versions
    canaries: Canaries
    promises: Promises
    plans: KeptPlans
    staff: StaffMails
    imports: Imports
    days: MetricDays
    kept: KeptMetrics


class PostgresLedger:
    """The ledger of one Stripe account (ports.Ledger)."""

    def __init__(self, engine: Engine, account_id: str) -> None:
        """Keep the engine; nothing is read yet."""
        self.engine = engine
        self.account_id = account_id

    @contextmanager
    def begin(self) -> Iterator[Transaction]:
        """Start a transaction; leaving it commits, an error rolls it back."""
        with self.connection() as connection:
            yield self.books(connection)

    @contextmanager
    def connection(self) -> Iterator[Connection]:
        """Start a transaction on a bare connection, for reading views.

        Raises: DatabaseUnavailable: nobody acts; ValueError: a value that no column can hold.
        """
        try:
            with self.engine.begin() as connection:
                yield connection
        except CONNECTION_ERRORS as error:
            raise unavailable(error) from error
        except DataError as error:
            raise ValueError("a value that the database cannot hold") from error
        except ProgrammingError as error:
            if _sqlstate(error) in (*_OTHER_TABLES, _FORBIDDEN):
                raise unavailable(error) from error
            raise

    def books(self, connection: Connection) -> Transaction:
        """Return the books of one connection."""
        account = self.account_id
        return Transaction(
            cases=Cases(connection, account),
            attempts=Attempts(connection, account),
            access=AccessWords(connection, account),
            watched=Watched(connection, account),
            approvals=Approvals(connection, account),
            acts=OperatorActs(connection, account),
            offers=Offers(connection, account),
            holds=Holds(connection, account),
            letters=Letters(connection, account),
            inbox=Inbox(connection, account),
            mirror=Mirror(connection, account),
            facts=Facts(connection, account),
            chain=Chain(connection, account),
            revenue=RevenueChains(connection, account),
            forgetting=Forgetting(connection, account),
            retention=Retention(connection, account),
            sinks=Sinks(connection, account),
            discounts=Discounts(connection, account),
            customer_discounts=CustomerDiscounts(connection, account),
            prices=Prices(connection, account),
            taxes=TaxShares(connection, account),
            control=Controls(connection, account),
            jobs=Jobs(connection, account),
            versions=Versions(connection, account),
            canaries=Canaries(connection, account),
            promises=Promises(connection, account),
            plans=KeptPlans(connection, account),
            staff=StaffMails(connection, account),
            imports=Imports(connection, account),
            days=MetricDays(connection, account),
            kept=KeptMetrics(connection, account),
        )
