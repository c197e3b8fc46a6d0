"""A case that a person gives up is closed by the worker, and Stripe is left as it is."""

from datetime import timedelta

from tests.integration.services.bench import Bench
from tests.integration.store.building import NOW
from worker.domain.case import CaseState, Outcome
from worker.domain.readings import CustomerReading
from worker.services.ask_close import ask_close

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
