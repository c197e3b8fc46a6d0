"""Charges that may not start yet: letters go on, nothing goes in circles, nothing is skipped."""

from dataclasses import replace
from datetime import timedelta

from tests.scenarios.servers import MakeWorld
from tests.scenarios.stripe_side import HOUR, Customer
from tests.scenarios.world import World, shipped_configuration
from worker.domain.case import AttemptState, CaseState
from worker.domain.policy import Mode

RETURNED = {"processing_days": 1, "decline_code": "insufficient_funds"}
SLOW = {"processing_days": 8}


def with_a_debit_and_a_card(world: World) -> Customer:
    """Return a customer of two subscriptions: a bank account pays one, a poor card the other."""
    account = world.stripe.bank_account(RETURNED, SLOW)
    ida = world.customer("ida", method=account)
    card = world.stripe.card("insufficient_funds")
    world.stripe.attach(ida, card)
    on_card = replace(ida, method=card)
    world.stripe.subscribe(on_card, first_charge_at=world.now + 30 * HOUR, own_card=True)
    return ida


def test_mode_letters_writes_them_all_and_charges_nothing(make_world: MakeWorld) -> None:
    shipped = shipped_configuration()
    rules = replace(shipped.dunning, mode=Mode.LETTERS)
    world = make_world(configuration=replace(shipped, dunning=rules))
    fay = world.customer("fay", ["insufficient_funds"])
    world.advance(days=20)
    letters = ("payment_failed_1", "payment_failed_2", "payment_failed_3", "payment_failed_final")
    assert world.notices_to(fay) == list(letters)
    assert world.stripe.charges(fay, by="api") == []
    assert world.stripe.requests("DELETE") == []
    assert world.facts("payment.retry_scheduled") == []
    assert world.case_of(fay).state is CaseState.OPEN


def test_a_card_waits_for_the_same_customers_debit_and_its_letters_do_not(world: World) -> None:
    """The debit of the one invoice is under way for 8 days; the other's tries wait for it."""
    ida = with_a_debit_and_a_card(world)
    world.advance(days=9)
    by_debit, by_card = world.cases_of(ida)
    assert [a.state for a in by_debit.attempts] == [AttemptState.PROCESSING]
    assert by_card.attempts == ()
    assert world.steps_of(by_card) == dict.fromkeys(
        ("first letter", "second letter", "third letter"), "done"
    )
    reads = world.stripe.requests("GET", f"/v1/invoices/{by_card.invoice_id}")
    assert len(reads) < 60, "it does not look again and again"


def test_when_the_debit_is_over_the_card_is_tried_at_once(world: World) -> None:
    ida = with_a_debit_and_a_card(world)
    world.advance(days=9)
    while world.cases_of(ida)[0].in_flight is not None:
        world.advance(hours=3)
    over_at = world.now
    world.advance(hours=1)
    by_debit, by_card = world.cases_of(ida)
    assert by_debit.state is CaseState.CLOSED
    (first,) = by_card.attempts
    assert abs(first.sent_at - over_at) <= timedelta(hours=3)
    assert world.stripe.paid_twice() == []


def test_at_the_hourly_limit_letters_go_out_all_the_same(make_world: MakeWorld) -> None:
    """No charge may start at all: the letters come on their days, and the ending waits."""
    shipped = shipped_configuration()
    limits = replace(shipped.dunning.limits, charges_per_hour=0)
    rules = replace(shipped.dunning, limits=limits)
    world = make_world(configuration=replace(shipped, dunning=rules))
    gus = world.customer("gus", ["insufficient_funds"])
    world.advance(days=16, every=timedelta(hours=6))
    assert world.notices_to(gus)[-1] == "payment_failed_final"
    assert len(world.notices_to(gus)) == 4
    assert world.stripe.charges(gus, by="api") == []
    assert world.stripe.requests("DELETE") == []
    assert world.log("limit.reached")
