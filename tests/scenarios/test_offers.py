"""What a step's letter offers: a coupon or more days, once per customer and year."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta

from tests.crash.crashing_world import short_configuration
from tests.scenarios.servers import MakeWorld
from tests.scenarios.stripe_side import ALL_BUT_SUBSCRIPTIONS, DAY, HOUR, Customer
from tests.scenarios.world import World
from worker.domain.case import AttemptKind, AttemptState
from worker.domain.offers import Offer
from worker.domain.policy import Configuration, Mode, Step
from worker.services.advance_case import advance_case
from worker.services.operate import go, stop

LOST = "lost_card"
FIRST = "first letter"
COUPON, WEEK = Offer(coupon="SAVE20"), Offer(extra=timedelta(days=7))


def offering(offer: Offer, *, mode: Mode = Mode.LIVE) -> Configuration:
    """Return a short timeline whose first letter offers something."""
    steps = (
        Step(FIRST, 4 * HOUR, letter="payment_failed_1", offer=offer),
        Step("final letter", 3 * DAY, letter="payment_failed_final"),
    )
    found = short_configuration(steps, 6 * DAY)
    return replace(found, dunning=replace(found.dunning, mode=mode))


def with_coupon(make_world: MakeWorld, *, mode: Mode = Mode.LIVE, made: bool = True) -> World:
    """Return a world that offers a coupon, which exists at Stripe if it was *made*."""
    world = make_world(configuration=offering(COUPON, mode=mode), read_timeout_seconds=0.4)
    if made:
        world.stripe.staff("coupons", id="SAVE20", percent_off="20", duration="forever")
        world.stripe.staff("coupons", id="LOYAL", amount_off="100", currency="eur")
    return world


def coupons_on(world: World, customer: Customer) -> list[str]:
    """Return the coupons on the customer's subscription."""
    path = f"subscriptions/{customer.subscription}"
    found = world.stripe.get(path, **{"expand[]": "discounts"})["discounts"]
    return [one["source"]["coupon"] for one in found]


def given(world: World, customer: Customer) -> list[tuple[str, str, int]]:
    """Return the offers as facts tell them."""
    facts = world.facts("offer.given", customer)
    return [(fact["kind"], fact["coupon"], fact["days"]) for fact in facts]


def test_a_coupon_comes_before_its_letter_and_keeps_other_discounts(make_world: MakeWorld) -> None:
    world = with_coupon(make_world)
    anna = world.customer("anna", [LOST, "approve"])
    path = f"subscriptions/{anna.subscription}"
    world.stripe.staff(path, discounts=[{"coupon": "LOYAL"}])
    world.stripe.staff("coupons", id="FOREVER", percent_off="10", duration="forever")
    world.stripe.staff(path, discounts=[{"coupon": "FOREVER"}])
    world.advance(days=1)
    assert coupons_on(world, anna) == ["FOREVER", "SAVE20"]
    assert given(world, anna) == [("coupon", "SAVE20", 0)]
    assert world.notices_to(anna) == ["payment_failed_1"]
    (attempt,) = world.case_of(anna).attempts
    assert (attempt.kind, attempt.state) == (AttemptKind.COUPON, AttemptState.SUCCEEDED)
    assert [line["outcome"] for line in world.log("offer")] == ["done"]


def test_more_days_move_what_is_left_but_not_the_letter(make_world: MakeWorld) -> None:
    world = make_world(configuration=offering(WEEK))
    bela = world.customer("bela", [LOST])
    world.advance(days=1)
    case = world.case_of(bela)
    assert case.shift == 7 * DAY
    assert given(world, bela) == [("extra_days", "", 7)]
    (letter,) = world.letters_to(bela)
    assert letter.at < case.failed_at + DAY
    world.advance(days=8)
    assert world.notices_to(bela) == ["payment_failed_1"]
    world.advance(days=3)
    assert world.notices_to(bela)[1:] == ["payment_failed_final"]
    assert world.case_of(bela).shift == 7 * DAY


def test_two_cases_at_once_are_offered_one(make_world: MakeWorld) -> None:
    """Both cases fall due at the same instant and are looked at by two threads."""
    world = with_coupon(make_world)
    carl = world.customer("carl", [LOST])
    world.stripe.subscribe(carl, first_charge_at=world.now + 2 * HOUR, amount_minor=900)
    world.advance(hours=5)
    world.pass_time_to(max(case.failed_at for case in world.cases_of(carl)) + 4 * HOUR)
    world.job("read_stripe")
    ids = [case.id for case in world.cases_of(carl)]
    assert len(ids) == 2
    with ThreadPoolExecutor(2) as pool:
        ports, now = world.app.case_ports, world.now
        list(pool.map(lambda one: advance_case(one, ports=ports, now=now), ids))
    world.advance(days=1)
    assert given(world, carl) == [("coupon", "SAVE20", 0)]
    assert world.notices_to(carl).count("payment_failed_1") == 2
    assert len([r for r in world.stripe.requests("POST") if "discounts" in str(r["params"])]) == 1


def test_a_lost_answer_gives_one_discount(make_world: MakeWorld) -> None:
    world = with_coupon(make_world)
    for kind in ("cut", "cut_after", "error_500", "error_500_after"):
        dora = world.customer(f"dora-{kind}", [LOST])
        world.advance(hours=4)
        path = f"/v1/subscriptions/{dora.subscription}"
        world.stripe.faults({"kind": kind, "method": "POST", "path": path, "times": 1})
        world.advance(days=1, every=timedelta(minutes=10))
        assert coupons_on(world, dora) == ["SAVE20"]
        assert given(world, dora) == [("coupon", "SAVE20", 0)]
        assert world.notices_to(dora) == ["payment_failed_1"]
        assert len(world.case_of(dora).attempts) == 1


def test_a_refused_coupon_lets_the_letter_go_without_it(make_world: MakeWorld) -> None:
    world = with_coupon(make_world, made=False)
    emil = world.customer("emil", [LOST])
    world.advance(days=1)
    assert (coupons_on(world, emil), given(world, emil)) == ([], [])
    assert world.notices_to(emil) == ["payment_failed_1"]
    assert [a.refused for a in world.case_of(emil).attempts] == [True]
    assert world.rows("SELECT * FROM offers") == []
    (line,) = world.log("offer.refused")
    assert line["level"] in {"warn", "warning"}


def test_a_key_that_may_give_no_coupon_holds_back_no_letter(make_world: MakeWorld) -> None:
    world = with_coupon(make_world)
    hugo = world.customer("hugo", [LOST])
    world.stripe.rights(*ALL_BUT_SUBSCRIPTIONS)
    world.advance(days=1)
    assert (coupons_on(world, hugo), given(world, hugo)) == ([], [])
    assert world.notices_to(hugo) == ["payment_failed_1"]
    assert world.log("stripe.rejected")


def test_a_mode_that_only_writes_gives_no_coupon_and_a_stop_gives_nothing(
    make_world: MakeWorld,
) -> None:
    world = with_coupon(make_world, mode=Mode.LETTERS)
    fred = world.customer("fred", [LOST])
    world.advance(days=1)
    assert (coupons_on(world, fred), given(world, fred)) == ([], [])
    assert world.notices_to(fred) == ["payment_failed_1"]
    world.start_worker(offering(COUPON))
    gila = world.customer("gila", [LOST])
    world.advance(hours=4)
    about = {"ledger": world.app.ledger, "clock": world.clock, "now": world.now, "by": "ida"}
    stop(**about, reason="test")  # type: ignore[arg-type]
    world.advance(days=1)
    assert (coupons_on(world, gila), world.notices_to(gila)) == ([], [])
    go(**(about | {"now": world.now}), reason="test")  # type: ignore[arg-type]
    world.advance(days=2)
    assert coupons_on(world, gila) == ["SAVE20"]
