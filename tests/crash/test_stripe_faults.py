"""Stripe answers late, twice, wrongly or not at all: nobody is charged twice, nothing is lost."""

import pytest

from tests.crash.crashing_world import RECOVERING, short_configuration
from tests.scenarios.servers import MakeWorld
from tests.scenarios.stripe_side import DAY, HOUR, Customer
from tests.scenarios.world import World
from worker.domain.case import AttemptState, CaseState, Outcome

BEFORE = ("lock_timeout", "conflict", "error_500", "html_502", "rate_limit", "cut", "hang")
AFTER = ("error_500_after", "html_502_after", "cut_after", "hang_after")
TIMEOUT_SECONDS = 0.4


def troubled(make_world: MakeWorld) -> World:
    """Return a world with a short timeline, whose worker waits less than half a second."""
    configuration = short_configuration(RECOVERING, 5 * DAY)
    return make_world(configuration=configuration, read_timeout_seconds=TIMEOUT_SECONDS)


def live_on(world: World, *, days: int) -> None:
    """Let days pass; unknown outcomes are asked about every few minutes, so not at each of them."""
    world.advance(days=days, every=HOUR)


def assert_one_charge(world: World, customer: Customer) -> None:
    """Assert that the retry went through once, under one key."""
    case = world.case_of(customer)
    assert case.outcome is Outcome.RECOVERED
    ours = world.stripe.charges(customer, by="api")
    assert [c["status"] for c in ours] == ["succeeded"]
    assert world.stripe.paid_twice() == []
    read = [one for one in world.stripe.pay_requests() if one["idempotency_key"]]
    assert {one["idempotency_key"] for one in read} == {f"dun:v1:{case.invoice_id}:1"}
    assert len({str(sorted(one["params"].items())) for one in read}) == 1
    assert [a.state for a in case.attempts] == [AttemptState.SUCCEEDED]
    assert len(world.facts("payment.recovered")) == 1
    assert world.notices_to(customer) == ["payment_failed_1", "payment_recovered"]


@pytest.mark.parametrize("kind", [*BEFORE, *AFTER])
def test_a_charge_that_meets_trouble(kind: str, make_world: MakeWorld) -> None:
    """The retry of day 1 meets the same trouble twice in a row, and goes through once."""
    world = troubled(make_world)
    anna = world.customer("anna", ["insufficient_funds", "approve"])
    world.advance(hours=20)
    world.stripe.faults(
        {"kind": kind, "method": "POST", "path": "/pay", "times": 2, "seconds": 0.8}
    )
    live_on(world, days=2)
    assert_one_charge(world, anna)


@pytest.mark.parametrize("lost_first", [False, True])
@pytest.mark.parametrize("kind", AFTER)
def test_a_decline_that_meets_trouble(kind: str, lost_first: bool, make_world: MakeWorld) -> None:
    """The event tells of it at once, also where Stripe saved a 500: no more is asked, and the
    next try is a day away, with its own number."""
    world = troubled(make_world)
    cards = ["insufficient_funds", "insufficient_funds", "approve"]
    dora = world.customer("dora", cards)
    world.advance(hours=20)
    about = {"method": "POST", "path": "/pay", "times": 1, "seconds": 0.8}
    lost = [{**about, "kind": "cut"}] if lost_first else []
    world.stripe.faults(*lost, {**about, "kind": kind})
    world.advance(hours=8)
    (first,) = world.case_of(dora).attempts
    assert first.state is AttemptState.DECLINED
    assert len(world.stripe.pay_requests()) == 1 + lost_first
    assert len(world.stripe.charges(dora, by="api")) == 1
    live_on(world, days=2)
    case = world.case_of(dora)
    assert [a.state for a in case.attempts] == [AttemptState.DECLINED, AttemptState.SUCCEEDED]
    assert [a.step for a in case.attempts] == ["try 1", "try 2"]
    ours = world.stripe.charges(dora, by="api")
    assert [c["status"] for c in ours] == ["failed", "succeeded"]
    assert len(world.stripe.pay_requests()) == 2 + lost_first
    assert world.stripe.paid_twice() == []


@pytest.mark.parametrize("kind", ["error_500", "error_500_after", "cut_after"])
def test_an_ending_that_meets_trouble(kind: str, make_world: MakeWorld) -> None:
    """The cancel and the write-off get no useful answer: each happens once all the same."""
    world = troubled(make_world)
    bela = world.customer("bela", ["lost_card"])
    world.advance(days=4)
    world.stripe.faults(
        {"kind": kind, "method": "DELETE", "times": 2},
        {"kind": kind, "method": "POST", "path": "mark_uncollectible", "times": 2},
    )
    live_on(world, days=4)
    case = world.case_of(bela)
    assert case.outcome is Outcome.ENDED
    assert world.stripe.invoice(bela)["status"] == "uncollectible"
    assert world.stripe.get(f"subscriptions/{bela.subscription}")["status"] == "canceled"
    assert world.notices_to(bela)[-1] == "subscription_ended"
    cancelled = [r for r in world.stripe.requests("DELETE") if r["status"] == 200]
    assert len(cancelled) <= 1


def test_an_answer_that_never_comes_goes_to_a_person_and_comes_back(
    make_world: MakeWorld,
) -> None:
    """Each request is cut before it is carried out, for more than a day: after 23 hours it is not
    sent again, a person is asked; after 25 clean hours the case goes on under a new number."""
    world = troubled(make_world)
    carl = world.customer("carl", ["insufficient_funds", "approve"])
    world.advance(hours=20)
    world.stripe.faults({"kind": "cut", "method": "POST", "path": "/pay"})
    world.advance(hours=10, every=HOUR)
    first_sent_at = world.case_of(carl).attempts[0].first_sent_at
    world.advance_to(first_sent_at + 22 * HOUR, every=HOUR)
    assert world.case_of(carl).state is CaseState.OPEN
    world.advance_to(first_sent_at + 23 * HOUR, every=HOUR)
    sent_in_time = len(world.stripe.pay_requests())
    world.advance(hours=1, minutes=30)
    case = world.case_of(carl)
    assert case.state is CaseState.IN_REVIEW
    assert world.log("review.opened")
    assert 10 < len(world.stripe.pay_requests()) == sent_in_time
    assert len(case.attempts) == 1
    world.stripe.faults()
    world.advance(days=2, every=HOUR)
    case = world.case_of(carl)
    assert case.outcome is Outcome.RECOVERED
    assert case.attempts[0].state is AttemptState.ABANDONED
    assert [c["status"] for c in world.stripe.charges(carl, by="api")] == ["succeeded"]


def test_a_storm_over_many_customers(make_world: MakeWorld) -> None:
    """A third of all writes go wrong, in five ways, for four days; then the sky is clear."""
    world = troubled(make_world)
    cards = ["insufficient_funds", "insufficient_funds", "approve"]
    people = [world.customer(f"p{number}", cards) for number in range(10)]
    lost = [world.customer(f"q{number}", ["lost_card"]) for number in range(3)]
    storm = [
        {"kind": kind, "method": method, "path": "/v1/", "share": 0.07, "seed": f"{kind}{method}"}
        for kind in ("error_500", "error_500_after", "cut", "cut_after", "lock_timeout")
        for method in ("POST", "DELETE")
    ]
    world.run()
    for _ in range(4):
        # The clock is moved by the API as well, and the storm is not about that.
        world.stripe.faults()
        world.advance(hours=18, every=HOUR)
        world.stripe.faults(*[{**rule, "path": "/v1/invoices"} for rule in storm])
        world.run()
    world.stripe.faults()
    live_on(world, days=5)
    assert world.stripe.paid_twice() == []
    assert {world.case_of(one).outcome for one in people} == {Outcome.RECOVERED}
    assert {world.case_of(one).outcome for one in lost} == {Outcome.ENDED}
    for one in (*people, *lost):
        notices = world.notices_to(one)
        assert len(notices) == len(set(notices))
