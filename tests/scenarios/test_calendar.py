"""Letters that a date asks for: renewals, trial ends, expiring cards; each once, ever."""

import re
from datetime import UTC, datetime, timedelta
from typing import Any

from tests.scenarios.stripe_side import DAY, START, Customer
from tests.scenarios.world import World
from worker.domain.case import LetterState


def subscriber(world: World, name: str, *, expires: tuple[int, int], **plan: Any) -> Customer:
    """Return a subscriber whose card expires at the end of a (year, month)."""
    card = world.stripe.card("approve", expires=expires)
    return world.customer(name, method=card, **plan)


def day_by_day(world: World, days: int) -> None:
    """Let days pass, with the calendar looked at on each of them."""
    for _ in range(days):
        world.advance(days=1)


def scan_again(world: World) -> None:
    """Run the calendar's job three more times and let out whatever it queued."""
    for _ in range(3):
        world.job("renewals_cards_trials")
    world.run()


def days_before(at: datetime, world: World, customer: Customer) -> list[int]:
    """Return how many whole days before *at* the customer's letters came."""
    return [(at - one.at).days for one in world.letters_to(customer)]


def test_a_yearly_renewal_is_announced_thirty_days_before_once(world: World) -> None:
    """The plan renews in 40 days: on the tenth day one letter, and none for the monthly plan."""
    anna = world.customer("anna", ["approve"], interval="year", charged_in=40 * DAY)
    bela = world.customer("bela", ["approve"], interval="month", charged_in=20 * DAY)
    world.advance(days=9)
    assert world.letters() == []
    day_by_day(world, 3)
    scan_again(world)
    assert world.notices_to(anna) == ["renewal_upcoming"]
    renews_at = START + 40 * DAY - timedelta(hours=1)
    assert days_before(renews_at, world, anna) == [29]
    (fact,) = world.facts("subscription.renewal_upcoming")
    assert (fact["amount_minor"], fact["currency"]) == (4900, "eur")
    assert datetime.fromisoformat(fact["renews_at"]) == renews_at
    world.advance(days=31)
    scan_again(world)
    assert world.notices_to(anna) == ["renewal_upcoming"]
    assert world.letters_to(bela) == []
    assert [f["customer_id"] for f in world.facts("subscription.renewed")].count(anna.id) == 1


def test_a_renewal_with_the_customers_discount_is_announced_without_an_amount(
    world: World,
) -> None:
    """What Stripe will take off is not told as if it were due."""
    anna = world.customer("anna", ["approve"], interval="year", charged_in=40 * DAY)
    bela = world.customer("bela", ["approve"], interval="year", charged_in=40 * DAY)
    world.stripe.staff("coupons", id="QUARTER", percent_off="25", duration="forever")
    world.stripe.act("give_coupon", customer=bela.id, coupon="QUARTER")
    world.advance(days=9)
    day_by_day(world, 3)
    (full,), (less,) = world.letters_to(anna), world.letters_to(bela)
    assert "that day 49" in full.text
    assert not re.search(r"\d\.\d\d\b|that day \d", less.text.replace("127.0.0.1", "")), less.text


def test_a_trial_ends_with_a_week_of_warning(world: World) -> None:
    """Twenty days of trial: the letter comes on day 13, and not again."""
    carl = world.customer("carl", ["approve"], trial=True, charged_in=20 * DAY)
    world.advance(days=12)
    assert world.letters() == []
    day_by_day(world, 2)
    scan_again(world)
    assert world.notices_to(carl) == ["trial_ending"]
    assert len(world.facts("subscription.trial_ending")) == 1
    world.advance(days=8)
    assert world.notices_to(carl) == ["trial_ending"]


def test_a_short_trial_is_announced_a_third_before_its_end(world: World) -> None:
    """Six days of trial, to a Saturday: on Thursday."""
    world.advance(days=5)
    dora = world.customer("dora", ["approve"], trial=True, charged_in=6 * DAY)
    world.advance(days=3, hours=20)
    assert world.letters() == []
    world.housekeeping_every = timedelta(hours=1)
    world.advance(hours=10, every=timedelta(hours=1))
    assert world.notices_to(dora) == ["trial_ending"]


def test_a_cancelled_trial_or_renewal_is_not_announced(world: World) -> None:
    """Who has cancelled already is left in peace."""
    emil = world.customer("emil", ["approve"], interval="year", charged_in=40 * DAY)
    fay = world.customer("fay", ["approve"], trial=True, charged_in=20 * DAY)
    world.advance(days=5)
    world.stripe.cancel(emil, when="period_end")
    world.stripe.cancel(fay, when="period_end")
    world.advance(days=8)
    day_by_day(world, 2)
    assert world.letters() == []


def test_a_renewal_that_is_cancelled_after_the_letter_was_queued(world: World) -> None:
    """Queued in the night, cancelled before the morning: the letter is dropped with its reason."""
    gus = world.customer(
        "gus", ["approve"], interval="year", charged_in=40 * DAY, zone="Pacific/Auckland"
    )
    world.housekeeping_every = timedelta(minutes=5)
    world.advance_to(START + 10 * DAY + timedelta(minutes=10))
    assert [r["state"] for r in world.rows("SELECT state FROM letters")] == ["queued"]
    world.stripe.cancel(gus, when="period_end")
    world.advance(days=4)  # over the weekend
    assert world.letters() == []
    (row,) = world.rows("SELECT state, reason FROM letters")
    assert row["state"] == LetterState.SUPPRESSED.value
    assert "ends anyway" in row["reason"]


def test_a_card_that_dies_before_the_next_charge_is_announced_twice(world: World) -> None:
    """Expires with January, the yearly charge is in February: letters 30 and 7 days before."""
    hana = subscriber(world, "hana", expires=(2027, 1), interval="year", charged_in=80 * DAY)
    dies_at = datetime(2027, 2, 1, tzinfo=UTC)
    world.advance_to(datetime(2027, 1, 1, 12, tzinfo=UTC))
    assert world.letters() == []
    day_by_day(world, 4)
    scan_again(world)
    assert world.notices_to(hana) == ["card_expiring"]
    world.advance_to(datetime(2027, 1, 24, 12, tzinfo=UTC))
    assert [n for n in world.notices_to(hana) if n == "card_expiring"] == ["card_expiring"]
    day_by_day(world, 3)
    scan_again(world)
    cards = [one for one in world.letters_to(hana) if one.notice == "card_expiring"]
    assert [(dies_at - one.at).days for one in cards] == [27, 6]
    assert len(world.facts("payment_method.expiring")) == 2


def test_a_card_that_pays_once_more_before_it_dies_is_left_alone(world: World) -> None:
    """Expires with January; charged on January 21: no letter before that charge. After it the next
    one is in February, so the week's letter comes."""
    ida = subscriber(world, "ida", expires=(2027, 1), charged_in=20 * DAY)
    world.advance_to(datetime(2027, 1, 1, 12, tzinfo=UTC))
    day_by_day(world, 5)
    assert world.letters() == []
    world.advance_to(datetime(2027, 1, 24, 12, tzinfo=UTC))
    day_by_day(world, 3)
    assert world.notices_to(ida) == ["card_expiring"]


def test_a_card_of_two_subscriptions_is_announced_once(world: World) -> None:
    """One card, two plans: one letter, since it is about the card."""
    jan = subscriber(world, "jan", expires=(2027, 1), interval="year", charged_in=80 * DAY)
    world.stripe.subscribe(jan, first_charge_at=START + 90 * DAY, interval="year")
    world.advance_to(datetime(2027, 1, 1, 12, tzinfo=UTC))
    day_by_day(world, 4)
    assert world.notices_to(jan).count("card_expiring") == 1


def test_a_card_that_was_replaced_in_time_is_not_announced_again(world: World) -> None:
    """After the first letter the customer saves a new card: the second letter never comes."""
    kim = subscriber(world, "kim", expires=(2027, 1), interval="year", charged_in=80 * DAY)
    world.advance_to(datetime(2027, 1, 1, 12, tzinfo=UTC))
    day_by_day(world, 4)
    world.stripe.save_card(kim, world.stripe.card("approve"))
    world.advance_to(datetime(2027, 1, 24, 12, tzinfo=UTC))
    day_by_day(world, 4)
    assert world.notices_to(kim).count("card_expiring") == 1


def test_an_absence_over_the_lead_time_writes_late_or_not_at_all(world: World) -> None:
    """Away over the thirtieth day: two days late is still written, ten days late is not."""
    lea = world.customer("lea", ["approve"], interval="year", charged_in=40 * DAY)
    mia = world.customer("mia", ["approve"], interval="year", charged_in=32 * DAY)
    world.run()
    world.away(days=12)
    world.advance(days=3)
    assert world.notices_to(lea) == ["renewal_upcoming"]
    assert world.letters_to(mia) == []
