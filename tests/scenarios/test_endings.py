"""How dunning ends where the subscription lives on: paused, held, downgraded, or a small debt."""

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from tests.crash.crashing_world import ENDING, short_configuration
from tests.scenarios.servers import MakeWorld
from tests.scenarios.stripe_side import ALL_BUT_SUBSCRIPTIONS, HOUR, Customer
from tests.scenarios.world import World
from worker.bootstrap import App
from worker.domain.case import AttemptKind, AttemptState, CaseState, Outcome
from worker.domain.policy import Configuration, EndingAct, InvoiceEnd, SmallBalance

PAUSE, HOLD, DOWNGRADE = EndingAct.PAUSE, EndingAct.HOLD_INVOICES, EndingAct.DOWNGRADE
FREE = 0
AT_THE_END = timedelta(days=3)
"""The final letter goes out after 4 hours, the ending comes after 54."""


def configured(act: EndingAct, **ending: Any) -> Configuration:
    """Return a short policy that ends with *act* and leaves the invoice open."""
    given = {"do": act, "invoice": InvoiceEnd.LEAVE, **ending}
    if act is PAUSE:
        given = {"if_refused": HOLD, **given}
    return short_configuration(ENDING, 54 * HOUR, **given)


class LastSecond:
    """The real gateway; what stands in `first` happens just before the next read of an invoice."""

    def __init__(self) -> None:
        """Do nothing yet."""
        self.first: list[Callable[[], None]] = []
        self._real: Any = None

    def __getattr__(self, name: str) -> Any:
        return getattr(self._real, name)

    def read_invoice(self, invoice_id: str) -> Any:
        """Read an invoice, after what comes first."""
        while self.first:
            self.first.pop()()
        return self._real.read_invoice(invoice_id)

    def wrap(self, app: App) -> None:
        """Stand before the App's gateway."""
        self._real = app.stripe
        app.__dict__["stripe"] = self


def world_with(
    make_world: MakeWorld, act: EndingAct, last_second: LastSecond | None = None, **ending: Any
) -> World:
    """Return a world whose worker ends so, a downgrade to a free price."""
    world = make_world(working=False, read_timeout_seconds=0.4)
    if act is DOWNGRADE:
        ending["to_price_id"] = world.stripe.price(FREE)
    wrap = (last_second or LastSecond()).wrap
    world.start_worker(configured(act, **ending), wrap=wrap)
    return world


def subscription(world: World, customer: Customer) -> dict[str, Any]:
    """Return the customer's subscription as Stripe has it."""
    return world.stripe.get(f"subscriptions/{customer.subscription}")


def asked(world: World, customer: Customer) -> list[dict[str, Any]]:
    """Return the worker's writing requests about the customer's subscription."""
    found = world.stripe.requests("", f"/v1/subscriptions/{customer.subscription}")
    return [one for one in found if one["method"] != "GET"]


def test_a_pause_stops_invoices_and_a_late_payment_lifts_nothing(make_world: MakeWorld) -> None:
    world = world_with(make_world, PAUSE)
    anna = world.customer("anna", ["lost_card"])
    world.advance_to(world.now + AT_THE_END)
    case = world.case_of(anna)
    assert (case.state, case.outcome) == (CaseState.CLOSED, Outcome.ENDED)
    assert case.reason == "paused for the unpaid invoice"
    assert subscription(world, anna)["status"] == "paused"
    assert world.notices_to(anna) == ["payment_failed_final", "subscription_paused"]
    warned, told = world.letters_to(anna)
    assert "subscription is paused on" in warned.subject
    assert "ends on" not in warned.subject + warned.text
    assert "has been paused" in told.subject
    assert [fact["by"] for fact in world.facts("subscription.paused")] == ["payment"]

    invoices = len(world.stripe.invoices(anna))
    world.advance(days=20)
    assert len(world.stripe.invoices(anna)) == invoices
    good = world.stripe.card("approve")
    world.stripe.pay_by_hand(world.stripe.invoice(anna)["id"], good)
    world.advance(days=1)
    assert world.case_of(anna).outcome is Outcome.RECOVERED_LATE
    assert subscription(world, anna)["status"] == "paused"
    assert len(asked(world, anna)) == 1
    assert world.notices_to(anna) == ["payment_failed_final", "subscription_paused"]


def test_held_invoices_stay_drafts_and_open_no_case(make_world: MakeWorld) -> None:
    world = world_with(make_world, HOLD)
    bela = world.customer("bela", ["lost_card"])
    world.advance_to(world.now + AT_THE_END)
    case = world.case_of(bela)
    assert case.reason == "new invoices are held back for the unpaid invoice"
    shown = subscription(world, bela)
    assert (shown["status"], shown["pause_collection"]["behavior"]) == ("past_due", "keep_as_draft")
    assert world.notices_to(bela)[-1] == "subscription_paused"
    letter = world.letters_to(bela)[-1]
    assert "invoices are on hold" in letter.subject
    assert "we hold back new invoices" in letter.text
    assert "was paused" not in letter.text
    assert [fact["by"] for fact in world.facts("subscription.paused")] == ["payment"]
    world.advance(days=35)
    assert world.stripe.invoice(bela)["status"] == "draft"
    assert len(world.cases_of(bela)) == 1
    assert len(world.letters_to(bela)) == 2


def test_a_downgrade_is_a_contraction_and_the_rest_goes_on(make_world: MakeWorld) -> None:
    world = world_with(make_world, DOWNGRADE, invoice=InvoiceEnd.UNCOLLECTIBLE)
    cleo = world.customer("cleo", ["lost_card"])
    world.advance_to(world.now + AT_THE_END)
    case = world.case_of(cleo)
    price = world.stripe.price(FREE)
    assert (case.outcome, case.reason) == (
        Outcome.ENDED,
        f"moved to {price} for the unpaid invoice",
    )
    shown = subscription(world, cleo)
    assert [item["price"]["id"] for item in shown["items"]["data"]] == [price]
    assert world.stripe.invoice(cleo)["status"] == "uncollectible"
    warned, told = world.letters_to(cleo)
    assert "plan changes on" in warned.subject
    assert told.notice == "subscription_downgraded"
    contracted = world.facts("subscription.contracted")
    assert [(f["mrr_minor"], f["mrr_delta_minor"]) for f in contracted] == [(0, -4900)]
    assert world.facts("subscription.churned") == []
    world.advance(days=35)
    newest = world.stripe.invoice(cleo)
    assert (newest["total"], newest["status"]) == (0, "paid")
    assert len(world.cases_of(cleo)) == 1


@pytest.mark.parametrize(
    ("fallback", "kinds", "status", "letters"),
    [
        (HOLD, ["pause", "hold_invoices"], "past_due", ["subscription_paused"]),
        (EndingAct.CANCEL, ["pause", "cancel"], "canceled", ["subscription_ended"]),
        (EndingAct.LEAVE, ["pause"], "past_due", []),
    ],
)
def test_a_refused_pause_leads_to_what_the_policy_says(
    fallback: EndingAct, kinds: list[str], status: str, letters: list[str], make_world: MakeWorld
) -> None:
    """Classic subscriptions cannot be paused: recorded, and followed by the next number."""
    world = world_with(make_world, PAUSE, if_refused=fallback)
    dora = world.customer("dora", ["lost_card"], billing="classic")
    world.advance_to(world.now + AT_THE_END)
    case = world.case_of(dora)
    assert (case.outcome, [a.kind.value for a in case.attempts]) == (Outcome.ENDED, kinds)
    assert [a.no for a in case.attempts] == list(range(1, len(kinds) + 1))
    assert (case.attempts[0].state, case.attempts[0].refused) == (AttemptState.ABANDONED, True)
    assert case.reason.endswith("Stripe refused to pause it")
    assert subscription(world, dora)["status"] == status
    assert world.notices_to(dora) == ["payment_failed_final", *letters]
    warned = world.letters_to(dora)[0].subject
    assert ("ends on" in warned) is (fallback is EndingAct.CANCEL)
    assert not world.log("review.opened")


@pytest.mark.parametrize("act", [PAUSE, HOLD, DOWNGRADE])
@pytest.mark.parametrize("kind", ["error_500", "error_500_after", "cut_after"])
def test_a_lost_answer_is_settled_without_a_second_effect(
    act: EndingAct, kind: str, make_world: MakeWorld
) -> None:
    world = world_with(make_world, act)
    emil = world.customer("emil", ["lost_card"])
    world.advance(hours=50)
    path = f"/v1/subscriptions/{emil.subscription}"
    world.stripe.faults({"kind": kind, "method": "POST", "path": path, "times": 2})
    world.advance(days=2, every=HOUR)
    case = world.case_of(emil)
    assert case.outcome is Outcome.ENDED
    assert [(a.kind.value, a.state) for a in case.attempts] == [(act.value, AttemptState.SUCCEEDED)]
    read = {one["idempotency_key"] for one in asked(world, emil)} - {None}
    assert read == {case.attempts[0].key}
    told = {PAUSE: "subscription.paused", HOLD: "subscription.paused"}
    assert len(world.facts(told.get(act, "subscription.contracted"))) == 1
    assert len(world.letters_to(emil)) == 2


def test_an_ending_waits_for_a_right_that_the_key_lost(make_world: MakeWorld) -> None:
    world = world_with(make_world, EndingAct.CANCEL)
    gita = world.customer("gita", ["lost_card"])
    world.advance(hours=50)
    world.stripe.rights(*ALL_BUT_SUBSCRIPTIONS)
    world.advance(hours=12, every=HOUR)
    case = world.case_of(gita)
    assert (case.state, case.attempts[-1].state) == (CaseState.OPEN, AttemptState.SENDING)
    assert subscription(world, gita)["status"] == "past_due"
    world.stripe.rights()
    world.advance(hours=2, every=HOUR)
    case = world.case_of(gita)
    assert (case.outcome, len(case.attempts)) == (Outcome.ENDED, 1)
    assert subscription(world, gita)["status"] == "canceled"


@pytest.mark.parametrize("act", [PAUSE, HOLD, DOWNGRADE])
def test_who_pays_in_the_last_second_loses_nothing(act: EndingAct, make_world: MakeWorld) -> None:
    """The payment's event was not read yet; the look before the ending sees the payment."""
    last_second = LastSecond()
    world = world_with(make_world, act, last_second)
    fine = world.customer("fine", ["lost_card"])
    world.advance(hours=50)
    invoice, good = world.stripe.invoice(fine)["id"], world.stripe.card("approve")
    last_second.first.append(lambda: world.stripe.pay_by_hand(invoice, good))
    world.advance(hours=10)
    case = world.case_of(fine)
    assert case.outcome is Outcome.RECOVERED
    assert case.closed_at is not None
    assert case.closed_at >= case.failed_at + 54 * HOUR
    assert (asked(world, fine), case.attempts) == ([], ())
    world.advance(days=1)
    assert world.notices_to(fine)[-1] == "payment_recovered"
    assert subscription(world, fine)["status"] == "active"


def test_the_days_limit_counts_these_endings(make_world: MakeWorld) -> None:
    configuration = configured(PAUSE)
    dunning = configuration.dunning
    one_a_day = replace(dunning.limits, endings_per_day=1)
    limited = replace(configuration, dunning=replace(dunning, limits=one_a_day))
    world = make_world(configuration=limited)
    people = [world.customer(name, ["lost_card"]) for name in ("gil", "hana")]
    world.advance(hours=60)
    paused = [subscription(world, one)["status"] == "paused" for one in people]
    assert sorted(paused) == [False, True]
    assert world.log("limit.reached")
    world.advance(days=1)
    assert [subscription(world, one)["status"] for one in people] == ["paused", "paused"]


@pytest.mark.parametrize("end", [InvoiceEnd.UNCOLLECTIBLE, InvoiceEnd.VOID])
def test_a_small_balance_is_written_off_and_nobody_is_bothered(
    end: InvoiceEnd, make_world: MakeWorld
) -> None:
    configuration = configured(EndingAct.CANCEL)
    (policy,) = configuration.dunning.policies
    policy = replace(policy, small_balance=SmallBalance({"eur": 200}, end))
    dunning = replace(configuration.dunning, policies=(policy,))
    world = make_world(configuration=replace(configuration, dunning=dunning))
    ivan = world.customer("ivan", ["lost_card"], amount_minor=150)
    jana = world.customer("jana", ["lost_card"], amount_minor=200)
    world.advance(hours=3)
    small, large = world.case_of(ivan), world.case_of(jana)
    assert (small.outcome, small.reason) == (
        Outcome.WRITTEN_OFF,
        "a small balance: only 1.50 EUR was left to pay",
    )
    assert small.closed_at is not None
    assert timedelta(minutes=15) <= small.closed_at - small.failed_at < timedelta(minutes=16)
    assert large.state is CaseState.OPEN
    world.advance(days=4)
    assert world.stripe.invoice(ivan)["status"] == end.value
    assert subscription(world, ivan)["status"] == "active"
    assert world.letters_to(ivan) == []
    assert [c["by"] for c in world.stripe.charges(ivan)] == ["stripe"]
    kinds = [a.kind for a in world.case_of(ivan).attempts]
    assert kinds == [AttemptKind(end.value)]
    assert world.case_of(jana).outcome is Outcome.ENDED
    assert subscription(world, jana)["status"] == "canceled"
    world.advance(days=1)
    assert len(world.case_of(ivan).attempts) == 1
