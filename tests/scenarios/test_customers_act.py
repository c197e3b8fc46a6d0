"""What customers, their banks and the card networks do while a case is open."""

from tests.scenarios.stripe_side import DAY, HOUR, START
from tests.scenarios.world import World
from worker.domain.case import AttemptState, CaseState, Outcome, RecoveredBy

FAILED = START + 2 * HOUR


def recovered_by(world: World) -> list[str]:
    return [f["recovered_by"] for f in world.facts("payment.recovered")]


def test_the_network_renews_the_card_in_place(world: World) -> None:
    """Day 0: expired. Day 2: the network sends the new expiry, and the card is charged at once."""
    anna = world.customer("anna", ["expired_card"])
    world.advance(days=2)
    assert world.stripe.charges(anna, by="api") == []
    world.stripe.act("auto_update_card", payment_method=anna.method, outcomes=["approve"])
    world.run()
    assert world.case_of(anna).outcome is Outcome.RECOVERED
    assert recovered_by(world) == [RecoveredBy.NEW_CARD.value]
    assert len(world.facts("payment_method.updated")) == 0
    world.advance(hours=1)
    assert len(world.facts("payment_method.updated")) == 1


def test_an_update_that_changes_nothing_is_tried_once(world: World) -> None:
    """The renewed card is declined as well: once at once, and no more for that update."""
    anna = world.customer("anna", ["expired_card"])
    world.advance(days=2)
    world.stripe.act("auto_update_card", payment_method=anna.method, outcomes=["expired_card"])
    world.run()
    world.advance(days=3)
    assert [c["status"] for c in world.stripe.charges(anna, by="api")] == ["failed"]
    assert world.case_of(anna).state is CaseState.OPEN


def test_a_new_card_at_the_customer_is_found(world: World) -> None:
    """Staff put it on the customer; the subscription has none of its own, so it counts."""
    bela = world.customer("bela", ["lost_card"])
    world.advance(days=1)
    new = world.stripe.card("approve")
    world.stripe.attach(bela, new)
    world.stripe.staff(f"customers/{bela.id}", invoice_settings={"default_payment_method": new})
    world.run()
    (charge,) = world.stripe.charges(bela, by="api")
    assert (charge["payment_method"], charge["status"]) == (new, "succeeded")
    assert world.case_of(bela).outcome is Outcome.RECOVERED


def test_a_new_card_at_the_wrong_level_is_used_at_once_and_said(world: World) -> None:
    """The subscription still names its old card, which Stripe would go on charging: the customer's
    new default is charged instead, once, and the decision says why."""
    carl = world.customer("carl", ["insufficient_funds"], own_card=True)
    world.advance(days=1)
    new = world.stripe.card("approve")
    world.stripe.attach(carl, new)
    world.stripe.staff(f"customers/{carl.id}", invoice_settings={"default_payment_method": new})
    world.run()
    (charge,) = world.stripe.charges(carl, by="api")
    assert (charge["payment_method"], charge["status"]) == (new, "succeeded")
    assert recovered_by(world) == [RecoveredBy.NEW_CARD.value]
    said = [row["reason"] for row in world.rows("SELECT reason FROM decisions ORDER BY id")]
    assert any("though the subscription still names its old one" in reason for reason in said)
    world.advance(days=2)
    assert len(world.stripe.charges(carl, by="api")) == 1


def test_the_customer_pays_by_hand_after_the_first_letter(world: World) -> None:
    """Day 1: paid on the hosted page with another card; a thank-you, and no charge of ours."""
    dora = world.customer("dora", ["insufficient_funds"])
    world.advance(hours=20)
    invoice = world.stripe.invoice(dora)["id"]
    world.stripe.pay_by_hand(invoice, world.stripe.card("approve"))
    world.advance(days=20)
    case = world.case_of(dora)
    assert case.outcome is Outcome.RECOVERED
    assert recovered_by(world) == [RecoveredBy.CUSTOMER.value]
    assert world.stripe.charges(dora, by="api") == []
    assert world.notices_to(dora) == ["payment_failed_1", "payment_recovered"]
    assert world.stripe.paid_twice() == []


def test_the_customer_pays_before_any_letter_and_hears_nothing(world: World) -> None:
    """Who paid within four hours was never written to, and gets no thank-you either."""
    emil = world.customer("emil", ["insufficient_funds"])
    world.advance(hours=3)
    world.stripe.pay_by_hand(world.stripe.invoice(emil)["id"], world.stripe.card("approve"))
    world.advance(days=5)
    assert world.case_of(emil).outcome is Outcome.RECOVERED
    assert world.letters_to(emil) == []


def test_paid_by_hand_in_the_minute_of_a_retry(world: World) -> None:
    """The invoice is read again just before the charge, so that retry never leaves."""
    fay = world.customer("fay", ["insufficient_funds"])
    world.advance(hours=6)
    due_at = world.rows("SELECT next_action_at AS at FROM cases")[0]["at"]
    world.pass_time_to(due_at)
    world.job("read_stripe")
    world.stripe.pay_by_hand(world.stripe.invoice(fay)["id"], world.stripe.card("approve"))
    world.job("due_cases")
    assert world.stripe.charges(fay, by="api") == []
    assert world.case_of(fay).outcome is Outcome.RECOVERED


def test_paid_by_hand_after_a_charge_that_never_arrived_is_the_customers_act(world: World) -> None:
    """Our request is cut before Stripe sees it; the customer pays with another card meanwhile."""
    finn = world.customer("finn", ["insufficient_funds"])
    world.stripe.faults({"kind": "cut", "method": "POST", "path": "/pay"})
    world.advance(days=1, hours=3)
    assert world.case_of(finn).in_flight is not None
    world.stripe.faults()
    world.stripe.pay_by_hand(world.stripe.invoice(finn)["id"], world.stripe.card("approve"))
    world.advance(hours=3)
    case = world.case_of(finn)
    assert case.outcome is Outcome.RECOVERED
    assert recovered_by(world) == [RecoveredBy.CUSTOMER.value]
    assert [a.state for a in case.attempts] == [AttemptState.ABANDONED]
    assert world.stripe.paid_twice() == []


def test_the_customer_cancels_at_once_during_dunning(world: World) -> None:
    """Day 2: cancelled on the portal. No charge, no letter, no ending follows; churn is theirs."""
    gus = world.customer("gus", ["insufficient_funds"])
    world.advance(days=2)
    world.stripe.cancel(gus, when="now")
    before = (len(world.stripe.charges(gus)), len(world.letters_to(gus)))
    world.advance(days=20)
    assert world.case_of(gus).outcome is Outcome.CUSTOMER_CANCELLED
    assert (len(world.stripe.charges(gus)), len(world.letters_to(gus))) == before
    assert world.stripe.requests("DELETE") == []
    (churned,) = world.facts("subscription.churned")
    assert (churned["kind"], churned["during_dunning"]) == ("voluntary", True)


def test_the_customer_cancels_for_the_period_end_during_dunning(world: World) -> None:
    hana = world.customer("hana", ["insufficient_funds"])
    world.advance(days=2)
    world.stripe.cancel(hana, when="period_end")
    before = (len(world.stripe.charges(hana)), len(world.letters_to(hana)))
    world.advance(days=20)
    assert world.case_of(hana).outcome is Outcome.CUSTOMER_CANCELLED
    assert (len(world.stripe.charges(hana)), len(world.letters_to(hana))) == before


def test_a_cancel_that_is_undone_takes_the_case_up_where_it_stood(world: World) -> None:
    """Day 2: cancelled for the period's end. Day 5: thought better of it, and the card pays."""
    iris = world.customer("iris", [*["insufficient_funds"] * 3, "approve"])
    world.advance(days=2)
    world.stripe.cancel(iris, when="period_end")
    world.advance(days=3)
    assert world.case_of(iris).outcome is Outcome.CUSTOMER_CANCELLED
    before = len(world.stripe.charges(iris, by="api"))
    subscription = f"subscriptions/{iris.subscription}"
    world.stripe.staff(subscription, cancel_at_period_end=False)
    world.run()
    again = world.case_of(iris)
    assert (again.state, again.outcome) == (CaseState.OPEN, None)
    assert 2.5 * DAY < again.shift < 3.5 * DAY
    assert len(world.stripe.charges(iris, by="api")) == before
    world.advance(days=5)
    assert world.case_of(iris).outcome is Outcome.RECOVERED
    assert world.stripe.paid_twice() == []


def test_who_had_cancelled_before_the_failure_still_owes_the_invoice(world: World) -> None:
    """Cancelled for the period's end before the last invoice failed: that invoice is dunned."""
    ida = world.customer("ida", ["insufficient_funds", "approve"], charged_in=2 * HOUR)
    world.stripe.cancel(ida, when="period_end")
    world.advance(days=3)
    assert [c.outcome for c in world.cases_of(ida)] in ([], [Outcome.RECOVERED])


def test_the_customer_is_deleted(world: World) -> None:
    """A deleted customer is neither charged nor written to."""
    jan = world.customer("jan", ["insufficient_funds"])
    world.advance(days=2)
    world.stripe.delete(f"customers/{jan.id}")
    before = len(world.letters_to(jan))
    world.advance(days=20)
    case = world.case_of(jan)
    assert (case.outcome, case.reason) == (
        Outcome.CUSTOMER_CANCELLED,
        "the customer was deleted",
    )
    assert len(world.letters_to(jan)) == before
    assert len(world.stripe.charges(jan, by="api")) == 1


def test_a_customer_without_an_address_is_never_ended_unheard(world: World) -> None:
    """Tries go on, letters are skipped with their reason, and the ending waits for a person."""
    kim = world.customer("kim", ["insufficient_funds"], email="")
    world.advance(days=20)
    case = world.case_of(kim)
    assert case.state is CaseState.IN_REVIEW
    assert "final letter" in case.reason
    steps = world.steps_of(case)
    assert steps["first letter"] == steps["final letter"] == "the customer has no e-mail address"
    assert len(world.stripe.charges(kim, by="api")) == 6
    assert world.letters() == []
    assert world.stripe.requests("DELETE") == []


def test_the_customer_authenticates_after_the_letter(world: World) -> None:
    """3-D Secure at the renewal: one letter that asks for it, the customer confirms, paid."""
    lea = world.customer("lea", [{"requires_action": True, "on_authenticate": "approve"}])
    world.advance(days=1)
    assert world.notices_to(lea) == ["action_required"]
    world.stripe.act("authenticate", invoice=world.stripe.invoice(lea)["id"])
    world.advance(days=3)
    assert world.case_of(lea).outcome is Outcome.RECOVERED
    assert world.stripe.charges(lea, by="api") == []
    assert world.notices_to(lea) == ["action_required", "payment_recovered"]


def test_the_customer_walks_away_from_3d_secure(world: World) -> None:
    """Given up on day 1: never tried unattended, asked thrice, warned, ended."""
    mia = world.customer("mia", [{"requires_action": True}])
    world.advance(days=1)
    world.stripe.act("abandon", invoice=world.stripe.invoice(mia)["id"])
    world.advance(days=20)
    assert world.stripe.charges(mia, by="api") == []
    notices = world.notices_to(mia)
    assert notices[0] == "action_required"
    assert notices[-2:] == ["payment_failed_final", "subscription_ended"]
    assert world.case_of(mia).outcome is Outcome.ENDED


def test_a_retry_that_meets_3d_secure_asks_the_customer(world: World) -> None:
    """Day 0: poor. Day 1: the bank wants the customer. From then on no more unattended tries."""
    noa = world.customer("noa", ["insufficient_funds", {"requires_action": True}])
    world.advance(days=8)
    assert len(world.stripe.charges(noa, by="api")) == 1
    assert "action_required" in world.notices_to(noa)
    assert world.case_of(noa).state is CaseState.OPEN


def test_after_the_end_a_payment_is_recovered_late(world: World) -> None:
    """Cancelled on day 15; on day 20 the customer pays the written-off invoice after all."""
    pia = world.customer("pia", ["insufficient_funds"])
    world.advance(days=17)
    case = world.case_of(pia)
    assert case.outcome is Outcome.ENDED
    world.advance(days=3)
    world.stripe.staff(f"invoices/{case.invoice_id}/pay", paid_out_of_band=True)
    world.advance(days=1)
    assert world.case_of(pia).outcome is Outcome.RECOVERED_LATE
    assert world.now > FAILED + 20 * DAY
