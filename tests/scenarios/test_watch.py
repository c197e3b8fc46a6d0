"""`mode: watch`: each due act is told once, nothing is done, and going live afterwards is calm."""

from dataclasses import replace
from datetime import timedelta

from tests.scenarios.servers import MakeWorld
from tests.scenarios.stripe_side import Customer
from tests.scenarios.world import World, shipped_configuration
from worker.domain.case import CaseState, Outcome
from worker.domain.policy import Configuration, Mode

STEPS = (
    "first letter",
    "try 1",
    "try 2",
    "second letter",
    "try 3",
    "try 4",
    "third letter",
    "try 5",
    "final letter",
    "last try",
    "ending: cancel",
)


def watching() -> Configuration:
    """Return the shipped configuration that only watches."""
    shipped = shipped_configuration()
    return replace(shipped, dunning=replace(shipped.dunning, mode=Mode.WATCH))


def writes_while(world: World, *, days: float) -> list[str]:
    """Let time pass; return the requests of it that change something, the clock's own apart."""
    before = len(world.stripe.requests())
    world.advance(days=days)
    asked = [one for one in world.stripe.requests()[before:] if one["method"] != "GET"]
    return [one["path"] for one in asked if "test_clocks" not in one["path"]]


def untouched(world: World) -> bool:
    """Return whether the ledger has no attempt, step or letter, and the inbox nothing."""
    kept = world.rows(
        "SELECT (SELECT count(*) FROM attempts) + (SELECT count(*) FROM steps)"
        " + (SELECT count(*) FROM letters) AS rows"
    )
    return kept[0]["rows"] == 0 and world.letters() == []


def acts(world: World, customer: Customer) -> list[str]:
    """Return the steps that were told for a customer's case, in order."""
    case = world.case_of(customer)
    return [line["step"] for line in world.log("watched") if line.get("case") == f"C-{case.id}"]


def test_a_whole_life_is_watched_once_and_nothing_is_done(make_world: MakeWorld) -> None:
    world = make_world(configuration=watching())
    fay = world.customer("fay", ["insufficient_funds"])
    assert writes_while(world, days=20) == []
    case = world.case_of(fay)
    assert acts(world, fay) == list(STEPS)
    assert untouched(world)
    assert world.facts("payment.retry_scheduled") == []
    assert case.state is CaseState.OPEN
    reads = world.stripe.requests("GET", f"/v1/invoices/{case.invoice_id}")
    assert len(reads) < 80, "it does not look again and again"
    (ending,) = [line for line in world.log("watched") if line["step"] == "ending: cancel"]
    assert ending["beside"] == "1 try by Stripe, none planned, subscription past_due"
    assert ending["amount_minor"] == case.amount_minor
    kept = world.rows("SELECT step FROM watched_acts WHERE case_id = :c ORDER BY at", c=case.id)
    assert [row["step"] for row in kept] == list(STEPS)


def test_live_after_watching_does_the_last_letter_and_one_try_and_ends_later(
    make_world: MakeWorld,
) -> None:
    world = make_world(configuration=watching())
    gus = world.customer("gus", ["insufficient_funds"] * 9)
    world.advance(days=20)
    assert untouched(world)
    world.start_worker(configuration=shipped_configuration())
    live_at = world.now
    world.advance(days=1)
    assert world.notices_to(gus) == ["payment_failed_final"]
    assert len(world.stripe.charges(gus, by="api")) == 1
    assert world.stripe.requests("DELETE") == []
    world.advance(days=6)
    case = world.case_of(gus)
    assert case.outcome is Outcome.ENDED
    (letter, *_) = [one for one in world.letters_to(gus) if one.notice == "payment_failed_final"]
    assert case.closed_at is not None
    assert letter.at >= live_at
    assert case.closed_at - letter.at >= timedelta(days=2), "never without its letter"


def test_a_payment_meanwhile_closes_the_case_and_writes_no_thanks(make_world: MakeWorld) -> None:
    world = make_world(configuration=watching())
    ida = world.customer("ida", ["insufficient_funds", "approve"])
    world.advance(days=5)
    world.stripe.pay_by_hand(world.case_of(ida).invoice_id)
    world.advance(days=2)
    assert world.case_of(ida).state is CaseState.CLOSED
    assert untouched(world)
