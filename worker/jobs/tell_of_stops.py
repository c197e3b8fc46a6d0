"""Staff is told of stops of charging: an alert while one holds, one mail once it is over.

A stop that is over before anybody was told of it is told to nobody: what the mail would ask for has
been done. Who was told that charging stopped is told once that it goes on, however many stops came
between.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta

from worker.bootstrap import App
from worker.domain.staff import CHARGING_RESUMED, AlertKind, StaffMailState
from worker.office.alerts import LOOK_BACK
from worker.office.staff_document import Document, content_of
from worker.office.stop_alerts import Stop, goes_on_mail, stopped_mail, stops_in
from worker.office.ways import office_of
from worker.office.words import OfficeWords
from worker.ports import Tx
from worker.services.staff_mail import queue_staff_mail
from worker.store.reading import snapshot
from worker.store.reading_day import Told, read_switch_facts

USEFUL_FOR = timedelta(hours=24)
OVER = "charging goes on"
STOPPED_AGAIN = "charging has stopped again"
MAY_HAVE_ARRIVED = frozenset((StaffMailState.SENT, StaffMailState.UNKNOWN))


def tell_of_stops(app: App, to: Sequence[str], now: datetime) -> None:
    """Queue what each address must know of the stops of the last day."""
    with snapshot(app.ledger) as connection:
        account = app.ledger.account_id
        stops = stops_in(read_switch_facts(connection, account, since=now - LOOK_BACK))
    if not stops:
        return
    for address in to:
        ended = stops[-1].ended
        if ended is None:
            _tell_stopped(app, stops, address, now)
        else:
            _tell_goes_on(app, stops, ended, address, now)


def _tell_stopped(app: App, stops: Sequence[Stop], address: str, now: datetime) -> None:
    with app.ledger.begin() as tx:
        for stop in stops:
            if stop.ended is not None:
                tx.staff.withdraw(stop.ended.occasion, to=address, reason=STOPPED_AGAIN)
        began = stops[-1].began
        new = began.at >= now - LOOK_BACK and tx.staff.untold([began.occasion], to=address)
    if new:
        document = stopped_mail(stops[-1], _words(app, now))
        _queue(app, AlertKind.CHARGING_STOPPED, began, document, address)


def _tell_goes_on(
    app: App, stops: Sequence[Stop], ended: Told, address: str, now: datetime
) -> None:
    """Queue the mail where the address knows of a stop and of no end since."""
    with app.ledger.begin() as tx:
        states = _told_of(tx, stops, address)
    if StaffMailState.SENDING in states or not MAY_HAVE_ARRIVED & states:
        return  # one that is being sent is looked at again in the next run
    document = goes_on_mail(stops[-1], ended, app.configuration.dunning.mode, _words(app, now))
    _queue(app, CHARGING_RESUMED, ended, document, address)


def _told_of(tx: Tx, stops: Sequence[Stop], address: str) -> set[StaffMailState]:
    """Return how the alerts stand since the last mail that it goes on; what waits is dropped."""
    states = set()
    for stop in reversed(stops):
        if stop.ended is not None:
            state = tx.staff.state_of(stop.ended.occasion, to=address)
            if state not in {None, StaffMailState.DROPPED}:
                break
        state = tx.staff.withdraw(stop.began.occasion, to=address, reason=OVER)
        if state is not None:
            states.add(state)
    return states


def _words(app: App, now: datetime) -> OfficeWords:
    return OfficeWords(office_of(app.configuration).zone, now)


def _queue(app: App, kind: str, about: Told, document: Document, address: str) -> None:
    queue_staff_mail(
        kind,
        [address],
        [about.occasion],
        content_of(document),
        ledger=app.ledger,
        post=app.staff_post,
        clock=app.clock,
        useful_for=USEFUL_FOR,
    )
