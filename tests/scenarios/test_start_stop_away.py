"""First starts, absences, stops: the past is never dunned and nothing comes in a burst (D16)."""

from dataclasses import replace
from itertools import pairwise

from tests.scenarios.servers import MakeWorld
from tests.scenarios.stripe_side import DAY, HOUR, START, Customer
from tests.scenarios.world import World, shipped_configuration
from worker.domain.case import CaseState, Outcome
from worker.services.operate import adopt, go, stop

FAILED = START + 2 * HOUR
COLLAPSED = "a later step is due as well and takes its place"


def stop_everything(world: World) -> None:
    app = world.app
    assert stop(ledger=app.ledger, clock=app.clock, now=world.now, by="ops", reason="a doubt")


def go_on(world: World) -> None:
    app = world.app
    moved = go(ledger=app.ledger, clock=app.clock, now=world.now, by="ops", reason="cleared")
    assert moved is not None


def seen(world: World, customer: Customer) -> tuple[int, int]:
    """Return how often a customer was charged by us and written to."""
    return len(world.stripe.charges(customer, by="api")), len(world.letters_to(customer))


def test_failures_before_go_live_are_only_counted_until_adopted(make_world: MakeWorld) -> None:
    """Go-live is tomorrow. Today's failure opens no case; tomorrow's does; adopting takes it."""
    shipped = shipped_configuration()
    dunning = replace(shipped.dunning, go_live=START + DAY)
    world = make_world(configuration=replace(shipped, dunning=dunning))
    anna = world.customer("anna", ["insufficient_funds", "approve"])
    bela = world.customer("bela", ["insufficient_funds", "approve"], charged_in=DAY + 2 * HOUR)
    world.advance(days=4)
    assert world.cases_of(anna) == []
    assert seen(world, anna) == (0, 0)
    assert sum(line["past"] for line in world.log("read_stripe")) == 1
    assert world.case_of(bela).outcome is Outcome.RECOVERED

    app, invoice = world.app, world.stripe.invoice(anna)["id"]
    ((taken, name),) = adopt(
        [invoice],
        ledger=app.ledger,
        stripe=app.stripe,
        clock=app.clock,
        configuration=app.configuration,
        now=world.now,
        by="ops",
        reason="our own customer",
    )
    assert (taken, name) == (invoice, f"C-{world.case_of(anna).id}")
    assert world.case_of(anna).failed_at == world.now
    world.advance(days=3)
    assert world.case_of(anna).outcome is Outcome.RECOVERED


def test_reconciling_does_not_open_what_go_live_left_alone(make_world: MakeWorld) -> None:
    """The daily comparison finds the old open invoice, and leaves it alone as well."""
    shipped = shipped_configuration()
    dunning = replace(shipped.dunning, go_live=START + DAY)
    world = make_world(configuration=replace(shipped, dunning=dunning))
    anna = world.customer("anna", ["insufficient_funds"])
    world.advance(days=3)
    world.job("reconcile")
    assert world.cases_of(anna) == []


def test_a_book_that_exists_already_is_mirrored_and_opens_no_case(make_world: MakeWorld) -> None:
    """Failures of the week before the first start are left alone; the next one is dunned."""
    world = make_world(working=False)
    anna = world.customer("anna", ["insufficient_funds"])
    bela = world.customer("bela", ["approve", "insufficient_funds", "approve"], interval="week")
    world.pass_time_to(START + 6 * DAY)
    world.start_worker()
    world.advance(days=5)
    assert world.cases_of(anna) == []
    assert seen(world, anna) == (0, 0)
    (backfill,) = world.log("backfill")
    assert (backfill["customers"], backfill["subscriptions"], backfill["invoices"]) == (2, 2, 1)
    assert world.case_of(bela).outcome is Outcome.RECOVERED
    assert world.facts("subscription.started") == []


def test_five_days_without_a_worker_end_in_one_letter_and_one_charge(world: World) -> None:
    """Away from hour 3 to day 5: two letters and three tries are overdue, one of each is done."""
    anna = world.customer("anna", ["insufficient_funds"])
    world.advance(hours=3)
    world.away(days=5)
    world.run()
    assert seen(world, anna)[0] == 1
    world.advance(hours=22)  # over Sunday, on which no letter goes out
    assert seen(world, anna) == (1, 1)
    steps = world.steps_of(world.case_of(anna))
    assert steps["second letter"] == steps["try 3"] == "done"
    assert steps["first letter"] == steps["try 1"] == steps["try 2"] == COLLAPSED
    world.advance(days=20)
    assert world.case_of(anna).outcome is Outcome.ENDED


def test_an_absence_over_the_ending_still_writes_before_it_ends(world: World) -> None:
    """Away from day 10 to day 20: the final letter goes first, the end comes 48 hours later."""
    bela = world.customer("bela", ["insufficient_funds"])
    world.advance(days=10)
    world.away(days=10)
    world.run()
    assert world.stripe.requests("DELETE") == []
    world.advance(days=7)
    final = [one for one in world.letters_to(bela) if one.notice == "payment_failed_final"]
    case = world.case_of(bela)
    assert case.outcome is Outcome.ENDED
    assert case.closed_at is not None
    assert len(final) == 1
    assert final[0].at >= START + 20 * DAY
    assert case.closed_at - final[0].at >= 2 * DAY


def test_a_stop_of_five_days_moves_everything_and_skips_nothing(make_world: MakeWorld) -> None:
    """Stopped from day 1.5 to day 6.5: every later step happens, five days later."""
    world = make_world()
    carl = world.customer("carl", ["insufficient_funds"])
    world.advance(days=1, hours=12)
    stop_everything(world)
    before = seen(world, carl)
    world.advance(days=5)
    assert seen(world, carl) == before
    assert "stopped" in world.rules_of(world.case_of(carl))
    go_on(world)
    world.advance(hours=1)
    assert seen(world, carl) == before
    world.advance(days=22)
    case = world.case_of(carl)
    assert case.outcome is Outcome.ENDED
    assert set(world.steps_of(case).values()) == {"done"}
    done = {record.step: record.at - FAILED for record in case.steps}
    assert done["try 1"] < 2 * DAY
    assert done["try 2"] >= 7 * DAY
    assert done["last try"] >= 18 * DAY
    assert case.closed_at is not None
    assert case.closed_at - FAILED >= 19 * DAY
    assert seen(world, carl) == (6, 5)
    assert len(world.facts("charging.stopped")) == len(world.facts("charging.resumed")) == 1


def test_two_stops_move_a_case_by_both(world: World) -> None:
    """Three days, then two more: the last try comes five days later than planned."""
    dora = world.customer("dora", ["insufficient_funds"])
    world.advance(days=1, hours=12)
    for days in (3, 2):
        stop_everything(world)
        world.advance(days=days)
        go_on(world)
        world.advance(days=1)
    world.advance(days=16)
    case = world.case_of(dora)
    done = {record.step: record.at - FAILED for record in case.steps}
    assert 18 * DAY <= done["last try"] < 20 * DAY


def test_news_during_a_stop_is_still_understood(world: World) -> None:
    """Stopped; the customer pays by hand meanwhile: the case closes, the thanks wait for `go`."""
    emil = world.customer("emil", ["insufficient_funds"])
    world.advance(days=1)
    stop_everything(world)
    world.advance(days=1)
    world.stripe.pay_by_hand(world.stripe.invoice(emil)["id"], world.stripe.card("approve"))
    world.advance(hours=1)
    assert world.case_of(emil).outcome is Outcome.RECOVERED
    assert world.notices_to(emil) == ["payment_failed_1"]
    go_on(world)
    world.advance(days=1)
    assert world.notices_to(emil) == ["payment_failed_1", "payment_recovered"]


def test_more_than_thirty_days_away_reads_the_whole_book_again(world: World) -> None:
    """The event list reaches back 30 days; after 40 the worker backfills by itself.

    What failed meanwhile is found by the daily comparison and counts from then on.
    """
    fay = world.customer("fay", ["insufficient_funds", "approve"])
    world.advance(days=1)
    gus = world.customer("gus", ["insufficient_funds"], charged_in=2 * DAY)
    world.away(days=40)
    world.advance(days=2)
    assert len(world.log("backfill")) == 2
    assert seen(world, fay) == (1, 2)
    assert world.cases_of(gus) == []
    world.job("reconcile")
    world.run()
    assert world.cases_of(gus)[0].state is CaseState.OPEN
    assert seen(world, gus)[0] <= 1


def test_a_lost_mastercard_window_is_not_stretched(world: World) -> None:
    """Advice 30 on day 6 says ten days: no further try fits in before the end, and none is made."""
    wait = {"decline_code": "insufficient_funds", "network_advice_code": "30"}
    poor = "insufficient_funds"
    ida = world.customer("ida", [poor, poor, poor, poor, wait, "approve"], brand="mastercard")
    world.advance(days=21)
    tries = [c["at"] for c in world.stripe.charges(ida)]
    assert len(tries) in {5, 6}
    assert all(b - a >= 20 * 3600 for a, b in pairwise(tries))
    assert len(tries) == 5 or tries[5] - tries[4] >= 10 * DAY.total_seconds()
