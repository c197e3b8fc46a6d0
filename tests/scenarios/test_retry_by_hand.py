"""A person asks for a charge: made at once where every rule allows it, else refused with why."""

from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from tests.scenarios.servers import MakeWorld
from tests.scenarios.stripe_side import Customer
from tests.scenarios.world import World, shipped_configuration
from worker.cli.act_retry import ask
from worker.cli.data_dir import View
from worker.cli.look_story import tell
from worker.cli.look_story_text import detail_words
from worker.domain.case import CaseState, Outcome, RecoveredBy
from worker.domain.policy import Configuration, Mode
from worker.errors import UsageError
from worker.office.ways import office_of
from worker.services.operate import stop
from worker.store.ledger import PostgresLedger
from worker.store.reading import snapshot
from worker.store.reading_case import read_case

NO_FUNDS = "insufficient_funds"
FOUR_DAYS = {"decline_code": NO_FUNDS, "network_advice_code": "27"}


def view_of(world: World) -> View:
    """Return what a command at this world's ledger reads, with all processes alive."""
    ledger = world.app.ledger
    assert isinstance(ledger, PostgresLedger)
    with ledger.begin() as tx:
        for name in ("worker-1", "scheduler-1"):
            tx.jobs.beat(name, wall_now=world.now, config_digest="d")
    return View(ledger, office_of(world.app.configuration), world.now, world.now, None, runs=True)


def ask_for(world: World, customer: Customer, reason: str = "the bank says it is cured") -> None:
    """Let Jo type `dunning retry` with the customer's id."""
    assert ask(view_of(world), customer.id, by="jo", reason=reason)


def refusal(world: World, customer: Customer) -> str:
    """Return the sentence with which a charge is refused; nothing may have been recorded."""
    before = world.rows("SELECT count(*) AS n FROM operator_acts")
    with pytest.raises(UsageError) as refused:
        ask_for(world, customer)
    assert world.rows("SELECT count(*) AS n FROM operator_acts") == before
    return str(refused.value)


def story_of(world: World, customer: Customer) -> list[tuple[str, str]]:
    """Return the case's story as (what, detail)."""
    view = view_of(world)
    with snapshot(view.ledger) as connection:
        record = read_case(
            connection,
            view.ledger.account_id,
            world.case_of(customer).id,
            now=world.now,
            wall_now=world.now,
        )
    story = tell(record, view.office, world.now)
    return [(item.what, detail_words(item, story, view.words)) for item in story.items]


def office_time(world: World, at: datetime) -> str:
    """Return an instant as the office reads it."""
    return view_of(world).words.moment(at)


def with_visa_limit(visa_in_30_days: int) -> Configuration:
    """Return the shipped configuration with a stricter limit."""
    shipped = shipped_configuration()
    networks = replace(shipped.dunning.limits.networks, visa_in_30_days=visa_in_30_days)
    rules = replace(shipped.dunning, limits=replace(shipped.dunning.limits, networks=networks))
    return replace(shipped, dunning=rules)


def test_it_is_charged_at_once_and_the_story_says_who_asked(
    world: World, capsys: pytest.CaptureFixture[str]
) -> None:
    """Try 3 fails on day 4; a day and a half later Jo asks, and the card pays."""
    anna = world.customer("anna", [*[NO_FUNDS] * 4, "approve"])
    world.advance(days=5, hours=12)
    ask_for(world, anna)
    name = f"C-{world.case_of(anna).id}"
    assert capsys.readouterr().out.splitlines() == [
        f"{name} will be charged within seconds: €49.00 to Visa ..0010.",
        "Later steps stay where they are: dunning extend moves them.",
        f"What comes of it: dunning case {name}",
    ]
    (planned,) = [f for f in world.facts("payment.retry_scheduled") if "by" in f]
    assert (planned["by"], planned["reason"]) == ("jo", "the bank says it is cured")
    assert "asked for already" in refused_twice(world, anna)
    world.run()
    case = world.case_of(anna)
    assert case.outcome is Outcome.RECOVERED
    (paid,) = world.facts("payment.recovered")
    assert paid["recovered_by"] == RecoveredBy.BY_HAND.value
    told = story_of(world, anna)
    assert ("charge asked for", "by jo: the bank says it is cured") in told
    assert ("try by hand paid", "€49.00") in told
    assert ("closed: recovered", "€49.00; paid by a try that a person asked for") in told


def refused_twice(world: World, customer: Customer) -> str:
    """Return what is said to a second wish while the first one waits."""
    assert ("charge asked for", "by jo: the bank says it is cured; waits for the worker") in (
        story_of(world, customer)
    )
    return refusal(world, customer)


def test_a_try_by_hand_uses_up_no_step(world: World) -> None:
    """It fails as well; the policy's own tries all follow."""
    bela = world.customer("bela", [NO_FUNDS])
    world.advance(days=5, hours=12)
    ask_for(world, bela)
    world.advance(days=12)
    steps = world.steps_of(world.case_of(bela))
    assert [name for name in steps if name.startswith("by hand")] != []
    assert steps["try 4"] == steps["last try"] == "done"


def test_too_soon_after_a_try_names_the_earliest_time(world: World) -> None:
    """The decline asks for a day: Jo hears when that is over."""
    carl = world.customer("carl", [NO_FUNDS])
    world.advance(hours=8)
    said = refusal(world, carl)
    failed_at = world.case_of(carl).failed_at
    wanted = office_time(world, failed_at + timedelta(days=1))
    assert said.endswith(f"by the decline {NO_FUNDS}; the earliest allowed time is {wanted}.")


def test_a_networks_wait_is_named_with_its_end(world: World) -> None:
    """Mastercard's advice 27 asks for four days."""
    dora = world.customer("dora", [FOUR_DAYS], brand="mastercard")
    world.advance(days=2)
    said = refusal(world, dora)
    wanted = office_time(world, world.case_of(dora).failed_at + timedelta(days=4))
    assert said.endswith(
        f"Mastercard advice 27: wait 4 days; the earliest allowed time is {wanted}."
    )


def test_a_full_network_window_is_named_with_its_end(make_world: MakeWorld) -> None:
    """Two tries in 30 days are all that this operator allows: the first and try 1."""
    world = make_world(configuration=with_visa_limit(2))
    emil = world.customer("emil", [NO_FUNDS])
    world.advance(days=4)
    said = refusal(world, emil)
    wanted = office_time(world, world.case_of(emil).failed_at + timedelta(days=30))
    assert said.endswith(f"Visa: 2 of 2 tries in 30 days; the earliest allowed time is {wanted}.")


@pytest.mark.parametrize(
    ("outcome", "why"),
    [
        ("lost_card", "The decline lost_card: not again until the card changes."),
        ("authentication_required", "only the customer can authenticate this payment."),
    ],
)
def test_what_only_the_customer_can_cure_is_refused(world: World, outcome: str, why: str) -> None:
    """No instant helps, so none is named."""
    fay = world.customer("fay", [outcome])
    world.advance(days=3)
    assert refusal(world, fay).endswith(f"is not charged now: {why}")


def test_what_stands_still_or_is_over_is_refused(world: World) -> None:
    """Paused, then paid: each says so, and Stripe's answers are not needed for it."""
    gil = world.customer("gil", [NO_FUNDS, "approve"])
    world.advance(hours=8)
    subscription = f"subscriptions/{gil.subscription}"
    world.stripe.staff(subscription, pause_collection={"behavior": "keep_as_draft"})
    world.advance(days=3)
    assert "collection is paused on the subscription" in refusal(world, gil)
    world.stripe.pay_by_hand(world.stripe.invoice(gil)["id"])
    world.advance(hours=1)
    assert world.case_of(gil).state is CaseState.CLOSED
    assert refusal(world, gil).endswith("the case is closed: recovered.")


def test_while_charging_is_stopped_it_is_refused(world: World) -> None:
    """The switch is off: the sentence says who did it and how to go on."""
    hana = world.customer("hana", [NO_FUNDS])
    world.advance(days=2)
    stop(ledger=world.app.ledger, clock=world.clock, now=world.now, by="kim", reason="bank down")
    said = refusal(world, hana)
    assert said.startswith("Refused: nothing is charged, switched off by kim: bank down -> ")


@pytest.mark.parametrize("mode", [Mode.WATCH, Mode.LETTERS])
def test_a_mode_that_never_charges_refuses(make_world: MakeWorld, mode: Mode) -> None:
    """Not even by hand."""
    shipped = shipped_configuration()
    quiet = replace(shipped, dunning=replace(shipped.dunning, mode=mode))
    world = make_world(configuration=quiet)
    ivo = world.customer("ivo", [NO_FUNDS])
    world.advance(days=2)
    assert refusal(world, ivo).startswith(f"Refused: nothing is charged, mode {mode.value}")


def test_the_worker_judges_it_again_and_the_story_says_why_not(world: World) -> None:
    """The wish was recorded, but then the card turned out to be lost: it is refused there."""
    jan = world.customer("jan", ["lost_card"])
    world.advance(days=2)
    case = world.case_of(jan)
    with world.app.ledger.begin() as tx:
        assert tx.acts.ask_retry(case.id, by="jo", reason="please", now=world.now) is not None
        tx.cases.wake(now=world.now, case_ids=[case.id])
    world.run()
    assert len(world.stripe.charges(jan)) == 1
    told = story_of(world, jan)
    assert ("charge asked for", "by jo: please") in told
    assert ("charge refused", "The decline lost_card: not again until the card changes") in told
