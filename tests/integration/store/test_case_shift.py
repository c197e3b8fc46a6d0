"""Time that stood still moves a case once: a hold and a stop at the same time are not two."""

from datetime import datetime, timedelta
from itertools import permutations

import pytest

from tests.integration.store.building import DAY, NOW, claim, loaded, open_case
from worker.domain.case import CaseState, Outcome
from worker.ports import CaseChange
from worker.store.ledger import PostgresLedger

HOLD, GO_ON, STOP, GO = "hold", "go on", "stop", "go"


def at(day: int) -> datetime:
    """Return an instant *day* days from now."""
    return NOW + day * DAY


def stand(ledger: PostgresLedger, case_id: int, change: CaseChange, now: datetime) -> None:
    """Let a look at the case end with *change*."""
    with ledger.begin() as tx:
        tx.cases.wake(now=now, case_ids=[case_id])
    case = claim(ledger, case_id, now=now)
    assert case is not None
    with ledger.begin() as tx:
        assert tx.cases.finish(case, change, token="t1", now=now)


def happen(ledger: PostgresLedger, case_id: int, what: str, now: datetime) -> None:
    """Let one thing happen."""
    if what == HOLD:
        stand(ledger, case_id, CaseChange(state=CaseState.HELD, stands_down=True), now)
    elif what == GO_ON:
        stand(ledger, case_id, CaseChange(state=CaseState.OPEN, goes_on=True), now)
    elif what == STOP:
        with ledger.begin() as tx:
            assert tx.control.stop(cause="switch", detail="", by="jo", now=now)
    else:
        with ledger.begin() as tx:
            before = tx.control.go(by="jo", now=now)
            assert before is not None and before.stopped_at is not None  # noqa: PT018
            tx.cases.resume_all(now=now, stopped_at=before.stopped_at)


def begin(ledger: PostgresLedger) -> int:
    """Start the switch on, and open a case."""
    with ledger.begin() as tx:
        tx.control.create(charging=True, live=False, go_live_at=NOW - 9 * DAY, cause="")
    return open_case(ledger, failed_at=NOW - DAY)


ORDERS = [
    order
    for order in permutations((HOLD, GO_ON, STOP, GO))
    if order.index(HOLD) < order.index(GO_ON) and order.index(STOP) < order.index(GO)
]


@pytest.mark.parametrize("order", ORDERS, ids=" ".join)
def test_a_hold_and_a_stop_count_as_the_time_that_either_lasted(
    ledger: PostgresLedger, order: tuple[str, ...]
) -> None:
    """One thing happens a day: apart they last a day each, else from the first to the last."""
    case_id = begin(ledger)
    for day, what in enumerate(order):
        happen(ledger, case_id, what, at(day))
    apart = order in {(HOLD, GO_ON, STOP, GO), (STOP, GO, HOLD, GO_ON)}
    assert loaded(ledger, case_id).shift == (2 * DAY if apart else 3 * DAY)


def test_two_stops_within_and_across_the_end_of_a_hold(ledger: PostgresLedger) -> None:
    case_id = begin(ledger)
    for day, what in enumerate((HOLD, STOP, GO, STOP, GO_ON, GO)):
        happen(ledger, case_id, what, at(day))
    assert loaded(ledger, case_id).shift == 5 * DAY


def test_a_case_reopened_during_a_stop_counts_that_once(ledger: PostgresLedger) -> None:
    """The cancel was undone on day 2, during a stop from day 1 to 3: it was away for 3 days."""
    case_id = begin(ledger)
    cancelled = CaseChange(
        state=CaseState.CLOSED, outcome=Outcome.CUSTOMER_CANCELLED, closed_at=at(0)
    )
    stand(ledger, case_id, cancelled, at(0))
    happen(ledger, case_id, STOP, at(1))
    stand(ledger, case_id, CaseChange(state=CaseState.OPEN, reopened=True, goes_on=True), at(2))
    happen(ledger, case_id, GO, at(3))
    assert loaded(ledger, case_id).shift == 3 * DAY


def test_a_returned_payment_during_a_stop_counts_anew_from_its_end(ledger: PostgresLedger) -> None:
    case_id = begin(ledger)
    paid = CaseChange(state=CaseState.CLOSED, outcome=Outcome.RECOVERED, closed_at=at(0))
    stand(ledger, case_id, paid, at(0))
    happen(ledger, case_id, STOP, at(1))
    stand(ledger, case_id, CaseChange(state=CaseState.OPEN, reopened=True), at(2))
    happen(ledger, case_id, GO, at(3))
    case = loaded(ledger, case_id)
    assert case.failed_at + case.shift == at(3)
    assert case.shift >= timedelta()
