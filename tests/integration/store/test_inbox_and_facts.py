"""Each of Stripe's events once, each fact of ours once."""

from datetime import UTC, datetime
from typing import Any

from tests.integration.store.building import DAY, MINUTE, NOW, WALL, at_once, attempt, claimed
from worker.domain.case import AttemptKind, AttemptState, Failure
from worker.domain.facts import Fact
from worker.domain.policy import DeclineClass
from worker.ports import CaseChange, InboxEvent
from worker.store.ledger import PostgresLedger

CREATED = int(NOW.timestamp())


def event(number: int, *, created: int = CREATED) -> dict[str, Any]:
    """Return a raw event."""
    return {
        "id": f"evt_{number}",
        "type": "invoice.payment_failed",
        "created": created,
        "api_version": "2026-01-28.endive",
        "request": {"id": "req_1", "idempotency_key": f"dun:v1:in_{number}:1"},
        "data": {"object": {"id": f"in_{number}", "object": "invoice"}},
    }


def add(ledger: PostgresLedger, *numbers: int) -> list[str]:
    """Put events into the inbox and return the ids of those that were new."""
    with ledger.begin() as tx:
        added = tx.inbox.add([event(number) for number in numbers], wall_now=WALL)
    return [found.event_id for found in added]


def unfolded(ledger: PostgresLedger, *, until: datetime = NOW, limit: int = 100) -> list[str]:
    """Return the ids of what is not in the facts yet."""
    with ledger.begin() as tx:
        return [found.event_id for found in tx.inbox.unfolded(until=until, limit=limit)]


def fact(number: int = 1, *, at: datetime = NOW) -> Fact:
    """Return a fact whose id is a function of *number*."""
    return Fact("case.opened", f"C-{number}", at, "opened", {"amount_minor": 1200})


def append(ledger: PostgresLedger, *facts: Fact) -> int:
    """Write facts in a transaction of their own."""
    with ledger.begin() as tx:
        return tx.facts.append(facts, wall_now=WALL)


def test_an_event_is_stored_once(ledger: PostgresLedger) -> None:
    assert add(ledger, 1, 2) == ["evt_1", "evt_2"]
    assert add(ledger, 1, 2, 3) == ["evt_3"]


def test_what_the_list_shows_behind_a_new_event_of_the_same_second_follows_it_again(
    ledger: PostgresLedger,
) -> None:
    assert add(ledger, 2, 4) == ["evt_2", "evt_4"]
    assert add(ledger, 1, 2, 3, 4) == ["evt_1", "evt_2", "evt_3", "evt_4"]
    assert unfolded(ledger) == ["evt_1", "evt_2", "evt_3", "evt_4"]
    assert add(ledger, 1, 2, 3, 4) == []


def keep(ledger: PostgresLedger, *numbers: int) -> list[bool]:
    """Let webhooks bring events; return which were new."""
    with ledger.begin() as tx:
        return [tx.inbox.keep(event(number), wall_now=WALL) for number in numbers]


def waiting(ledger: PostgresLedger, *, arrived_by: datetime = WALL) -> list[object]:
    """Return the ids of what webhooks brought and nobody applied."""
    with ledger.begin() as tx:
        found = tx.inbox.waiting(until=NOW, arrived_by=arrived_by, limit=9)
    return [raw["id"] for raw in found]


def test_a_kept_event_is_applied_once_in_the_order_of_the_list(ledger: PostgresLedger) -> None:
    assert keep(ledger, 3, 1, 3) == [True, True, False]
    assert waiting(ledger) == ["evt_3", "evt_1"]
    assert waiting(ledger, arrived_by=WALL - MINUTE) == []
    assert unfolded(ledger) == []  # nobody tells facts of what was not applied
    assert add(ledger, 1, 2, 3) == ["evt_1", "evt_2", "evt_3"]
    assert waiting(ledger) == []
    assert keep(ledger, 1, 2) == [False, False]
    assert add(ledger, 1, 2, 3) == []
    assert unfolded(ledger) == ["evt_1", "evt_2", "evt_3"]


def test_two_readers_at_once_apply_a_kept_event_once(ledger: PostgresLedger) -> None:
    keep(ledger, *reversed(range(50)))
    new = at_once(4, lambda _: add(ledger, *range(50)))
    assert sorted(one for ids in new for one in ids) == sorted(f"evt_{n}" for n in range(50))


def test_a_kept_event_that_cannot_be_applied_is_parked(ledger: PostgresLedger) -> None:
    keep(ledger, 1)
    with ledger.begin() as tx:
        tx.inbox.add([event(1)], wall_now=WALL)
        tx.inbox.park("evt_1", error="KeyError")
    assert waiting(ledger) == add(ledger, 1) == unfolded(ledger) == []


def test_an_event_that_a_list_shows_twice_is_stored_once(ledger: PostgresLedger) -> None:
    assert add(ledger, 1, 2, 1) == ["evt_1", "evt_2"]
    assert add(ledger) == []


def test_two_readers_at_once_store_each_event_once(ledger: PostgresLedger) -> None:
    new = at_once(4, lambda _: add(ledger, *range(200)))
    assert sorted(one for ids in new for one in ids) == sorted(f"evt_{n}" for n in range(200))


def test_events_come_back_whole_and_in_order(ledger: PostgresLedger) -> None:
    with ledger.begin() as tx:
        (found,) = tx.inbox.add([event(7)], wall_now=WALL)
    assert found == InboxEvent(
        found.seq,
        "evt_7",
        "invoice.payment_failed",
        datetime.fromtimestamp(CREATED, UTC),
        "2026-01-28.endive",
        event(7),
    )
    with ledger.begin() as tx:
        assert tx.inbox.unfolded(until=NOW, limit=1) == [found]


def test_thousands_of_events_arrive_in_one_slice(ledger: PostgresLedger) -> None:
    """PostgreSQL takes 65,535 values in one statement; an event has nine."""
    assert len(add(ledger, *range(8_000))) == 8_000


def test_an_event_with_a_nul_is_stored_without_it(ledger: PostgresLedger) -> None:
    nul, literal = event(1), event(2)
    nul["data"]["object"] |= {"name": "An\0na", "li\0nes": [{"text": "\0"}]}
    literal["data"]["object"]["name"] = "\\u0000 as text"
    with ledger.begin() as tx:
        tx.inbox.add([nul, literal], wall_now=WALL)
    with ledger.begin() as tx:
        found = tx.inbox.unfolded(until=NOW, limit=10)
    objects: list[Any] = [one.payload["data"] for one in found]
    assert objects[0]["object"]["name"] == "Anna"
    assert objects[0]["object"]["lines"] == [{"text": ""}]
    assert objects[1]["object"]["name"] == "\\u0000 as text"


def test_events_are_folded_in_order_of_time_then_arrival(ledger: PostgresLedger) -> None:
    with ledger.begin() as tx:
        late, early = event(1, created=CREATED), event(2, created=CREATED - 60)
        same, ahead = event(3, created=CREATED), event(4, created=CREATED + 1)
        tx.inbox.add([late, early, same, ahead], wall_now=WALL)
    assert unfolded(ledger) == ["evt_2", "evt_1", "evt_3"]
    assert unfolded(ledger, limit=1) == ["evt_2"]
    with ledger.begin() as tx:
        tx.inbox.mark_folded(["evt_2", "evt_3"], wall_now=WALL)
    assert unfolded(ledger) == ["evt_1"]


def test_a_parked_event_is_counted_and_folded_no_more(ledger: PostgresLedger) -> None:
    add(ledger, 1, 2)
    with ledger.begin() as tx:
        tx.inbox.park("evt_1", error="KeyError")
        assert tx.inbox.parked() == 1
    assert unfolded(ledger) == ["evt_2"]


def test_a_fact_is_written_once_and_stays_as_it_was(ledger: PostgresLedger) -> None:
    assert append(ledger, fact(1), fact(2)) == 2
    assert append(ledger, fact(1, at=NOW + DAY), fact(3)) == 1
    with ledger.connection() as connection:
        first = connection.exec_driver_sql("SELECT min(time) FROM events").scalar_one()
    assert first == NOW


def test_a_fact_told_by_eight_at_once_is_written_once(ledger: PostgresLedger) -> None:
    assert sum(at_once(8, lambda _: append(ledger, fact()))) == 1


def test_the_facts_of_one_account_do_not_hide_those_of_another(ledger: PostgresLedger) -> None:
    assert append(ledger, fact()) == 1
    assert append(PostgresLedger(ledger.engine, "acct_2"), fact()) == 1


def test_a_case_is_in_dunning_from_its_opening_to_its_end(ledger: PostgresLedger) -> None:
    case = claimed(ledger)
    with ledger.begin() as tx:
        assert tx.facts.dunned("sub_1", at=case.opened_at - MINUTE) == []
        [dunned] = tx.facts.dunned("sub_1", at=NOW + 100 * DAY)
        assert (dunned.is_open, dunned.ended_by_us) == (True, False)
        assert dunned.policy_digest == case.policy_digest
        tx.cases.finish(case, CaseChange(closed_at=NOW), token="t1", now=NOW)
        assert tx.facts.dunned("sub_1", at=NOW) == [dunned]
        assert tx.facts.dunned("sub_1", at=NOW + MINUTE) == []
        assert tx.facts.dunned("sub_2", at=NOW) == []


def test_an_ending_of_ours_is_told_with_the_class_of_its_decline(ledger: PostgresLedger) -> None:
    case = claimed(ledger)
    failure = Failure(DeclineClass.FUNDS, "insufficient_funds", "ch_1", NOW, "pm_1")
    with ledger.begin() as tx:
        tx.attempts.start(case, attempt(case, kind=AttemptKind.CANCEL), asked_at=NOW)
        [unclear] = tx.facts.dunned("sub_1", at=NOW)
        assert (unclear.ended_by_us, unclear.decline_class) == (True, DeclineClass.UNCLEAR)
        change = CaseChange(failure=failure, closed_at=NOW)
        tx.cases.finish(case, change, token="t1", now=NOW)
        [ended] = tx.facts.dunned("sub_1", at=NOW + MINUTE)
        assert (ended.is_open, ended.ended_by_us) == (False, True)
        assert ended.decline_class is DeclineClass.FUNDS
        tx.attempts.settle(case, 1, AttemptState.ABANDONED, now=NOW)
        assert tx.facts.dunned("sub_1", at=NOW + MINUTE) == []
