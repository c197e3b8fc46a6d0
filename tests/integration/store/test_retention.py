"""What is not kept for ever goes in time, and nothing that a report or a fold needs with it."""

from datetime import datetime, timedelta
from typing import Any

import pytest

from tests.integration.store.building import DAY, LEASE, NOW, letter
from worker.domain.case import LetterState
from worker.services.retire_old import BATCH, EVENTS_KEPT_FOR, Retired, retire_old
from worker.store.ledger import PostgresLedger
from worker.store.reading import snapshot
from worker.store.reading_network import read_network

KEPT = timedelta(days=180)
OLD = NOW - EVENTS_KEPT_FOR - timedelta(minutes=1)


class At:
    """A host's clock that stands still."""

    def wall_now(self) -> datetime:
        """Return the time of these tests."""
        return NOW

    def monotonic_seconds(self) -> float:
        """Return one instant."""
        return 0.0


def event(event_id: str, at: datetime, kind: str = "invoice.paid", **data: Any) -> dict[str, Any]:
    """Return a raw event with a name in it."""
    found = {"id": f"obj_{event_id}", "customer_name": "Blue Studio"}
    return {
        "id": event_id,
        "type": kind,
        "created": int(at.timestamp()),
        "data": {"object": found | data.pop("object", {}), **data},
    }


def add(
    ledger: PostgresLedger, *events: dict[str, Any], received_at: datetime, folded: bool = True
) -> None:
    """Put events into the inbox, told in the facts or not."""
    with ledger.begin() as tx:
        tx.inbox.add(events, wall_now=received_at)
        if folded:
            tx.inbox.mark_folded([one["id"] for one in events], wall_now=received_at)


def run(ledger: PostgresLedger) -> Retired:
    """Run the job."""
    return retire_old(ledger=ledger, clock=At(), letters_kept_for=KEPT, now=NOW)


def inbox(ledger: PostgresLedger) -> dict[str, dict[str, Any]]:
    """Return what is left: event id -> payload."""
    with ledger.connection() as connection:
        rows = connection.exec_driver_sql("SELECT event_id, payload FROM inbox ORDER BY event_id")
        return {row.event_id: row.payload for row in rows}


def test_old_events_that_are_told_go_and_all_others_stay(ledger: PostgresLedger) -> None:
    add(ledger, event("evt_old", OLD), received_at=OLD)
    add(ledger, event("evt_new", NOW - 34 * DAY), received_at=NOW - 34 * DAY)
    add(ledger, event("evt_late", OLD), received_at=NOW - DAY)
    add(ledger, event("evt_rehearsed", NOW), received_at=OLD)
    add(ledger, event("evt_unfolded", OLD), received_at=OLD, folded=False)
    with ledger.begin() as tx:
        tx.inbox.keep(event("evt_waiting", OLD), wall_now=OLD)
    assert run(ledger) == Retired(payloads=1, rendered=0, people=0)
    assert set(inbox(ledger)) == {
        "evt_new",
        "evt_late",
        "evt_rehearsed",
        "evt_unfolded",
        "evt_waiting",
    }
    assert run(ledger).payloads == 0


def test_of_what_reports_rest_on_just_that_stays(ledger: PostgresLedger) -> None:
    card = {"card": {"exp_year": 2026}, "billing_details": {"name": "Blue Studio"}}
    ended = {"customer_name": "", "cancellation_details": {"reason": "payment_failed"}}
    add(
        ledger,
        event("evt_1", OLD, "payment_method.automatically_updated"),
        event("evt_2", OLD, "payment_method.updated", previous_attributes=card),
        event("evt_3", OLD, "payment_method.updated", previous_attributes={"metadata": {}}),
        event("evt_4", OLD, "customer.subscription.deleted", object=ended),
        received_at=OLD,
    )

    def changes() -> dict[str, tuple[datetime, ...]]:
        with snapshot(ledger) as connection:
            return read_network(connection, ledger.account_id, to_at=NOW).changes

    before = changes()
    assert set(before) == {"obj_evt_1", "obj_evt_2"}
    assert run(ledger).payloads == 3
    assert changes() == before
    left = inbox(ledger)
    assert "Blue Studio" not in str(left)
    assert left["evt_4"] == event("evt_4", OLD, "customer.subscription.deleted", object=ended)
    assert run(ledger).payloads == 0


def test_more_than_one_batch_goes_in_one_run(ledger: PostgresLedger) -> None:
    events = [event(f"evt_{number}", OLD) for number in range(BATCH + 3)]
    add(ledger, *events, received_at=OLD)
    assert run(ledger).payloads == BATCH + 3
    assert inbox(ledger) == {}


@pytest.mark.parametrize(("days", "left"), [(179, b"text"), (181, None)])
def test_the_text_of_a_letter_goes_and_that_it_was_sent_stays(
    ledger: PostgresLedger, days: int, left: bytes | None
) -> None:
    at = NOW - days * DAY
    with ledger.begin() as tx:
        number = tx.letters.queue(letter("o1", send_at=at), now=at)
        assert number is not None
        tx.letters.claim(number, now=at, wall_now=at, token="t", lease=LEASE)
        tx.letters.begin_sending(number, token="t", now=at, wall_now=at)
        tx.letters.settle(number, LetterState.SENT, token="t", now=at, rendered=b"text")
    assert run(ledger).rendered == (0 if left else 1)
    with ledger.connection() as connection:
        row = connection.exec_driver_sql("SELECT rendered, state, sent_at FROM letters").one()
    assert (row.rendered, row.state, row.sent_at) == (left, "sent", at)
    with ledger.begin() as tx:
        assert tx.letters.taken(["o1"]) == {"o1"}
