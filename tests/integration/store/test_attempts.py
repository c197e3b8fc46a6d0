"""The intent before the call: one in flight, one number once, one key ever, exact counts."""

from collections.abc import Sequence
from dataclasses import replace

import pytest

from tests.integration.store.building import (
    MINUTE,
    NOW,
    WALL,
    at_once,
    attempt,
    claimed,
    loaded,
)
from worker.domain.case import Attempt, AttemptKind, AttemptState, Case
from worker.ports import Used
from worker.store.ledger import PostgresLedger

CHARGE = [AttemptKind.CHARGE.value]


def start(ledger: PostgresLedger, case: Case, new: Attempt) -> bool:
    """Write one intent in a transaction of its own."""
    with ledger.begin() as tx:
        return tx.attempts.start(case, new, asked_at=new.sent_at)


def settle(
    ledger: PostgresLedger, case: Case, no: int, state: AttemptState, answer_code: str = ""
) -> None:
    """Write one outcome."""
    with ledger.begin() as tx:
        tx.attempts.settle(case, no, state, now=NOW, answer_code=answer_code)


def asked(ledger: PostgresLedger, kinds: Sequence[str] = CHARGE) -> Used:
    """Return what was sent within the last hour."""
    with ledger.begin() as tx:
        return tx.attempts.asked_since(kinds, since=NOW - 60 * MINUTE)


def count(ledger: PostgresLedger, kinds: Sequence[str] = CHARGE) -> int:
    """Count what was sent within the last hour."""
    return asked(ledger, kinds).count


def test_an_attempt_comes_back_as_it_was_written(ledger: PostgresLedger) -> None:
    case = claimed(ledger)
    new = attempt(case)
    assert start(ledger, case, new)
    assert loaded(ledger, case.id).attempts == (replace(new, asked_at=new.sent_at),)


@pytest.mark.parametrize("state", [AttemptState.SENDING, AttemptState.PROCESSING])
def test_an_invoice_has_one_attempt_in_flight(ledger: PostgresLedger, state: AttemptState) -> None:
    case = claimed(ledger)
    assert start(ledger, case, attempt(case, 1, kind=AttemptKind.CANCEL))
    settle(ledger, case, 1, state)
    assert not start(ledger, case, attempt(case, 2, kind=AttemptKind.VOID))
    settle(ledger, case, 1, AttemptState.ABANDONED)
    assert start(ledger, case, attempt(case, 2, kind=AttemptKind.VOID))


def test_of_eight_intents_at_once_one_is_written(ledger: PostgresLedger) -> None:
    case = claimed(ledger)
    wrote = at_once(8, lambda number: start(ledger, case, attempt(case, number + 1)))
    assert wrote.count(True) == 1
    assert len(loaded(ledger, case.id).attempts) == 1


def test_a_customer_has_one_charge_in_flight(ledger: PostgresLedger) -> None:
    one, other = (claimed(ledger, number, customer_id="cus_shared") for number in (1, 2))
    assert start(ledger, one, attempt(one))
    assert not start(ledger, other, attempt(other))
    settle(ledger, one, 1, AttemptState.DECLINED)
    assert start(ledger, other, attempt(other))


def test_an_ending_does_not_wait_for_a_charge_of_the_same_customer(ledger: PostgresLedger) -> None:
    one, other = (claimed(ledger, number, customer_id="cus_shared") for number in (1, 2))
    assert start(ledger, one, attempt(one))
    assert start(ledger, other, attempt(other, kind=AttemptKind.CANCEL))


def test_a_number_is_used_once(ledger: PostgresLedger) -> None:
    case = claimed(ledger)
    assert start(ledger, case, attempt(case))
    settle(ledger, case, 1, AttemptState.DECLINED)
    assert not start(ledger, case, replace(attempt(case), key="dun:v1:another:1"))


def test_a_key_is_used_once_whatever_it_is_for(ledger: PostgresLedger) -> None:
    one, other = claimed(ledger, 1), claimed(ledger, 2)
    assert start(ledger, one, attempt(one))
    assert not start(ledger, other, replace(attempt(other), key=attempt(one).key))


def test_a_refused_intent_leaves_its_transaction_usable(ledger: PostgresLedger) -> None:
    case = claimed(ledger)
    assert start(ledger, case, attempt(case))
    with ledger.begin() as tx:
        assert not tx.attempts.start(case, attempt(case, 2), asked_at=NOW)
        tx.cases.record_step(case.id, "try 2", done=False, at=NOW, reason="in flight")
    assert [step.step for step in loaded(ledger, case.id).steps] == ["try 2"]


def test_sends_are_counted_and_the_first_instants_stay(ledger: PostgresLedger) -> None:
    case = claimed(ledger)
    assert start(ledger, case, attempt(case))
    with ledger.begin() as tx:
        tx.attempts.resend(case, 1, asked_at=NOW, wall_now=WALL)
    (found,) = loaded(ledger, case.id).attempts
    assert (found.sends, found.sent_at, found.first_sent_at) == (2, NOW, WALL)


def test_processing_is_not_yet_the_end(ledger: PostgresLedger) -> None:
    case = claimed(ledger)
    assert start(ledger, case, attempt(case))
    settle(ledger, case, 1, AttemptState.PROCESSING)
    assert loaded(ledger, case.id).attempts[0].settled_at is None
    settle(ledger, case, 1, AttemptState.SUCCEEDED)
    assert loaded(ledger, case.id).attempts[0].settled_at == NOW


def test_the_count_knows_kinds_times_and_what_never_happened(ledger: PostgresLedger) -> None:
    made = [claimed(ledger, number) for number in range(1, 7)]
    recent, old, refused, given_up, ending, foreign = made
    assert start(ledger, recent, attempt(recent, sent_at=NOW - 59 * MINUTE))
    assert start(ledger, old, attempt(old, sent_at=NOW - 60 * MINUTE))
    assert start(ledger, refused, attempt(refused))
    settle(ledger, refused, 1, AttemptState.ABANDONED, answer_code="parameter_invalid")
    assert start(ledger, given_up, attempt(given_up))
    settle(ledger, given_up, 1, AttemptState.ABANDONED)
    assert start(ledger, ending, attempt(ending, kind=AttemptKind.CANCEL))
    assert start(PostgresLedger(ledger.engine, "acct_2"), foreign, attempt(foreign))
    used = asked(ledger)
    amount_minor = attempt(recent).amount_minor
    assert (used.count, used.amount_minor) == (2, amount_minor), "what came to nothing cost nothing"
    assert count(ledger, [AttemptKind.CHARGE.value, AttemptKind.CANCEL.value]) == 3


def test_eight_threads_never_send_more_than_the_cap(ledger: PostgresLedger) -> None:
    """The same question and answer as `charge_invoice.start_attempt`, without a pause between."""
    limit = 20
    made = [claimed(ledger, number) for number in range(1, 41)]

    def charge(thread: int) -> int:
        sent = 0
        for case in made[thread::8]:
            with ledger.begin() as tx:
                capped = tx.attempts.asked_since(CHARGE, since=NOW - 60 * MINUTE).count >= limit
                sent += not capped and tx.attempts.start(case, attempt(case), asked_at=NOW)
        return sent

    assert sum(at_once(8, charge)) == limit
    assert count(ledger) == limit


def test_keys_of_ours_that_the_ledger_never_wrote_are_told(ledger: PostgresLedger) -> None:
    case = claimed(ledger)
    assert start(ledger, case, attempt(case))
    with ledger.begin() as tx:
        keys = [attempt(case).key, "dun:v1:in_9:2", "dun:v1:in_9:1", "dun:v1:in_9:1"]
        assert tx.attempts.unknown_keys(keys) == ["dun:v1:in_9:1", "dun:v1:in_9:2"]
        assert tx.attempts.unknown_keys([]) == []
