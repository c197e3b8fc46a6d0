"""A cancel meets a charge that is under way: it waits for the outcome, and the money is shown."""

from collections.abc import Callable
from datetime import timedelta

import pytest

from tests.scenarios.neighbours import MeanwhileStripe
from tests.scenarios.stripe_side import HOUR, Customer
from tests.scenarios.world import World
from worker.bootstrap import App
from worker.domain.case import AttemptState, CaseState, Outcome
from worker.services.ask_close import ask_close

MINUTE = timedelta(minutes=1)


def later(world: World) -> None:
    """Let a minute pass between one request and the next."""
    world.pass_time_to(world.now + MINUTE)


def charge_while(world: World, happens: Callable[[], object], customer: Customer) -> None:
    """Let something happen between the read and the request of the customer's first try."""

    def watch(app: App) -> None:
        app.__dict__["stripe"] = MeanwhileStripe(app.stripe, happens)

    world.start_worker(wrap=watch)
    for _ in range(12):
        world.pass_time_to(world.now + HOUR / 2)
        world.run()
        if world.stripe.charges(customer, by="api"):
            return
    raise AssertionError("nothing was charged")


def anna_a_day_later(world: World, card: str) -> Customer:
    anna = world.customer("anna", ["insufficient_funds", card])
    world.advance(hours=25)
    assert world.stripe.charges(anna, by="api") == []
    return anna


def test_money_that_moved_after_the_cancel_is_proposed_to_be_refunded(world: World) -> None:
    anna = anna_a_day_later(world, "approve")

    def cancels() -> None:
        world.stripe.cancel(anna, when="now")
        later(world)

    charge_while(world, cancels, anna)
    world.advance(hours=3)
    case = world.case_of(anna)
    (paid,) = world.rows("SELECT payment_intent_id FROM network_attempts WHERE status <> 'failed'")
    payment = paid["payment_intent_id"]
    assert (case.state, case.outcome, case.closed_at) == (CaseState.IN_REVIEW, None, None)
    assert case.reason == (
        "the customer had cancelled before the money moved: refund 49.00 EUR of "
        f"{payment} (https://dashboard.stripe.com/test/payments/{payment})"
    )
    (line,) = world.log("review.opened")
    assert line["reason"] == case.reason
    assert world.notices_to(anna) == ["payment_failed_1"], "nobody is thanked for it"

    app = world.app
    ask_close(case.id, ledger=app.ledger, now=world.now, by="jo", reason="refunded re_1")
    world.advance(days=2)
    world.job("reconcile")
    world.advance(days=2)
    assert world.case_of(anna).outcome is Outcome.CLOSED_BY_HAND
    assert len(world.log("review.opened")) == 1, "it is proposed once"
    assert world.stripe.paid_twice() == []


@pytest.mark.parametrize("fault", ["", "error_500_after", "cut_after"])
def test_a_wish_from_before_the_money_moved_leaves_its_refund_to_a_person(
    world: World, fault: str
) -> None:
    """Whoever gave the case up, while the charge was under way, did not know of the money."""
    anna = anna_a_day_later(world, "approve")

    def gives_up() -> None:
        number, ledger = world.case_of(anna).id, world.app.ledger
        ask_close(number, ledger=ledger, now=world.now, by="jo", reason="gives it up")

    def cancels() -> None:
        world.stripe.cancel(anna, when="now")
        gives_up()
        if fault:
            world.stripe.faults({"kind": fault, "method": "POST", "path": "/pay"})
        later(world)

    charge_while(world, cancels, anna)
    world.stripe.faults()
    world.advance(hours=30)
    case = world.case_of(anna)
    assert (case.state, case.outcome) == (CaseState.IN_REVIEW, None)
    assert "refund 49.00 EUR of pi_" in case.reason
    (line,) = world.log("review.opened")
    assert line["reason"] == case.reason
    (wish,) = world.rows("SELECT answer FROM operator_acts WHERE act = 'close'")
    assert wish["answer"] in {"paid: retry", "not closed: the payment is to be refunded"}

    gives_up()
    world.advance(days=2)
    assert world.case_of(anna).outcome is Outcome.CLOSED_BY_HAND


def test_a_declined_charge_after_the_cancel_just_ends(world: World) -> None:
    anna = anna_a_day_later(world, "insufficient_funds")

    def cancels() -> None:
        world.stripe.cancel(anna, when="now")
        later(world)

    charge_while(world, cancels, anna)
    world.advance(days=3)
    assert world.case_of(anna).outcome is Outcome.CUSTOMER_CANCELLED
    assert len(world.stripe.charges(anna, by="api")) == 1
    assert world.log("review.opened") == []


def test_a_cancel_after_the_payment_is_a_recovery(world: World) -> None:
    anna = anna_a_day_later(world, "approve")
    charge_while(world, lambda: None, anna)
    later(world)
    world.stripe.cancel(anna, when="now")
    world.advance(days=2)
    world.job("reconcile")
    world.advance(hours=1)
    assert world.case_of(anna).outcome is Outcome.RECOVERED


def test_a_cancel_waits_for_a_charge_whose_answer_was_lost(world: World) -> None:
    """The customer cancels while nobody knows whether the charge went through; it did not."""
    anna = anna_a_day_later(world, "approve")
    world.stripe.faults({"kind": "cut", "method": "POST", "path": "/pay"})

    while not world.case_of(anna).attempts:
        world.pass_time_to(world.now + HOUR / 2)
        world.run()
    world.stripe.cancel(anna, when="now")
    world.stripe.faults()
    world.advance(hours=20, every=6 * HOUR)
    (attempt,) = world.case_of(anna).attempts
    assert attempt.state is AttemptState.SENDING, "it waits, and is not asked for again"
    assert world.case_of(anna).state is CaseState.OPEN
    world.advance(hours=10, every=5 * HOUR)
    case = world.case_of(anna)
    assert case.outcome is Outcome.CUSTOMER_CANCELLED
    assert case.attempts[0].state is AttemptState.ABANDONED
    assert world.stripe.charges(anna, by="api") == []
