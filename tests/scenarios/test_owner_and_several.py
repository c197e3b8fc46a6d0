"""Who retries; and customers with more than one thing open at a time."""

from dataclasses import replace

from tests.scenarios.servers import MakeWorld
from tests.scenarios.stripe_side import DAY, HOUR
from tests.scenarios.world import World, shipped_configuration
from worker.domain.case import CaseState, Outcome, RecoveredBy
from worker.domain.policy import Configuration, RetriesBy


def with_owner(owner: RetriesBy) -> Configuration:
    """Return the shipped configuration with another owner of the retries."""
    shipped = shipped_configuration()
    policies = tuple(replace(p, retries_by=owner) for p in shipped.dunning.policies)
    return replace(shipped, dunning=replace(shipped.dunning, policies=policies))


def test_stripe_retries_and_we_never_charge(world: World) -> None:
    """Stripe tries on days 3, 8 and 15 and the last one works: its money, none of our charges."""
    world.stripe.settings(retries=[3, 5, 7])
    anna = world.customer("anna", [*["insufficient_funds"] * 2, "approve"])
    world.advance(days=12)
    assert [c["by"] for c in world.stripe.charges(anna)] == ["stripe"] * 3
    case = world.case_of(anna)
    assert (case.outcome, case.owner) == (Outcome.RECOVERED, RetriesBy.STRIPE)
    (paid,) = world.facts("payment.recovered")
    assert paid["recovered_by"] == RecoveredBy.STRIPE.value


def test_stripe_stays_the_owner_when_its_tries_are_used_up(world: World) -> None:
    """Three of Stripe's tries fail until day 7; we write and end, but never charge."""
    world.stripe.settings(retries=[2, 2, 3])
    bela = world.customer("bela", ["insufficient_funds"])
    world.advance(days=30)
    assert world.stripe.charges(bela, by="api") == []
    assert len(world.stripe.charges(bela, by="stripe")) == 4
    case = world.case_of(bela)
    assert case.owner is RetriesBy.STRIPE
    assert world.steps_of(case)["last try"] == "Stripe retries this invoice itself"
    assert case.outcome is Outcome.ENDED
    assert len(world.notices_to(bela)) == 5


def test_stripe_announces_its_retry_late_and_still_owns_it(world: World) -> None:
    """`next_payment_attempt` comes ten minutes after the failure: nobody has charged by then."""
    world.stripe.settings(retries=[3, 5], announce_retry_seconds=600)
    carl = world.customer("carl", ["processing_error"])
    world.advance(days=14)
    assert world.stripe.charges(carl, by="api") == []
    assert world.case_of(carl).owner is RetriesBy.STRIPE


def test_no_ending_while_stripe_will_try_once_more(world: World) -> None:
    """Stripe's next try is on day 20: our ending of day 14 waits for it, and it pays."""
    world.stripe.settings(retries=[20])
    dora = world.customer("dora", ["insufficient_funds", "approve"])
    world.advance(days=22)
    assert world.case_of(dora).outcome is Outcome.RECOVERED
    assert world.stripe.requests("DELETE") == []


def test_stripe_cancels_after_its_last_try(world: World) -> None:
    """The account is set to cancel: the case ends with it, and we send no ending of our own."""
    world.stripe.settings(retries=[2, 3], after_last_retry="cancel")
    emil = world.customer("emil", ["insufficient_funds"])
    world.advance(days=20)
    case = world.case_of(emil)
    assert (case.state, case.outcome) == (CaseState.CLOSED, Outcome.ENDED)
    assert world.stripe.requests("DELETE") == []
    (churned,) = world.facts("subscription.churned")
    assert churned["kind"] == "involuntary"


def test_retries_by_nobody_only_writes(make_world: MakeWorld) -> None:
    """The policy leaves retries to nobody: letters and the ending, never a charge."""
    world = make_world(configuration=with_owner(RetriesBy.NOBODY))
    fay = world.customer("fay", ["insufficient_funds"])
    world.advance(days=20)
    assert world.stripe.charges(fay, by="api") == []
    assert world.case_of(fay).outcome is Outcome.ENDED


def test_a_second_invoice_during_dunning_follows_the_first(world: World) -> None:
    """Weekly plan: week 2 fails while week 1 is open. Only the older is charged and written about;
    when a new card pays it, the younger is charged as well. The third letter names both."""
    gus = world.customer("gus", ["insufficient_funds"], interval="week")
    world.advance(days=9)
    first, second = world.cases_of(gus)
    assert (first.state, second.state) == (CaseState.OPEN, CaseState.OPEN)
    assert "follows" in world.rules_of(second)
    assert {c["invoice"] for c in world.stripe.charges(gus, by="api")} == {first.invoice_id}
    assert {letter.step for letter in second.letters} == set()
    written = len(world.letters_to(gus))

    world.stripe.save_card(gus, world.stripe.card("approve"))
    world.advance(days=2)
    first, second = world.cases_of(gus)
    assert (first.outcome, second.outcome) == (Outcome.RECOVERED, Outcome.RECOVERED)
    assert world.stripe.paid_twice() == []
    new = world.letters_to(gus)[written:]
    assert [letter.notice for letter in new] == ["payment_recovered"] * 2
    assert "named this invoice" in world.steps_of(second)["first letter"]
    named = world.letters_to(gus)[written - 1].text
    assert all(case.invoice_id in named for case in (first, second)), "one letter names both"


def test_the_followers_end_with_the_leading_case(world: World) -> None:
    """Nobody pays: one cancel, one closing letter, and the younger invoice is written off too."""
    hana = world.customer("hana", ["insufficient_funds"], interval="week")
    world.advance(days=21)
    cases = world.cases_of(hana)
    assert len(cases) >= 2
    assert {case.outcome for case in cases} == {Outcome.ENDED}
    assert len(world.stripe.requests("DELETE")) == 1
    statuses = [i["status"] for i in world.stripe.invoices(hana) if i["amount_due"]]
    assert set(statuses) == {"uncollectible"}
    assert world.notices_to(hana).count("subscription_ended") == 1
    assert world.notices_to(hana).count("payment_failed_final") == 1


def test_three_subscriptions_fail_at_once(world: World) -> None:
    """One customer, three invoices: each is recovered by a charge of its own, one after another."""
    ida = world.customer("ida", [*["insufficient_funds"] * 3, "approve"])
    for amount in (1900, 2900):
        world.stripe.subscribe(ida, first_charge_at=world.now + 2 * HOUR, amount_minor=amount)
    world.advance(days=3)
    cases = world.cases_of(ida)
    assert [case.outcome for case in cases] == [Outcome.RECOVERED] * 3
    ours = world.stripe.charges(ida, by="api")
    assert len(ours) == 3
    assert {c["invoice"] for c in ours} == {case.invoice_id for case in cases}
    assert sorted(f["amount_minor"] for f in world.facts("payment.recovered")) == [1900, 2900, 4900]


def test_the_daily_limit_of_endings_holds_and_says_so(make_world: MakeWorld) -> None:
    """Five subscriptions are due to end on the same day, two a day are allowed."""
    shipped = shipped_configuration()
    limits = replace(shipped.dunning.limits, endings_per_day=2)
    world = make_world(
        configuration=replace(shipped, dunning=replace(shipped.dunning, limits=limits))
    )
    customers = [world.customer(name, ["lost_card"]) for name in "abcde"]
    world.advance(days=23)
    cases = [world.case_of(one) for one in customers]
    assert {case.outcome for case in cases} == {Outcome.ENDED}
    days = [case.closed_at.date() for case in cases if case.closed_at is not None]
    assert max(days.count(day) for day in days) == 2
    assert world.log("limit.reached")
    assert len(set(days)) >= 3
    assert max(days) - min(days) >= 2 * DAY
