"""Who works on a case: due, dispatched, leased, and whose lease it is."""

from collections import Counter
from datetime import timedelta

from tests.integration.store.building import (
    DAY,
    DISPATCH,
    LEASE,
    MINUTE,
    NOW,
    WALL,
    at_once,
    claim,
    claimed,
    due,
    invoice,
    loaded,
    open_case,
)
from worker.domain.case import CaseState, Outcome
from worker.ports import CaseChange, NewCase
from worker.store.ledger import PostgresLedger

SECOND = timedelta(seconds=1)
WAIT = CaseChange(next_action_at=NOW + DAY, next_step="try 2")


def test_an_invoice_has_one_case_ever(ledger: PostgresLedger) -> None:
    first = open_case(ledger)
    with ledger.begin() as tx:
        again = tx.cases.open(NewCase(invoice(), NOW, "other", NOW), now=NOW)
    assert again is None
    assert loaded(ledger, first).policy_digest == "digest"


def test_an_invoice_that_fails_in_eight_places_opens_one_case(ledger: PostgresLedger) -> None:
    def open_one(_: int) -> int | None:
        with ledger.begin() as tx:
            return tx.cases.open(NewCase(invoice(), NOW, "digest", NOW), now=NOW)

    numbers = at_once(8, open_one)
    assert len([number for number in numbers if number is not None]) == 1


def test_case_numbers_begin_at_1001_and_are_told_apart(ledger: PostgresLedger) -> None:
    assert [open_case(ledger, 1), open_case(ledger, 2)] == [1001, 1002]


def test_what_is_due_is_given_out_oldest_first(ledger: PostgresLedger) -> None:
    later = open_case(ledger, 1, due_at=NOW)
    oldest = open_case(ledger, 2, due_at=NOW - DAY)
    open_case(ledger, 3, due_at=NOW + MINUTE)
    assert due(ledger) == [oldest, later]


def test_a_dispatched_case_is_given_out_again_once_its_message_is_late(
    ledger: PostgresLedger,
) -> None:
    case_id = open_case(ledger)
    assert due(ledger) == [case_id]
    assert due(ledger, wall_now=WALL + DISPATCH) == []
    assert due(ledger, wall_now=WALL + DISPATCH + MINUTE) == [case_id]


def test_a_leased_case_is_not_given_out_until_its_lease_is_over(ledger: PostgresLedger) -> None:
    case_id = claimed(ledger).id
    assert due(ledger, wall_now=WALL + LEASE) == []
    assert due(ledger, wall_now=WALL + LEASE + MINUTE) == [case_id]


def test_dispatching_stops_at_the_limit(ledger: PostgresLedger) -> None:
    numbers = [open_case(ledger, number) for number in range(1, 6)]
    with ledger.begin() as tx:
        first = tx.cases.take_due(now=NOW, wall_now=WALL, limit=3, dispatch=DISPATCH)
    assert first == numbers[:3]
    assert due(ledger) == numbers[3:]


def test_four_scans_at_once_never_give_out_the_same_case(ledger: PostgresLedger) -> None:
    numbers = [open_case(ledger, number) for number in range(1, 81)]

    def scan(_: int) -> list[int]:
        found: list[int] = []
        for _round in range(20):
            with ledger.begin() as tx:
                found += tx.cases.take_due(now=NOW, wall_now=WALL, limit=7, dispatch=DISPATCH)
        return found

    given_out = Counter(case_id for found in at_once(4, scan) for case_id in found)
    assert given_out == Counter(numbers)


def test_a_claim_needs_a_due_case(ledger: PostgresLedger) -> None:
    case_id = open_case(ledger, due_at=NOW + MINUTE)
    assert claim(ledger, case_id) is None
    assert claim(ledger, case_id, now=NOW + MINUTE) is not None


def test_a_claim_of_a_case_that_is_not_there_is_refused(ledger: PostgresLedger) -> None:
    assert claim(ledger, 4711) is None


def test_a_second_claim_waits_for_the_first_lease_to_end(ledger: PostgresLedger) -> None:
    case_id = claimed(ledger).id
    assert claim(ledger, case_id, "t2", wall_now=WALL + LEASE) is None
    assert claim(ledger, case_id, "t2", wall_now=WALL + LEASE + MINUTE) is not None


def test_of_eight_claims_at_once_one_wins(ledger: PostgresLedger) -> None:
    case_id = open_case(ledger)
    found = at_once(8, lambda number: claim(ledger, case_id, f"t{number}"))
    assert len([case for case in found if case is not None]) == 1


def test_a_case_of_another_account_cannot_be_claimed(ledger: PostgresLedger) -> None:
    case_id = open_case(ledger)
    assert claim(PostgresLedger(ledger.engine, "acct_2"), case_id) is None


def test_the_fence_opens_for_the_holder_of_the_lease_only(ledger: PostgresLedger) -> None:
    case_id = claimed(ledger).id
    with ledger.begin() as tx:
        assert tx.cases.hold_lease(case_id, token="t1", wall_now=WALL) is not None
        assert tx.cases.hold_lease(case_id, token="t2", wall_now=WALL) is None
        assert tx.cases.hold_lease(case_id, token="t1", wall_now=WALL + LEASE) is None
        assert tx.cases.hold_lease(4711, token="t1", wall_now=WALL) is None


def test_the_fence_stays_shut_after_the_case_was_given_back(ledger: PostgresLedger) -> None:
    case = claimed(ledger)
    with ledger.begin() as tx:
        assert tx.cases.finish(case, WAIT, token="t1", now=NOW)
    with ledger.begin() as tx:
        assert tx.cases.hold_lease(case.id, token="t1", wall_now=WALL) is None


def test_a_lost_lease_writes_nothing(ledger: PostgresLedger) -> None:
    case = claimed(ledger)
    taken_over = claim(ledger, case.id, "t2", wall_now=WALL + LEASE + MINUTE)
    closing = CaseChange(state=CaseState.CLOSED, outcome=Outcome.VOIDED, closed_at=NOW)
    with ledger.begin() as tx:
        assert not tx.cases.finish(case, closing, token="t1", now=NOW)
    assert taken_over is not None
    assert loaded(ledger, case.id).state is CaseState.OPEN
    with ledger.begin() as tx:
        assert tx.cases.finish(taken_over, closing, token="t2", now=NOW)
    assert loaded(ledger, case.id).outcome is Outcome.VOIDED


def test_a_finished_case_waits_for_its_next_instant(ledger: PostgresLedger) -> None:
    case = claimed(ledger)
    with ledger.begin() as tx:
        assert tx.cases.finish(case, WAIT, token="t1", now=NOW)
    assert due(ledger) == []
    assert due(ledger, now=NOW + DAY) == [case.id]


def test_a_case_with_nothing_to_come_is_never_due(ledger: PostgresLedger) -> None:
    case = claimed(ledger)
    with ledger.begin() as tx:
        assert tx.cases.finish(case, CaseChange(), token="t1", now=NOW)
        assert tx.cases.oldest_due_at() is None
    assert due(ledger, now=NOW + 1000 * DAY) == []


def test_a_case_that_was_handed_back_is_due_when_asked_for(ledger: PostgresLedger) -> None:
    case = claimed(ledger)
    with ledger.begin() as tx:
        tx.cases.hand_back(case.id, token="t1", retry_at=NOW + MINUTE)
    assert due(ledger) == []
    assert due(ledger, now=NOW + MINUTE) == [case.id]


def test_only_the_holder_hands_a_case_back(ledger: PostgresLedger) -> None:
    case = claimed(ledger)
    with ledger.begin() as tx:
        tx.cases.hand_back(case.id, token="t2", retry_at=NOW + DAY)
        assert tx.cases.hold_lease(case.id, token="t1", wall_now=WALL) is not None


def test_nobody_takes_a_case_over_in_the_middle_of_a_request(ledger: PostgresLedger) -> None:
    """Reading took almost the whole lease; the request begins only now."""
    case = claimed(ledger)
    fence_at = WALL + LEASE - SECOND
    with ledger.begin() as tx:
        assert tx.cases.hold_lease(case.id, token="t1", wall_now=fence_at) is not None
    assert claim(ledger, case.id, "t2", wall_now=fence_at + 90 * SECOND) is None
    assert claim(ledger, case.id, "t2", wall_now=fence_at + 101 * SECOND) is not None


def test_counts_tell_states_and_what_is_late(ledger: PostgresLedger) -> None:
    open_case(ledger, 1, due_at=NOW - DAY)
    open_case(ledger, 2, due_at=NOW)
    case = claimed(ledger, 3)
    closing = CaseChange(state=CaseState.CLOSED, outcome=Outcome.VOIDED, closed_at=NOW)
    with ledger.begin() as tx:
        assert tx.cases.finish(case, closing, token="t1", now=NOW)
        assert tx.cases.counts(now=NOW) == {"open": 2, "closed": 1, "due": 2, "late": 1}
        assert tx.cases.oldest_due_at() == NOW - DAY
