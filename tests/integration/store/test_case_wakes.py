"""Wake-ups, which nobody may lose, and what a stop of the whole service moves."""

from dataclasses import replace

from tests.integration.store.building import (
    DAY,
    MINUTE,
    NOW,
    at_once,
    claim,
    claimed,
    due,
    loaded,
    open_case,
)
from worker.domain.case import Case, CaseState, Outcome, Question, RecoveredBy
from worker.domain.decisions import Decision, Skip, Wait
from worker.domain.engine_person import RULE
from worker.ports import CaseChange
from worker.store.ledger import PostgresLedger

WAIT = CaseChange(next_action_at=NOW + DAY)
CLOSING = CaseChange(
    state=CaseState.CLOSED,
    outcome=Outcome.RECOVERED,
    recovered_by=RecoveredBy.CUSTOMER,
    closed_at=NOW,
)


def finish(ledger: PostgresLedger, case: Case, change: CaseChange = WAIT) -> None:
    """Give a case back with *change*."""
    with ledger.begin() as tx:
        assert tx.cases.finish(case, change, token="t1", now=NOW)


def test_a_wake_between_claim_and_finish_makes_the_case_due_at_once(
    ledger: PostgresLedger,
) -> None:
    case = claimed(ledger)
    with ledger.begin() as tx:
        assert tx.cases.wake(now=NOW, invoice_ids=["in_1"]) == 1
    finish(ledger, case)
    assert due(ledger) == [case.id]


def test_a_wake_before_the_claim_is_used_up_by_it(ledger: PostgresLedger) -> None:
    case_id = open_case(ledger)
    with ledger.begin() as tx:
        tx.cases.wake(now=NOW, invoice_ids=["in_1"])
    case = claim(ledger, case_id)
    assert case is not None
    finish(ledger, case)
    assert due(ledger) == []


def test_a_closed_case_can_be_woken(ledger: PostgresLedger) -> None:
    case = claimed(ledger)
    finish(ledger, case, CLOSING)
    assert due(ledger) == []
    with ledger.begin() as tx:
        assert tx.cases.wake(now=NOW, case_ids=[case.id]) == 1
    assert due(ledger) == [case.id]


def test_a_case_that_was_closed_long_ago_hears_of_its_invoice_and_of_disputes(
    ledger: PostgresLedger,
) -> None:
    """Else each old case would cost a read per event of its subscription, for ever."""
    case = claimed(ledger)
    finish(ledger, case, CLOSING)
    later = NOW + 31 * DAY
    with ledger.begin() as tx:
        assert tx.cases.wake(now=NOW + 29 * DAY, subscription_ids=["sub_1"]) == 1
        assert tx.cases.wake(now=later, subscription_ids=["sub_1"]) == 0
        assert tx.cases.wake(now=later, customer_ids=["cus_1"]) == 0
        assert tx.cases.wake(now=later, invoice_ids=["in_1"]) == 1
        assert tx.cases.wake(now=later, disputing_ids=["cus_1"]) == 1


def test_a_wake_never_moves_a_case_later(ledger: PostgresLedger) -> None:
    case_id = open_case(ledger, due_at=NOW - DAY)
    with ledger.begin() as tx:
        tx.cases.wake(now=NOW, case_ids=[case_id])
        assert tx.cases.oldest_due_at() == NOW - DAY


def test_every_way_of_naming_wakes_its_cases_and_no_others(ledger: PostgresLedger) -> None:
    numbers = [open_case(ledger, number, due_at=NOW + DAY) for number in range(1, 7)]
    with ledger.begin() as tx:
        woken = tx.cases.wake(
            now=NOW,
            invoice_ids=["in_1"],
            subscription_ids=["sub_2", "sub_6", ""],
            customer_ids=["cus_3", ""],
            case_ids=[numbers[3]],
            not_case=numbers[5],
        )
    assert woken == 4
    assert due(ledger) == numbers[:4]


def test_a_wake_of_nobody_wakes_nobody(ledger: PostgresLedger) -> None:
    open_case(ledger, due_at=NOW + DAY)
    with ledger.begin() as tx:
        assert tx.cases.wake(now=NOW, subscription_ids=[""]) == 0
    assert due(ledger) == []


def test_the_daily_comparison_wakes_what_is_not_closed_for_long(ledger: PostgresLedger) -> None:
    closed = claimed(ledger, 1)
    finish(ledger, closed, CLOSING)
    waiting = open_case(ledger, 2, due_at=NOW + DAY)
    with ledger.begin() as tx:
        assert tx.cases.wake_for_comparison(now=NOW) == 2
    assert due(ledger) == [closed.id, waiting]
    later = NOW + 60 * DAY
    with ledger.begin() as tx:
        assert tx.cases.wake_for_comparison(now=later) == 1


def test_wakes_of_many_cases_in_any_order_do_not_deadlock(ledger: PostgresLedger) -> None:
    numbers = [open_case(ledger, number) for number in range(1, 31)]

    def wake(thread: int) -> int:
        count = 0
        for turn in range(40):
            with ledger.begin() as tx:
                if thread == 0:
                    count += tx.cases.wake_for_comparison(now=NOW)
                elif thread == 1:
                    count += tx.cases.resume_all(now=NOW, stopped_at=NOW)
                else:
                    some = numbers[turn % 7 :: thread]
                    count += tx.cases.wake(now=NOW, case_ids=reversed(some))
        return count

    assert min(at_once(4, wake)) > 0


def test_a_charge_that_is_over_wakes_the_customers_other_unfinished_cases(
    ledger: PostgresLedger,
) -> None:
    over = claimed(ledger, 1, customer_id="cus_1")
    closed = claimed(ledger, 2, customer_id="cus_1")
    finish(ledger, closed, CLOSING)
    waiting = open_case(ledger, 3, customer_id="cus_1", due_at=NOW + DAY)
    open_case(ledger, 4, due_at=NOW + DAY)
    finish(ledger, over, replace(WAIT, charge_is_over=True))
    assert due(ledger) == [waiting]


def test_who_lost_the_lease_wakes_nobody(ledger: PostgresLedger) -> None:
    over = claimed(ledger, 1, customer_id="cus_1")
    open_case(ledger, 2, customer_id="cus_1", due_at=NOW + DAY)
    with ledger.begin() as tx:
        change = replace(WAIT, charge_is_over=True)
        assert not tx.cases.finish(over, change, token="another", now=NOW)
    assert due(ledger, now=NOW + DAY / 2) == []


def test_cases_of_one_customer_that_finish_at_once_do_not_deadlock(ledger: PostgresLedger) -> None:
    numbers = [open_case(ledger, number, customer_id="cus_1") for number in range(1, 5)]

    def charge(thread: int) -> int:
        done = 0
        for _ in range(30):
            case = claim(ledger, numbers[thread], "t1")
            if case is not None:
                finish(ledger, case, replace(WAIT, charge_is_over=True))
                done += 1
        return done

    assert min(at_once(4, charge)) > 0


def test_after_a_stop_undone_steps_move_by_its_length(ledger: PostgresLedger) -> None:
    before = open_case(ledger, 1, failed_at=NOW - 5 * DAY, due_at=NOW + 30 * DAY)
    during = open_case(ledger, 2, failed_at=NOW - DAY, due_at=NOW + 30 * DAY)
    closed = claimed(ledger, 3)
    finish(ledger, closed, CLOSING)
    with ledger.begin() as tx:
        assert tx.cases.resume_all(now=NOW, stopped_at=NOW - 2 * DAY) == 2
    assert loaded(ledger, before).shift == 2 * DAY
    assert loaded(ledger, during).shift == DAY
    assert not loaded(ledger, closed.id).shift
    assert due(ledger) == [before, during]


def test_two_stops_add_up(ledger: PostgresLedger) -> None:
    case_id = open_case(ledger, failed_at=NOW - 5 * DAY)
    for stopped_at in (NOW - DAY, NOW - MINUTE):
        with ledger.begin() as tx:
            tx.cases.resume_all(now=NOW, stopped_at=stopped_at)
    assert loaded(ledger, case_id).shift == DAY + MINUTE


def test_a_reopened_case_has_no_outcome_and_counts_anew(ledger: PostgresLedger) -> None:
    finish(ledger, claimed(ledger), CLOSING)
    with ledger.begin() as tx:
        tx.cases.wake(now=NOW, invoice_ids=["in_1"])
    case = claim(ledger, 1001)
    assert case is not None
    assert (case.state, case.outcome, case.closed_at) == (CaseState.CLOSED, Outcome.RECOVERED, NOW)
    finish(ledger, case, CaseChange(state=CaseState.OPEN, reopened=True))
    again = loaded(ledger, case.id)
    assert (again.state, again.outcome, again.closed_at) == (CaseState.OPEN, None, None)
    assert again.failed_at + again.shift == NOW


def test_a_reopened_case_may_go_on_where_it_was_closed(ledger: PostgresLedger) -> None:
    first = claimed(ledger)
    finish(ledger, first, replace(CLOSING, outcome=Outcome.CUSTOMER_CANCELLED))
    with ledger.begin() as tx:
        tx.cases.wake(now=NOW + 3 * DAY, invoice_ids=["in_1"])
    case = claim(ledger, first.id, now=NOW + 3 * DAY)
    assert case is not None
    change = CaseChange(state=CaseState.OPEN, reopened=True, goes_on=True)
    with ledger.begin() as tx:
        assert tx.cases.finish(case, change, token="t1", now=NOW + 3 * DAY)
    again = loaded(ledger, case.id)
    assert (again.state, again.outcome, again.closed_at) == (CaseState.OPEN, None, None)
    assert again.shift == 3 * DAY


def test_the_first_record_of_a_step_stays(ledger: PostgresLedger) -> None:
    case_id = open_case(ledger)
    with ledger.begin() as tx:
        tx.cases.record_step(case_id, "try 1", done=True, at=NOW, reason="declined")
        tx.cases.record_step(case_id, "try 1", done=False, at=NOW + DAY, reason="again")
        tx.cases.record_skips(
            case_id, [Skip("try 1", "collapsed"), Skip("try 2", "outage")], at=NOW + MINUTE
        )
    steps = {step.step: step for step in loaded(ledger, case_id).steps}
    assert (steps["try 1"].done, steps["try 1"].reason) == (True, "declined")
    assert (steps["try 2"].done, steps["try 2"].reason) == (False, "outage")


def test_of_eight_records_of_one_step_at_once_one_stays(ledger: PostgresLedger) -> None:
    case_id = open_case(ledger)

    def record(number: int) -> None:
        with ledger.begin() as tx:
            tx.cases.record_step(case_id, "try 1", done=True, at=NOW, reason=str(number))

    at_once(8, record)
    assert len(loaded(ledger, case_id).steps) == 1


def test_a_decision_that_says_the_same_again_is_kept_once(ledger: PostgresLedger) -> None:
    case_id = open_case(ledger)
    wait = Decision(Wait(), rule="not_yet", reason="Waits for try 1.", next_at=NOW + DAY)
    other = Decision(Wait(), rule="held", reason="A dispute is open.", next_at=None)
    with ledger.begin() as tx:
        for decision in (wait, wait, other, wait):
            tx.cases.record_decision(case_id, decision, at=NOW)
    with ledger.connection() as connection:
        rules = connection.exec_driver_sql("SELECT rule FROM decisions ORDER BY id").scalars().all()
    assert list(rules) == ["not_yet", "held", "not_yet"]


def test_another_amount_is_another_question_to_a_person(ledger: PostgresLedger) -> None:
    case_id = open_case(ledger)
    asked = Question("ending", 4900, "eur", 1)
    first = Decision(Wait(), RULE, "A person decides about ending.", inputs=asked.as_inputs())
    less = replace(asked, amount_minor=2900)
    with ledger.begin() as tx:
        for decision in (first, first, replace(first, inputs=less.as_inputs())):
            tx.cases.record_decision(case_id, decision, at=NOW)
    with ledger.begin() as tx:
        assert tx.approvals.asked(case_id) == less
    with ledger.connection() as connection:
        assert connection.exec_driver_sql("SELECT count(*) FROM decisions").scalar_one() == 2


def test_cases_of_one_subscription_that_close_at_once_do_not_deadlock(
    ledger: PostgresLedger,
) -> None:
    for number in range(1, 5):
        open_case(ledger, number, subscription_id="sub_shared")

    def close_and_reopen(thread: int) -> int:
        token, closed = f"t{thread}", 0
        for _ in range(25):
            case = claim(ledger, 1001 + thread, token)
            assert case is not None
            state = CaseState.OPEN if case.state is CaseState.CLOSED else CaseState.CLOSED
            change = CaseChange(state=state, closed_at=NOW, next_action_at=NOW)
            with ledger.begin() as tx:
                assert tx.cases.finish(case, change, token=token, now=NOW)
                if state is CaseState.CLOSED:
                    closed += tx.cases.wake(
                        now=NOW, subscription_ids=["sub_shared"], not_case=case.id
                    )
        return closed

    assert at_once(4, close_and_reopen) == [13 * 3] * 4
