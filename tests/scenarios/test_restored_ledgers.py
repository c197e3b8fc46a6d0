"""A restored backup, or a second worker, is noticed before anybody is charged twice (D6)."""

from datetime import timedelta

import pytest

from tests.scenarios.neighbours import MeanwhileStripe, Neighbour, dump, restore
from tests.scenarios.stripe_side import HOUR, Customer
from tests.scenarios.test_start_stop_away import go_on, stop_everything
from tests.scenarios.world import World
from worker.bootstrap import App
from worker.domain.case import AttemptState, Outcome
from worker.errors import UsageError
from worker.jobs.comparison import compare_now
from worker.rehearsal.embedded.postgres import Postgres
from worker.services.rebuild_attempts import Rebuilt, rebuild_attempts

POOR = "insufficient_funds"


def rebuild(world: World) -> Rebuilt:
    """Do what `dunning reconcile --rebuild` does."""
    compare_now(world.app, world.now, relist=timedelta(days=30))
    return rebuild_attempts(
        ledger=world.app.ledger,
        reader=world.app.reader,
        clock=world.clock,
        log=world.app.log,
        configuration=world.app.configuration,
        now=world.now,
        by="ops",
        reason="restored the dump of six hours ago",
    )


def stop_cause(world: World) -> str:
    with world.app.ledger.begin() as tx:
        control = tx.control.read()
    assert control is not None
    return "" if control.charging else control.stop_cause


def three_cases(world: World) -> tuple[Customer, Customer, Customer]:
    """Return three customers 22 hours after their payments failed: first letters are sent."""
    anna = world.customer("anna", [POOR, POOR, "approve"])
    bela = world.customer("bela", [POOR, "approve"])
    cora = world.customer("cora", [POOR, POOR, POOR, "approve"])
    world.advance(hours=24)
    return anna, bela, cora


def test_a_dump_of_six_hours_ago_charges_nobody_before_it_knows_what_was_lost(
    world: World, postgres: Postgres
) -> None:
    anna, bela, cora = three_cases(world)
    backup = dump(world, postgres, "backup_of_stories")
    world.advance(hours=6)
    lost_keys = [one["idempotency_key"] for one in world.stripe.pay_requests()]
    assert len(lost_keys) == 3, "each was tried once since the dump"

    restore(world, backup)
    world.advance(hours=30)
    assert stop_cause(world) == "foreign_key"
    (told,) = world.log("foreign.key")
    assert sorted(told["keys"]) == sorted(lost_keys)
    assert len(world.stripe.pay_requests()) == 3, "nothing is charged before a person looked"

    found = rebuild(world)
    assert sorted(found.keys) == sorted(lost_keys)
    assert found.unexplained == []
    (line,) = world.log("attempts.rebuilt")
    assert (line["by"], line["count"], len(line["cases"])) == ("ops", 3, 3)
    assert rebuild(world) == Rebuilt(), "a second time finds nothing"
    assert len(world.stripe.pay_requests()) == 3, "writing again sends nothing"
    for customer, state in ((anna, "declined"), (bela, "succeeded"), (cora, "declined")):
        (attempt,) = world.case_of(customer).attempts
        assert (attempt.no, attempt.step, attempt.state) == (1, "try 1", AttemptState(state))
        (fact,) = world.facts("payment.retried", customer)
        assert (fact["attempt_no"], fact["outcome"]) == (1, state)
    assert world.case_of(anna).attempts[0].decline_class is not None

    go_on(world)
    world.advance(days=9)
    for customer, tries in ((anna, 2), (bela, 1), (cora, 3)):
        case = world.case_of(customer)
        assert case.outcome is Outcome.RECOVERED
        assert [each.no for each in case.attempts] == list(range(1, tries + 1))
        assert len(world.stripe.charges(customer, by="api")) == tries
    assert world.stripe.paid_twice() == []


def test_a_dump_that_waited_for_an_answer_learns_it(world: World, postgres: Postgres) -> None:
    """The dump was made between request and answer; the lost hours knew the answer and went on."""
    anna = world.customer("anna", [POOR, POOR, "approve"])
    world.advance(hours=24)
    world.stripe.faults({"kind": "cut", "method": "POST", "path": "/pay", "times": 1})
    backup = ""
    for _ in range(12):
        world.pass_time_to(world.now + timedelta(minutes=15))
        world.run()
        if world.case_of(anna).in_flight is not None:
            backup = dump(world, postgres, "backup_of_waiting")
            break
    assert backup, "its answer was lost"
    world.advance(hours=30)
    before = [(one.no, one.state) for one in world.case_of(anna).attempts]

    restore(world, backup)
    world.job("read_stripe")
    if stop_cause(world) == "":
        stop_everything(world)
    rebuild(world)
    assert [(one.no, one.state) for one in world.case_of(anna).attempts] == before
    go_on(world)
    world.advance(days=5)
    assert world.case_of(anna).outcome is Outcome.RECOVERED
    assert world.stripe.paid_twice() == []


def test_attempts_are_not_written_again_while_charging_goes_on(
    world: World, postgres: Postgres
) -> None:
    anna = world.customer("anna", [POOR, POOR])
    world.advance(hours=24)
    backup = dump(world, postgres, "backup_of_going")
    world.advance(hours=6)
    restore(world, backup)
    world.job("read_stripe")
    go_on(world)
    with pytest.raises(UsageError, match="dunning stop"):
        rebuild(world)
    assert world.case_of(anna).attempts == ()


def test_keys_of_no_case_of_ours_stay_unexplained(world: World) -> None:
    """Somebody else uses our kind of key for an invoice that is no case here."""
    dora = world.customer("dora", ["approve"])
    world.advance(hours=3)
    invoice = world.stripe.invoice(dora)["id"]
    world.app.stripe.hold_invoices(dora.subscription, key=f"dun:v1:{invoice}:4")
    world.job("read_stripe")
    assert stop_cause(world) == "foreign_key"
    found = rebuild(world)
    assert (found.keys, found.unexplained) == ([], [f"dun:v1:{invoice}:4"])
    assert stop_cause(world) == "foreign_key"


def test_a_second_worker_is_noticed_before_its_first_charge(
    world: World, migrated_database_url: str
) -> None:
    neighbour = Neighbour(world, migrated_database_url)
    customers = [world.customer(f"c{number}", [POOR, POOR, POOR]) for number in range(3)]
    for _ in range(30):
        world.pass_time_to(world.now + HOUR)
        world.run()
        neighbour.run()
    assert stop_cause(neighbour) == "foreign_key"
    assert neighbour.rows("SELECT no FROM attempts") == []
    assert [len(world.stripe.charges(each, by="api")) for each in customers] == [1, 1, 1]
    assert world.stripe.paid_twice() == []
    assert neighbour.broken_promises() == []
    neighbour.hang_up()


def test_two_workers_in_the_same_second_send_one_key_and_notice_it(
    world: World, migrated_database_url: str
) -> None:
    """The first one charges between the other's read and its request: Stripe answers it twice."""
    neighbour = Neighbour(world, migrated_database_url)
    anna = world.customer("anna", [POOR, "approve"])

    def watch(app: App) -> None:
        app.__dict__["stripe"] = MeanwhileStripe(app.stripe, world.ring)

    neighbour.start_worker(wrap=watch)
    for _ in range(30):
        world.pass_time_to(world.now + HOUR)
        world.job("read_stripe")
        neighbour.run()
        if world.stripe.pay_requests():
            break
    sent = [(one["idempotency_key"], one["replayed"]) for one in world.stripe.pay_requests()]
    assert sent == [(sent[0][0], False), (sent[0][0], True)]
    assert stop_cause(neighbour) == "foreign_key"
    assert world.case_of(anna).outcome is Outcome.RECOVERED
    assert len(world.stripe.charges(anna, by="api")) == 1
    assert world.stripe.paid_twice() == []
    neighbour.hang_up()
