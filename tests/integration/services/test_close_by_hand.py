"""A case that a person gives up is closed by the worker, and Stripe is left as it is."""

from dataclasses import replace
from datetime import timedelta

from tests.integration.services.bench import Bench
from tests.integration.store.building import NOW
from worker.domain.case import CaseState, Failure, Outcome
from worker.domain.engine_situation import Situation
from worker.domain.policy import DeclineClass, Mode
from worker.domain.readings import CustomerReading
from worker.services.ask_close import ask_close
from worker.services.ask_retry import ask_retry, refusal

HOURS_TO_LETTER = timedelta(hours=5)
"""The first letter is due then, and no charge is."""


def test_it_is_closed_with_who_and_why_and_nothing_is_asked_of_stripe(bench: Bench) -> None:
    case_id = bench.case()
    ask_close(case_id, ledger=bench.ledger, now=NOW, by="jo", reason="an error of ours")
    assert bench.look(case_id) == "closed_by_hand"
    case = bench.loaded(case_id)
    assert (case.state, case.outcome) == (CaseState.CLOSED, Outcome.CLOSED_BY_HAND)
    (fact,) = bench.facts("case.closed")
    assert fact["reason"] == "jo closed it: an error of ours"
    assert bench.stripe.asked == ["read in_1"]
    with bench.ledger.begin() as tx:
        assert not tx.acts.close_is_asked(case_id)


def test_a_charge_that_was_decided_before_is_not_made(bench: Bench) -> None:
    case_id, take_slot = bench.case(), bench.stripe.take_charge_slot

    def asked_meanwhile() -> bool:
        with bench.ledger.begin() as tx:
            tx.acts.ask_close(case_id, by="jo", reason="an error of ours", now=NOW)
        return take_slot()

    bench.stripe.take_charge_slot = asked_meanwhile  # type: ignore[method-assign]  # a fake
    bench.look(case_id)
    assert bench.loaded(case_id).attempts == ()
    assert bench.look(case_id) == "closed_by_hand"


def test_a_letter_that_is_being_written_does_not_go_out_any_more(bench: Bench) -> None:
    case_id = bench.case(failed_ago=HOURS_TO_LETTER)
    bench.looks(case_id, "letter_due")
    (letter_id,) = bench.due()[1]

    def asked_meanwhile() -> None:
        ask_close(case_id, ledger=bench.ledger, now=bench.clock.now, by="jo", reason="ours")

    bench.letters.meanwhile = asked_meanwhile
    assert bench.deliver(letter_id) == "postponed"
    assert bench.letters.sent == []
    assert bench.look(case_id) == "closed_by_hand"
    bench.clock.now += timedelta(days=1)
    assert bench.deliver(letter_id) == ""
    assert bench.letters.sent == [], "it was dropped with the case"


def test_a_letter_that_was_decided_before_is_not_queued(bench: Bench) -> None:
    case_id, zone_of = bench.case(failed_ago=HOURS_TO_LETTER), bench.letters.zone_of

    def asked_meanwhile(_customer: CustomerReading | None) -> str:
        with bench.ledger.begin() as tx:
            tx.acts.ask_close(case_id, by="jo", reason="an error of ours", now=NOW)
        return zone_of(_customer)

    bench.letters.zone_of = asked_meanwhile  # type: ignore[method-assign]  # a fake
    assert bench.look(case_id) == "letter_due"
    assert bench.loaded(case_id).letters == ()
    assert bench.look(case_id) == "closed_by_hand"


def answers(bench: Bench, case_id: int) -> list[str]:
    """Return the answers to what people asked of a case, in order; empty while one waits."""
    query = "SELECT answer FROM operator_acts WHERE case_id = %(case)s ORDER BY id"
    with bench.ledger.connection() as connection:
        return list(connection.exec_driver_sql(query, {"case": case_id}).scalars())


def test_a_wish_for_a_charge_is_answered_where_the_case_closes_before(bench: Bench) -> None:
    """Else it waited for ever, and a case that opens anew would find it."""
    case_id = bench.case()
    with bench.ledger.begin() as tx:
        tx.acts.ask_retry(case_id, by="kim", reason="try it", now=NOW)
    ask_close(case_id, ledger=bench.ledger, now=NOW, by="jo", reason="an error of ours")
    assert bench.look(case_id) == "closed_by_hand"
    assert answers(bench, case_id) == [
        "not charged: the case is closed: closed by hand",
        "jo closed it: an error of ours",
    ]
    with bench.ledger.begin() as tx:
        assert tx.acts.ask_retry(case_id, by="kim", reason="again", now=NOW) is not None


def as_seen(bench: Bench, case_id: int) -> Situation:
    """Return the case as a person is shown it now."""
    case, read = bench.loaded(case_id), bench.stripe.invoices["in_1"]
    case = replace(case, failure=Failure(DeclineClass.FUNDS, "", "ch_1", case.failed_at, "pm_1"))
    rules = bench.ports.configuration.dunning
    with bench.ledger.begin() as tx:
        around = tx.cases.surroundings(case, read, now=NOW, wall_now=NOW)
    by = (rules.policies[0], rules.limits, rules.office_zone)
    return Situation(case, read, around, *by, NOW)


def test_no_wish_for_a_charge_is_taken_once_the_case_is_closed(bench: Bench) -> None:
    """It closed after the person was shown that it may be charged."""
    case_id = bench.case()
    shown = as_seen(bench, case_id)
    ask_close(case_id, ledger=bench.ledger, now=NOW, by="jo", reason="an error of ours")
    assert bench.look(case_id) == "closed_by_hand"
    assert refusal(shown, Mode.LIVE, by="kim", reason="try it").refused == ""
    ledger, clock = bench.ledger, bench.clock
    answer = ask_retry(shown, ledger=ledger, clock=clock, mode=Mode.LIVE, by="kim", reason="try it")
    assert answer.refused == "the case is closed: closed by hand"
    assert len(answers(bench, case_id)) == 1
