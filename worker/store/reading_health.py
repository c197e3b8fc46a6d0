"""Whether the database can be used: reached, migrated, whose it is, what its clock says."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import text
from sqlalchemy.exc import InterfaceError, OperationalError

from worker.errors import ServiceUnavailable
from worker.store.ledger import account_known, connect
from worker.store.migrate import current, newest


@dataclass(frozen=True, slots=True)
class DatabaseHealth:
    """What a look at the database found."""

    version: str
    """Of the server, such as `18.1`."""
    revision: str
    """Empty where nothing was migrated yet."""
    newest_revision: str
    """The one this release needs."""
    account_id: str
    """Empty while no worker has run."""
    now_at: datetime
    """The server's clock."""


def database_health(sqlalchemy_url: str) -> DatabaseHealth:
    """Return what the database tells of itself. Raises: ServiceUnavailable: it is away."""
    engine = connect(sqlalchemy_url, pool_size=1)
    try:
        revision = current(engine)
        account_id = account_known(engine) if revision else ""
        with engine.connect() as connection:
            version, now_at = connection.execute(
                text("SELECT current_setting('server_version'), clock_timestamp()")
            ).one()
    except (OperationalError, InterfaceError) as error:
        reason = next(iter(str(error.orig or error).splitlines()), "")
        raise ServiceUnavailable(f"The database does not answer: {reason}") from error
    finally:
        engine.dispose()
    return DatabaseHealth(version.split()[0], revision, newest(), account_id, now_at)
