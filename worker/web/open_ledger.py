"""The ledger of the web process, opened when it can be: it may start before its neighbours."""

import threading

from worker.bootstrap import EMPTY, App, LedgerEmptyError
from worker.ports import Control
from worker.store.ledger import PostgresLedger


class OpenLedger:
    """The ledger and the row that says whose it is; used by all threads."""

    def __init__(self, app: App) -> None:
        """Open nothing yet."""
        self._app = app
        self._lock = threading.Lock()
        self._begun: Control | None = None

    def get(self) -> tuple[PostgresLedger, Control]:
        """Return the ledger and its control row as it was when it was first read.

        Whether it is live and since when it is kept never changes, so it is read once.
        Raises: ServiceUnavailable: the database is away, or no worker has begun a ledger in it.
        """
        with self._lock:
            ledger = self._app.ledger
            if self._begun is None:
                with ledger.begin() as tx:
                    self._begun = tx.control.read()
            if self._begun is None:
                raise LedgerEmptyError(EMPTY)
            return ledger, self._begun
