"""What the merchant's staff and the banks do to invoices while a case is open, or afterwards."""

from dataclasses import replace
from itertools import pairwise

import pytest

from tests.scenarios.servers import MakeWorld
from tests.scenarios.world import World, shipped_configuration
from worker.domain.case import AttemptKind, CaseState, Outcome
from worker.domain.policy import CancelWhen


@pytest.mark.parametrize(
    ("verb", "outcome"), [("void", Outcome.VOIDED), ("mark_uncollectible", Outcome.WRITTEN_OFF)]
)
def test_staff_take_the_invoice_out_of_collection(
    world: World, verb: str, outcome: Outcome
) -> None:
    """Day 2: voided, or marked uncollectible. Nothing more is charged, written or ended."""
    anna = world.customer("anna", ["insufficient_funds"])
    world.advance(days=2)
    world.stripe.staff(f"invoices/{world.stripe.invoice(anna)['id']}/{verb}")
    before = (len(world.stripe.charges(anna)), len(world.letters_to(anna)))
    world.advance(days=20)
    assert world.case_of(anna).outcome is outcome
    assert (len(world.stripe.charges(anna)), len(world.letters_to(anna))) == before
    assert world.stripe.requests("DELETE") == []


def test_paid_out_of_band(world: World) -> None:
    """Day 3: the money came by bank transfer, and staff said so at Stripe."""
    bela = world.customer("bela", ["insufficient_funds"])
    world.advance(days=3)
    invoice = world.stripe.invoice(bela)["id"]
    world.stripe.staff(f"invoices/{invoice}/pay", paid_out_of_band=True)
    before = len(world.stripe.charges(bela))
    world.advance(days=15)
    assert world.case_of(bela).outcome is Outcome.RECOVERED
    (paid,) = world.facts("payment.recovered")
    assert (paid["recovered_by"], paid["amount_minor"]) == ("out_of_band", 4900)
    assert len(world.stripe.charges(bela)) == before


def test_a_part_credited_invoice_is_charged_what_is_left(world: World) -> None:
    """Day 0: 49.00 owed. Half is credited before the retry, which takes the other half."""
    carl = world.customer("carl", ["insufficient_funds", "approve"])
    world.advance(hours=12)
    invoice = world.stripe.invoice(carl)["id"]
    world.stripe.staff("credit_notes", invoice=invoice, amount=2450)
    world.advance(days=2)
    (charge,) = world.stripe.charges(carl, by="api")
    assert (charge["amount"], charge["status"]) == (2450, "succeeded")
    case = world.case_of(carl)
    assert [a.amount_minor for a in case.attempts] == [2450]
    assert "24,50" in world.letters_to(carl)[-1].subject
    (paid,) = world.facts("payment.recovered")
    assert paid["amount_minor"] == 2450


def test_a_fully_credited_invoice_is_no_recovery_and_nobody_is_thanked(world: World) -> None:
    """Crediting all of it makes Stripe call the invoice paid, though no money came."""
    dora = world.customer("dora", ["insufficient_funds"])
    world.advance(days=1)
    invoice = world.stripe.invoice(dora)["id"]
    left = world.stripe.invoice(dora)["amount_remaining"]
    world.stripe.staff("credit_notes", invoice=invoice, amount=left)
    world.advance(days=15)
    case = world.case_of(dora)
    assert (case.state, case.outcome) == (CaseState.CLOSED, Outcome.VOIDED)
    assert world.facts("payment.recovered") == []
    assert "payment_recovered" not in world.notices_to(dora)

    world.stripe.staff(f"subscriptions/{dora.subscription}", metadata={"seen": "yes"})
    world.advance(hours=2)
    assert world.case_of(dora).outcome is Outcome.VOIDED
    assert world.facts("payment.recovered") == []


def test_collection_is_paused_and_resumed(world: World) -> None:
    """Paused from day 1 to day 6: no charge, no letter; then it goes on, without a burst."""
    emil = world.customer("emil", ["insufficient_funds"])
    world.advance(hours=20)
    subscription = f"subscriptions/{emil.subscription}"
    world.stripe.staff(subscription, pause_collection={"behavior": "keep_as_draft"})
    before = (len(world.stripe.charges(emil)), len(world.letters_to(emil)))
    world.advance(days=5)
    assert (len(world.stripe.charges(emil)), len(world.letters_to(emil))) == before
    assert "collection_paused" in world.rules_of(world.case_of(emil))
    world.stripe.staff(subscription, pause_collection="")
    world.advance(hours=2)
    assert len(world.stripe.charges(emil)) - before[0] <= 1
    assert len(world.letters_to(emil)) - before[1] <= 1
    world.advance(days=20)
    assert world.case_of(emil).outcome is Outcome.ENDED
    assert [f["by"] for f in world.facts("subscription.paused")] == ["staff"]
    assert len(world.facts("subscription.resumed")) == 1


def test_a_dispute_holds_the_case_and_its_end_releases_it(world: World) -> None:
    """Week 1 paid, week 2 failed; the payment of week 1 is disputed: everything stands still."""
    fay = world.customer("fay", ["approve", "insufficient_funds"], interval="week")
    world.advance(days=8)
    (paid,) = [c["charge"] for c in world.stripe.charges(fay) if c["status"] == "succeeded"]
    dispute = world.stripe.act("dispute", charge=paid)["id"]
    world.run()
    case = world.case_of(fay)
    assert case.state is CaseState.HELD
    before = (len(world.stripe.charges(fay)), len(world.letters_to(fay)))
    world.advance(days=5)
    assert (len(world.stripe.charges(fay)), len(world.letters_to(fay))) == before
    world.stripe.act("close_dispute", dispute=dispute, status="won")
    world.run()
    assert world.case_of(fay).state is CaseState.OPEN
    assert len(world.facts("case.held")) == len(world.facts("case.released")) == 1
    world.advance(days=1)
    assert len(world.stripe.charges(fay, by="api")) > 0


def test_a_debit_takes_days_fails_and_is_tried_again(world: World) -> None:
    """SEPA: Stripe's debit fails after 3 days; ours is in flight for 3 more, then paid."""
    poor = {"processing_days": 3, "decline_code": "insufficient_funds"}
    account = world.stripe.bank_account(poor, {"processing_days": 3})
    gus = world.customer("gus", method=account)
    world.advance(days=2)
    assert world.cases_of(gus) == []
    world.advance(days=8)
    case = world.case_of(gus)
    assert case.outcome is Outcome.RECOVERED
    tries = world.stripe.tries(gus)
    assert [c["by"] for c in tries] == ["stripe", "api"]
    assert tries[1]["at"] - tries[0]["at"] >= 3 * 86_400 + 20 * 3600
    assert [f["outcome"] for f in world.facts("payment.retried")] == ["processing", "succeeded"]


def test_a_returned_debit_waits_from_its_return(world: World) -> None:
    """Our debit comes back after 3 days for want of funds: the next one goes out a day later."""
    poor = {"processing_days": 3, "decline_code": "insufficient_funds"}
    account = world.stripe.bank_account(poor, poor, {"processing_days": 1})
    jan = world.customer("jan", method=account)
    world.advance(days=12)
    assert world.case_of(jan).outcome is Outcome.RECOVERED
    tries = world.stripe.tries(jan)
    assert [each["by"] for each in tries] == ["stripe", "api", "api"]
    returned_after, wait = 3 * 86_400, 86_400
    assert all(
        again["at"] - before["at"] >= returned_after + wait - 3600
        for before, again in pairwise(tries)
    )


def test_no_second_debit_while_one_is_under_way(world: World) -> None:
    """Our own debit takes 8 days: no charge of ours and no ending in all that time."""
    poor = {"processing_days": 1, "decline_code": "insufficient_funds"}
    account = world.stripe.bank_account(poor, {"processing_days": 8})
    hana = world.customer("hana", method=account)
    world.advance(days=10)
    assert len(world.stripe.tries(hana)) == 2
    world.advance(days=3)
    assert world.case_of(hana).outcome is Outcome.RECOVERED
    assert world.stripe.paid_twice() == []


def test_a_payment_that_is_returned_reopens_the_case(world: World) -> None:
    """Recovered on day 1; on day 6 the money is taken back: the case is open again."""
    ida = world.customer("ida", ["insufficient_funds", "approve"])
    world.advance(days=2)
    assert world.case_of(ida).outcome is Outcome.RECOVERED
    world.advance(days=4)
    world.stripe.act("return_debit", invoice=world.case_of(ida).invoice_id)
    world.advance(days=3)
    case = world.case_of(ida)
    assert (case.state, case.outcome) == (CaseState.IN_REVIEW, None)
    assert "returned" in case.reason
    assert world.stripe.invoice(ida)["status"] == "paid"
    assert len(world.stripe.charges(ida, by="api")) == 1
    assert len(world.facts("case.opened")) == 2
    assert len(world.facts("case.in_review")) == 1
    assert world.notices_to(ida) == ["payment_failed_1", "payment_recovered"]


def test_a_cancel_of_ours_that_staff_undid_does_not_end_the_next_invoice(
    make_world: MakeWorld,
) -> None:
    """Ended for the period's end, then paid and undone: the next failure has its whole life."""
    shipped = shipped_configuration()
    (policy, *others) = shipped.dunning.policies
    at_the_end = replace(policy, ending=replace(policy.ending, when=CancelWhen.PERIOD_END))
    rules = replace(shipped.dunning, policies=(at_the_end, *others))
    world = make_world(configuration=replace(shipped, dunning=rules))
    rosa = world.customer("rosa", ["insufficient_funds"])
    world.advance(days=18)
    first = world.case_of(rosa)
    assert first.outcome is Outcome.ENDED
    world.stripe.staff(f"invoices/{first.invoice_id}/pay", paid_out_of_band=True)
    world.stripe.staff(f"subscriptions/{rosa.subscription}", cancel_at_period_end=False)
    while len(world.cases_of(rosa)) < 2:
        world.advance(days=1)
    before = len(world.letters_to(rosa))
    world.advance(days=5)
    second = world.cases_of(rosa)[1]
    assert second.state is CaseState.OPEN
    assert len([a for a in second.attempts if a.kind is AttemptKind.CHARGE]) >= 2
    assert len(world.letters_to(rosa)) > before
