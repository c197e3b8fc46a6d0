"""Scheduled jobs die at their boundaries, one after another; the stories come out the same."""

from tests.crash.crashing_world import REPAIR_MINUTES, CrashingWorld, endings_of
from tests.scenarios.servers import MakeWorld
from tests.scenarios.stripe_side import DAY, HOUR

BOUNDARIES_MAX = 12
"""No job has more of them in one run of these stories, backfill aside."""


def test_jobs_that_die_at_each_boundary_in_turn(make_world: MakeWorld) -> None:
    """Every run of the feed, the sweep and the calendar dies once, each time a step further on."""
    world = make_world(CrashingWorld)
    assert isinstance(world, CrashingWorld)
    world.kills_jobs, world.housekeeping_every = True, HOUR
    poor = "insufficient_funds"
    anna = world.customer("anna", [poor, poor, "approve"])
    bela = world.customer("bela", ["lost_card"])
    carl = world.customer("carl", ["approve"], interval="year", charged_in=32 * DAY)
    dora = world.customer("dora", [poor, "approve"], charged_in=30 * HOUR)
    for hour in range(30):
        world.plan.next_kill = hour % BOUNDARIES_MAX + 1
        world.advance(hours=4)
        if hour == 10:
            world.stripe.save_card(bela, world.stripe.card("approve"))
    calm_case = ("recovered", "recovered", "recovered")
    found = endings_of(world, [anna, bela, dora])
    assert tuple(str(one.case[1]) for one in found) == calm_case
    assert [one.charges for one in found] == [((4900, "eur"),)] * 3
    assert [one.unknown for one in found] == [0, 0, 0]
    assert found[0].received == ("payment_failed_1", "payment_recovered")
    assert world.notices_to(carl) == ["renewal_upcoming"]
    assert world.stripe.paid_twice() == []
    died_in = {subject.split()[0] for subject in world.plan.killed}
    assert died_in == {"read_stripe", "sweep", "renewals_cards_trials"}
    where = set(world.plan.killed.values())
    assert {"before commit", "after commit", "page of event_pages"} <= where
    for kind in ("case.opened", "payment.recovered", "case.closed"):
        assert len(world.facts(kind)) == 3
    assert len(world.facts("subscription.renewed")) == 3


def test_a_backfill_that_dies_begins_again(make_world: MakeWorld) -> None:
    """The first reading of a book of five dies at each of its boundaries before it gets through."""
    world = make_world(CrashingWorld, working=False)
    assert isinstance(world, CrashingWorld)
    for number in range(5):
        world.customer(f"p{number}", ["insufficient_funds"])
    world.pass_time_to(world.now + DAY)
    world.start_worker()
    world.kills_jobs = True
    deaths = 0
    for boundary in range(1, 40):
        world.plan.next_kill = boundary
        if not world.job_that_may_die("read_stripe"):
            break
        deaths += 1
        world.pass_wall(minutes=REPAIR_MINUTES)
    assert deaths > 10
    counts = world.rows("SELECT (SELECT count(*) FROM customers) AS c, count(*) AS i FROM invoices")
    assert counts == [{"c": 5, "i": 5}]
    assert world.rows("SELECT id FROM cases") == []
    world.kills_jobs = False
    world.advance(days=2)
    assert world.rows("SELECT id FROM cases") == []
    assert world.stripe.pay_requests() == []
