"""GET /readyz: whether a webhook could be stored now, and if not, what is missing."""

import threading

from worker.bootstrap import App
from worker.errors import ServiceUnavailable
from worker.store.migrate import is_behind
from worker.web.open_ledger import OpenLedger


class Readiness:
    """Asks the database each time; that it is migrated is asked until it once was."""

    def __init__(self, app: App, ledger: OpenLedger) -> None:
        """Ask nothing yet."""
        self._app = app
        self._ledger = ledger
        self._migrated = threading.Event()

    def missing(self) -> list[str]:
        """Return a sentence for each thing that is missing; empty is ready."""
        try:
            ledger, _ = self._ledger.get()
            with ledger.begin() as tx:
                tx.control.read()
            if not self._migrated.is_set() and is_behind(ledger.engine):
                return ["The database is of an older release: run dunning migrate."]
        except ServiceUnavailable as away:
            return [str(away)]
        self._migrated.set()
        return []
