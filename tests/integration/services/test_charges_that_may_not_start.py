"""A charge that finds no slot, or comes second: the case decides anew and goes in no circles."""

from dataclasses import replace
from datetime import timedelta

import pytest

from tests.integration.services.bench import Bench
from tests.integration.store.building import attempt, open_case
from worker.domain.case import AttemptState
from worker.domain.readings import Answer, AnswerKind
from worker.ports import CaseChange

MINUTE = timedelta(minutes=1)


def looks_until_it_waits(bench: Bench, case_id: int) -> list[str]:
    """Return the rules of a case's looks until it is due no more."""
    rules = []
    while case_id in bench.due()[0]:
        rules.append(bench.look(case_id))
        assert len(rules) < 5, rules
    return rules


def test_without_a_slot_the_letter_goes_out_and_the_charge_waits_a_minute(bench: Bench) -> None:
    case_id = bench.case()
    bench.stripe.has_slots = False
    assert looks_until_it_waits(bench, case_id) == ["letter_due", "not_yet"]
    assert bench.said("rate.limited")
    assert bench.stripe.asked.count("pay in_1") == 0
    bench.stripe.has_slots = True
    bench.stripe.answers = [Answer(AnswerKind.UNKNOWN)]
    bench.clock.now += MINUTE
    assert bench.due()[0] == [case_id]
    bench.look(case_id)
    assert bench.stripe.asked.count("pay in_1") == 1


def test_of_two_charges_of_one_customer_the_second_waits_until_the_first_is_over(
    bench: Bench,
) -> None:
    """The other one's intent is written after this one was decided: only the index knows."""
    case_id = bench.case()
    bench.failed_invoice(2, customer=bench.stripe.invoices["in_1"].customer)
    other_id = open_case(bench.ledger, 2, customer_id="cus_1", due_at=bench.clock.now + MINUTE)

    def other_begins() -> None:
        with bench.ledger.begin() as tx:
            other = tx.cases.load(other_id)
            assert other is not None
            begun = replace(attempt(other, sent_at=bench.clock.now), key="dun:v1:in_2:1")
            assert tx.attempts.start(other, begun, asked_at=begun.sent_at)

    bench.stripe.before_charge = other_begins
    assert looks_until_it_waits(bench, case_id) == ["letter_due", "not_yet"]
    assert bench.stripe.asked.count("pay in_1") == 0
    assert bench.loaded(case_id).attempts == ()

    over_at = bench.clock.now = bench.clock.now + timedelta(hours=6)
    assert case_id not in bench.due()[0]
    with bench.ledger.begin() as tx:
        other = tx.cases.claim(other_id, now=over_at, wall_now=over_at, token="t", lease=MINUTE)
        assert other is not None
        tx.attempts.settle(other, 1, AttemptState.DECLINED, now=over_at)
        change = CaseChange(next_action_at=over_at + timedelta(days=1), charge_is_over=True)
        assert tx.cases.finish(other, change, token="t", now=over_at)
    assert bench.due()[0] == [case_id], "it is woken at once"


@pytest.mark.parametrize(("seconds", "charges"), [(60, 1), (61, 0)])
def test_no_charge_begins_long_after_its_invoice_was_read(
    seconds: int, charges: int, bench: Bench
) -> None:
    """The customer may have cancelled meanwhile; the next look reads it again."""

    def time_passes() -> None:
        bench.clock.now += timedelta(seconds=seconds)

    case_id = bench.case()
    bench.stripe.answers = [Answer(AnswerKind.UNKNOWN)]
    bench.stripe.before_charge = time_passes
    bench.look(case_id)
    assert bench.stripe.asked.count("pay in_1") == charges
    bench.look(case_id)
    assert bench.stripe.asked.count("pay in_1") == 1


def test_nothing_is_asked_again_long_after_its_invoice_was_read(bench: Bench) -> None:
    def time_passes() -> None:
        bench.clock.now += timedelta(seconds=61)

    case_id = bench.case()
    bench.stripe.answers = [Answer(AnswerKind.UNKNOWN), Answer(AnswerKind.UNKNOWN)]
    bench.looks(case_id, until="charge_due")
    bench.clock.now += timedelta(minutes=2)
    bench.stripe.before_charge = time_passes
    bench.look(case_id)
    assert bench.stripe.asked.count("pay in_1") == 1
    bench.look(case_id)
    assert bench.stripe.asked.count("pay in_1") == 2
