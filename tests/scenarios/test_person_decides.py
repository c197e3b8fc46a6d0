"""A policy leaves charges or the ending to a person: it waits, reminds, does one act per yes."""

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta

import pytest

from tests.crash.crashing_world import short_configuration
from tests.scenarios.servers import MakeWorld
from tests.scenarios.stripe_side import Customer
from tests.scenarios.test_policies import with_policies
from tests.scenarios.test_retry_by_hand import story_of, view_of
from tests.scenarios.world import World, shipped_configuration
from worker.cli.act_approve import approve
from worker.cli.look_status import read_standing, status_lines
from worker.domain.case import AttemptKind, CaseState, Outcome
from worker.domain.offers import Offer
from worker.domain.policy import Configuration, Mode, PersonDecides, Step
from worker.errors import UsageError
from worker.services.summarise import summarise

NO_FUNDS = "insufficient_funds"


def asking(*about: PersonDecides) -> Configuration:
    """Return the shipped configuration whose policy leaves that to a person."""
    shipped = shipped_configuration().dunning.policies[0]
    return with_policies(replace(shipped, person_decides=about))


def say_yes(world: World, customer: Customer) -> bool:
    """Let Jo type `dunning approve` with the customer's id."""
    return approve(view_of(world), customer.id, by="jo", reason="we talked")


def ours(world: World, customer: Customer) -> list[dict[str, object]]:
    """Return the charges that this worker made."""
    return world.stripe.charges(customer, by="api")


def test_charges_wait_for_ever_and_each_yes_makes_one(
    make_world: MakeWorld, capsys: pytest.CaptureFixture[str]
) -> None:
    world = make_world(configuration=asking(PersonDecides.CHARGES))
    anna = world.customer("anna", [NO_FUNDS] * 3 + ["approve"], interval="year")
    world.advance(days=5)
    assert ours(world, anna) == []
    assert len(world.letters_to(anna)) == 2  # letters go on
    case, name = world.case_of(anna), f"C-{world.case_of(anna).id}"
    assert case.state is CaseState.OPEN
    waiting = [
        line
        for line in status_lines(read_standing(view_of(world)), view_of(world))
        if line.startswith("WAITS")
    ]
    (line,) = waiting
    assert line.startswith(f"WAITS     for you: {name} €49.00 try ")
    assert f"-> dunning approve {name}" in line
    assert "dunning approve" in str(world.log("person.decides")[0]["do"])
    capsys.readouterr()
    assert say_yes(world, anna)
    assert "of €49.00 is approved." in capsys.readouterr().out
    with pytest.raises(UsageError, match="approved already"):
        say_yes(world, anna)
    world.run()
    assert len(ours(world, anna)) == 1
    world.advance(days=2)
    assert len(ours(world, anna)) == 1  # one yes, one charge
    assert len(world.facts("case.person_decides", anna)) >= 2
    told = story_of(world, anna)
    assert any(what == "approved" and said.endswith("by jo: we talked") for what, said in told)
    world.advance(days=30)
    assert (world.case_of(anna).state, len(ours(world, anna))) == (CaseState.OPEN, 1)


def test_it_is_said_once_a_day_and_case(make_world: MakeWorld) -> None:
    world = make_world(configuration=asking(PersonDecides.CHARGES))
    bela = world.customer("bela", [NO_FUNDS])
    world.advance(days=2)
    before = len(world.log("person.decides"))
    assert before >= 1
    for _ in range(3):
        world.pass_time_to(world.now + timedelta(days=1))
        for _ in range(2):
            summarise(ports=world.app.case_ports, now=world.now)
    assert len(world.log("person.decides")) == before + 3
    assert ours(world, bela) == []


def test_a_yes_is_over_once_the_amount_has_changed(make_world: MakeWorld) -> None:
    world = make_world(configuration=asking(PersonDecides.CHARGES))
    cleo = world.customer("cleo", [NO_FUNDS])
    world.advance(days=2)
    say_yes(world, cleo)
    invoice = world.stripe.invoice(cleo)["id"]
    world.stripe.staff("credit_notes", invoice=invoice, amount=900)
    world.run()
    assert ours(world, cleo) == []
    (over,) = world.facts("case.approval_over", cleo)
    assert "the amount has changed" in over["reason"]
    assert [f["amount_minor"] for f in world.facts("case.person_decides", cleo)] == [4900, 4000]
    say_yes(world, cleo)
    world.run()
    assert len(ours(world, cleo)) == 1


def test_who_pays_first_makes_the_yes_void(make_world: MakeWorld) -> None:
    world = make_world(configuration=asking(PersonDecides.CHARGES))
    dora = world.customer("dora", [NO_FUNDS])
    world.advance(days=2)
    say_yes(world, dora)
    world.stripe.pay_by_hand(world.stripe.invoice(dora)["id"], world.stripe.card("approve"))
    world.run()
    assert world.case_of(dora).outcome is Outcome.RECOVERED
    assert ours(world, dora) == []
    assert world.stripe.paid_twice() == []
    with pytest.raises(UsageError, match=r"nothing of .* waits for you"):
        say_yes(world, dora)


def nothing(world: World) -> None:
    """Let all go well."""
    assert world.stripe.requests() != []


def lose_the_answer(world: World) -> None:
    """Let Stripe carry the next cancel out, and lose its answer."""
    world.stripe.faults({"kind": "cut_after", "method": "DELETE", "times": 1})


@pytest.mark.parametrize("trouble", [nothing, lose_the_answer])
def test_the_ending_waits_and_one_yes_does_all_of_it(
    make_world: MakeWorld, trouble: Callable[[World], None]
) -> None:
    world = make_world(configuration=asking(PersonDecides.ENDING))
    emil = world.customer("emil", [NO_FUNDS], interval="year")
    world.advance(days=30)
    assert world.stripe.requests("DELETE") == []
    assert (world.case_of(emil).state, world.stripe.invoice(emil)["status"]) == (
        CaseState.OPEN,
        "open",
    )
    trouble(world)
    say_yes(world, emil)
    world.run()
    world.pass_wall(minutes=10)
    world.advance(days=4)
    assert world.case_of(emil).outcome is Outcome.ENDED
    assert world.stripe.invoice(emil)["status"] == "uncollectible"
    cancelled = [r for r in world.stripe.requests("DELETE") if r["status"] == 200]
    assert len(cancelled) <= 1
    (act,) = world.rows("SELECT answer FROM operator_acts WHERE act = 'approve'")
    assert act["answer"].startswith("attempt ")


def test_no_letter_promises_a_day_that_a_person_decides_about(make_world: MakeWorld) -> None:
    world = make_world(configuration=asking(PersonDecides.ENDING))
    fay = world.customer("fay", ["lost_card"], interval="year")
    world.advance(days=13)
    *_, third, final = world.letters_to(fay)
    assert final.notice == "payment_failed_final"
    for letter in (third, final):
        assert "your subscription may end." in letter.text
        assert "ends on" not in letter.subject + letter.text
        assert "ends that day" not in letter.text


SHORT = (
    Step("first letter", timedelta(hours=4), letter="payment_failed_1"),
    Step("final letter", timedelta(days=1), letter="payment_failed_final"),
    Step("try 1", timedelta(days=5), charge=True),
)


def test_what_a_decline_leads_to_is_asked_at_once(make_world: MakeWorld) -> None:
    """Try and ending are overdue: the try is declined, and that moment the ending is asked for."""
    short = short_configuration(SHORT, timedelta(days=5))
    (policy,) = short.dunning.policies
    policy = replace(policy, person_decides=(PersonDecides.ENDING,))
    world = make_world(
        configuration=replace(short, dunning=replace(short.dunning, policies=(policy,)))
    )
    gus = world.customer("gus", [NO_FUNDS])
    world.advance(days=4.5)
    world.away(days=2.6)
    world.job("read_stripe")
    world.bell.advance_case(world.case_of(gus).id)
    assert len(ours(world, gus)) == 1
    (asked,) = world.facts("case.person_decides", gus)
    assert (asked["step"], asked["attempt_no"]) == ("ending", 2)
    assert [line["step"] for line in world.log("person.decides")] == ["ending"]
    assert world.stripe.requests("DELETE") == []


@pytest.mark.parametrize("mode", [Mode.WATCH, Mode.LETTERS])
def test_a_mode_that_ends_nothing_asks_nobody(make_world: MakeWorld, mode: Mode) -> None:
    asked = asking(PersonDecides.CHARGES, PersonDecides.ENDING)
    world = make_world(configuration=replace(asked, dunning=replace(asked.dunning, mode=mode)))
    hal = world.customer("hal", [NO_FUNDS])
    world.advance(days=20)
    assert world.facts("case.person_decides", hal) == []
    assert world.log("person.decides") == []
    assert (ours(world, hal), world.stripe.requests("DELETE")) == ([], [])
    watched = {line["act"] for line in world.log("watched")}
    assert watched == ({"charge", "letter", "ending"} if mode is Mode.WATCH else set())


def test_one_yes_lets_one_charge_happen_beside_a_coupon(make_world: MakeWorld) -> None:
    """The first letter's coupon has a request of its own, about which nobody is asked."""
    shipped = shipped_configuration().dunning.policies[0]
    steps = (replace(shipped.steps[0], offer=Offer(coupon="SAVE20")), *shipped.steps[1:])
    policy = replace(shipped, steps=steps, person_decides=(PersonDecides.CHARGES,))
    world = make_world(configuration=with_policies(policy))
    world.stripe.staff("coupons", id="SAVE20", percent_off="20", duration="forever")
    ida = world.customer("ida", [NO_FUNDS] * 4)
    world.advance(days=5)
    (coupon,) = world.case_of(ida).attempts
    assert coupon.kind is AttemptKind.COUPON
    assert [fact["attempt_no"] for fact in world.facts("case.person_decides", ida)] == [1, 1]
    say_yes(world, ida)
    world.advance(days=4)
    assert len(ours(world, ida)) == 1
    assert world.facts("case.approval_over", ida) == []
    (act,) = world.rows("SELECT answer FROM operator_acts WHERE act = 'approve'")
    assert act["answer"] == "attempt 2"
