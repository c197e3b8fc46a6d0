"""Tells the job log who stopped charging or let it go on by hand; commands have no log."""

from datetime import datetime

from worker.bootstrap import App
from worker.services.stop_charging import WORKER
from worker.store.reading import snapshot
from worker.store.reading_switches import read_untold_switches

TOLD = "switch told"


def say_who_switched(app: App, now: datetime) -> None:
    """Write one line for each act on the switch, once over all processes.

    The reason is not in it: what people type is erasable, and a log is not.
    """
    with snapshot(app.ledger) as connection:
        untold = read_untold_switches(
            connection, app.ledger.account_id, told_as=TOLD, nobody=WORKER
        )
    for switched in untold:
        with app.ledger.begin() as tx:
            first = tx.jobs.once(TOLD, switched.fact_id, now=now)
        if not first:
            continue
        said = {"cause": switched.cause, "by": switched.by, "business_at": switched.at}
        if switched.stopped:
            do = "dunning status says why; then dunning go --by --reason"
            app.log.warning("charging.stopped", do=do, **said)
        else:
            app.log.info("charging.resumed", **said)
