"""What a step's letter offers: a coupon or more days, once per customer and year."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta

import pytest

from tests.crash.crashing_world import short_configuration
from tests.scenarios.servers import MakeWorld
from tests.scenarios.stripe_side import ALL_BUT_SUBSCRIPTIONS, DAY, HOUR, Customer
from tests.scenarios.world import World
from worker.domain.case import AttemptKind, AttemptState, CaseLetter, LetterState
from worker.domain.offers import Offer
from worker.domain.policy import Configuration, Mode, Step
from worker.services.advance_case import advance_case
from worker.services.deliver_letter import deliver_letter
from worker.services.operate import go, stop

LOST = "lost_card"
FIRST = "first letter"
COUPON, WEEK = Offer(coupon="SAVE20"), Offer(extra=timedelta(days=7))


def offering(
    offer: Offer, *, mode: Mode = Mode.LIVE, letter: str = "payment_failed_1"
) -> Configuration:
    """Return a short timeline whose first letter offers something."""
    steps = (
        Step(FIRST, 4 * HOUR, letter=letter, offer=offer),
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


def at_night(world: World, name: str) -> Customer:
    """Return a customer whose first letter, with its offer, waits for the morning."""
    customer = world.customer(name, [LOST], charged_in=14 * HOUR)
    while not any(letter.state is LetterState.QUEUED for letter in letters_of(world, customer)):
        world.advance(hours=1)
    return customer


def letters_of(world: World, customer: Customer) -> list[CaseLetter]:
    """Return the letters of the customer's cases, as the ledger knows them."""
    return [letter for case in world.cases_of(customer) for letter in case.letters]


def shifts(world: World, customer: Customer) -> list[timedelta]:
    """Return by how much each of the customer's cases was moved."""
    return [case.shift for case in world.cases_of(customer)]


def test_days_are_given_with_the_letter_and_not_before(make_world: MakeWorld) -> None:
    """It waits overnight: nothing moves until it goes out, and its dates are with the days."""
    world = make_world(configuration=offering(WEEK, letter="payment_failed_3"))
    ida = at_night(world, "ida")
    assert (given(world, ida), shifts(world, ida), world.letters_to(ida)) == ([], [0 * DAY], [])
    assert world.rows("SELECT * FROM offers") == []
    world.advance(hours=14)
    assert (given(world, ida), shifts(world, ida)) == ([("extra_days", "", 7)], [7 * DAY])
    (letter,) = world.letters_to(ida)
    ends_on = world.case_of(ida).failed_at + 13 * DAY
    assert f"{ends_on:%A}, {ends_on.day} {ends_on:%B}" in letter.text


def test_a_dropped_letter_gives_no_days_and_leaves_the_years_offer(make_world: MakeWorld) -> None:
    """Jon pays before his letter goes out: his next failure still gets the offer."""
    world = make_world(configuration=offering(WEEK))
    jon = at_night(world, "jon")
    world.stripe.pay_by_hand(world.stripe.invoice(jon)["id"], world.stripe.card("approve"))
    world.advance(days=1)
    assert (given(world, jon), shifts(world, jon)) == ([], [0 * DAY])
    assert world.rows("SELECT * FROM offers") == []
    assert world.notices_to(jon) == []
    other = replace(jon, method=world.stripe.card(LOST))
    world.stripe.attach(jon, other.method)
    world.stripe.subscribe(other, first_charge_at=world.now + 2 * HOUR, own_card=True)
    world.advance(days=2)
    assert given(world, jon) == [("extra_days", "", 7)]
    assert shifts(world, jon) == [0 * DAY, 7 * DAY]


def taken(world: World, _customer: Customer) -> None:
    """Let the mail server take every letter."""
    assert world.letters() == []


def refused(world: World, customer: Customer) -> None:
    """Let the mail server refuse the customer's address for good."""
    world.inbox.refuse(customer.email)


def not_now(world: World, customer: Customer) -> None:
    """Let the mail server take nothing for the customer just now."""
    world.inbox.refuse(customer.email, 451, "mailbox full")


def answer_lost(world: World, _customer: Customer) -> None:
    """Let the mail server take the next letter and its answer be lost."""
    world.inbox.drop_connections(1, keeping=True)


@pytest.mark.parametrize(
    ("trouble", "times"), [(taken, 1), (answer_lost, 1), (refused, 0), (not_now, 0)]
)
def test_days_hold_where_the_letter_may_have_arrived(
    make_world: MakeWorld, trouble: Callable[[World, Customer], None], times: int
) -> None:
    world = make_world(configuration=offering(WEEK))
    kim = at_night(world, "kim")
    trouble(world, kim)
    world.advance(hours=14)
    assert shifts(world, kim) == [times * WEEK.days * DAY]
    assert given(world, kim) == [("extra_days", "", 7)] * times
    assert len(world.rows("SELECT * FROM offers")) == times


def test_a_letter_taken_at_the_second_try_gives_its_days_once(make_world: MakeWorld) -> None:
    world = make_world(configuration=offering(WEEK))
    max_ = at_night(world, "max")
    not_now(world, max_)
    world.advance(hours=9)
    assert shifts(world, max_) == [0 * DAY]
    world.inbox.accept(max_.email)
    world.advance(hours=3)
    assert shifts(world, max_) == [7 * DAY]
    assert (len(world.letters_to(max_)), len(given(world, max_))) == (1, 1)


class Died(Exception):
    """What ends a sender in these stories."""


class DyingMailer:
    """Takes a letter and ends before it can say so."""

    def send(self, _mail: object) -> None:
        """Die."""
        raise Died


def test_a_sender_that_dies_leaves_the_days_given_and_told_once(make_world: MakeWorld) -> None:
    """The letter may have arrived: what it says holds, and the sweep tells it."""
    world = make_world(configuration=offering(WEEK))
    nils = at_night(world, "nils")
    world.start_worker(offering(WEEK), wrap=lambda app: app.__dict__.update(mailer=DyingMailer()))
    world.pass_time_to(world.now + 14 * HOUR)
    world.job("read_stripe")
    (letter,) = letters_of(world, nils)
    with pytest.raises(Died):
        deliver_letter(letter.id, ports=world.app.case_ports, now=world.now)
    assert (shifts(world, nils), given(world, nils)) == ([7 * DAY], [])
    world.start_worker(offering(WEEK))
    world.pass_wall(minutes=5)
    world.advance(days=1)
    assert [one.state for one in letters_of(world, nils)] == [LetterState.UNKNOWN]
    assert (shifts(world, nils), given(world, nils)) == ([7 * DAY], [("extra_days", "", 7)])


def test_two_letters_at_once_give_the_days_once(make_world: MakeWorld) -> None:
    """Both letters were written with the offer; only one of them may still say so."""
    world = make_world(configuration=offering(WEEK))
    lea = world.customer("lea", [LOST], charged_in=14 * HOUR)
    world.stripe.subscribe(lea, first_charge_at=world.now + 14 * HOUR, amount_minor=900)
    while len(letters_of(world, lea)) < 2:
        world.advance(hours=1)
    world.pass_time_to(world.now + 14 * HOUR)
    world.job("read_stripe")
    ids = [letter.id for letter in letters_of(world, lea)]
    with ThreadPoolExecutor(2) as pool:
        ports, now = world.app.case_ports, world.now
        list(pool.map(lambda one: deliver_letter(one, ports=ports, now=now), ids))
    world.advance(days=1)
    assert sorted(shifts(world, lea)) == [0 * DAY, 7 * DAY]
    assert given(world, lea) == [("extra_days", "", 7)]
    assert len(world.letters_to(lea)) == 2
