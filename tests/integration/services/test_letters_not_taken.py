"""A letter that the mail server did not take, while its case went on to the next one."""

from datetime import timedelta
from typing import Any

import pytest

from tests.integration.services.bench import NO_MONEY, Bench
from tests.integration.store.building import DAY, MINUTE
from worker.domain.case import LetterState
from worker.domain.readings import Answer, AnswerKind
from worker.ports import SendOutcome, SendResult


def read_up_to_now(bench: Bench) -> None:
    """Let Stripe's events be read."""
    with bench.ledger.begin() as tx:
        tx.control.set_cursor("events", bench.clock.now)


def states(bench: Bench, case_id: int) -> list[LetterState]:
    """Return the states of the case's letters, oldest first."""
    return [each.state for each in sorted(bench.loaded(case_id).letters, key=lambda one: one.id)]


def overtaken(bench: Bench, outcome: SendOutcome) -> int:
    """Let the next letter be queued while the first one is at the mail server."""
    case_id, send = bench.case(failed_ago=timedelta(hours=5)), bench.letters.send
    bench.looks(case_id, "letter_due")
    (first,) = bench.due()[1]
    bench.clock.now += 3 * DAY  # the mail server was away: the next letter is due as well
    read_up_to_now(bench)

    def times_out(**_: Any) -> SendResult:
        with bench.ledger.begin() as tx:
            tx.cases.wake(now=bench.clock.now, case_ids=[case_id])
        declined = Answer(AnswerKind.DECLINED, 402, charge_id="ch_2", signals=NO_MONEY)
        bench.stripe.answers = [declined]
        bench.looks(case_id, "letter_due")
        return SendResult(outcome, "timeout")

    bench.letters.send = times_out  # type: ignore[method-assign]  # a fake
    bench.deliver(first)
    bench.letters.send = send  # type: ignore[method-assign]
    return case_id


def deliver_all(bench: Bench, case_id: int) -> None:
    """Let everything be delivered that falls due within the hour, the oldest letter first."""
    for _ in range(4):
        for letter_id in sorted(bench.due()[1]):
            bench.deliver(letter_id)
        bench.clock.now += 15 * MINUTE
        read_up_to_now(bench)


def test_it_is_dropped_where_a_later_one_is_queued(bench: Bench) -> None:
    """Two dunning letters would reach the customer within minutes, the later one first."""
    case_id = overtaken(bench, SendOutcome.NOT_SENT)
    assert states(bench, case_id) == [LetterState.QUEUED, LetterState.QUEUED]
    deliver_all(bench, case_id)
    assert states(bench, case_id) == [LetterState.SUPPRESSED, LetterState.SENT]
    assert len(bench.letters.sent) == 1
    (fact,) = bench.facts("notice.suppressed")
    assert (fact["step"], fact["reason"]) == ("first letter", "a later letter takes its place")
    # The bench opens its cases without the fact that tells of it.
    assert set(bench.broken_promises()) <= {"facts_tell_the_state"}


@pytest.mark.parametrize("later", [LetterState.SUPPRESSED, LetterState.REFUSED])
def test_it_goes_out_where_the_later_one_does_not(bench: Bench, later: LetterState) -> None:
    """Else nobody would be told anything."""
    case_id = overtaken(bench, SendOutcome.NOT_SENT)
    with bench.ledger.connection() as connection:
        connection.exec_driver_sql(
            "UPDATE letters SET state = %(state)s, next_action_at = NULL "
            "WHERE id = (SELECT max(id) FROM letters)",
            {"state": later.value},
        )
    deliver_all(bench, case_id)
    assert states(bench, case_id) == [LetterState.SENT, later]
