"""The ledger's connection: transactions with their books, for one account."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from sqlalchemy import Connection, Engine, create_engine, select
from sqlalchemy.exc import InterfaceError, OperationalError, ProgrammingError

from worker.errors import ServiceUnavailable
from worker.store.attempts import Attempts
from worker.store.cases import Cases
from worker.store.control import Controls
from worker.store.facts import Facts
from worker.store.inbox import Inbox
from worker.store.jobs import Jobs
from worker.store.letters import Letters
from worker.store.mirror import Mirror
from worker.store.tables import control


def connect(database_url: str, *, pool_size: int = 10) -> Engine:
    """Return an engine for `postgresql+psycopg://…`; it connects when first used.

    Prepared statements are off, since a transaction pooler would lose them.
    """
    return create_engine(
        database_url,
        pool_size=pool_size,
        max_overflow=pool_size,
        pool_pre_ping=True,
        hide_parameters=True,  # an error's text goes to the log, parameters name people
        connect_args={"prepare_threshold": None, "connect_timeout": 10},
    )


def account_known(engine: Engine) -> str:
    """Return the account this ledger belongs to, or the empty string on a fresh one.

    Raises: ServiceUnavailable: the database is away, or has no tables yet.
    """
    try:
        with engine.connect() as connection:
            found = connection.execute(select(control.c.account_id).limit(1)).scalar_one_or_none()
    except (OperationalError, InterfaceError) as error:
        raise ServiceUnavailable(_AWAY) from error
    except ProgrammingError as error:
        raise ServiceUnavailable("The database has no tables yet: run dunning migrate.") from error
    return found or ""


_AWAY = "The database does not answer. Check DATABASE_URL and the server."


@dataclass(frozen=True, slots=True)
class Transaction:
    """One transaction's books (ports.Tx)."""

    cases: Cases
    attempts: Attempts
    letters: Letters
    inbox: Inbox
    mirror: Mirror
    facts: Facts
    control: Controls
    jobs: Jobs


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
        """Start a transaction on a bare connection, for reading views."""
        try:
            with self.engine.begin() as connection:
                yield connection
        except (OperationalError, InterfaceError) as error:
            raise ServiceUnavailable(_AWAY) from error

    def books(self, connection: Connection) -> Transaction:
        """Return the books of one connection."""
        account = self.account_id
        return Transaction(
            cases=Cases(connection, account),
            attempts=Attempts(connection, account),
            letters=Letters(connection, account),
            inbox=Inbox(connection, account),
            mirror=Mirror(connection, account),
            facts=Facts(connection, account),
            control=Controls(connection, account),
            jobs=Jobs(connection, account),
        )
