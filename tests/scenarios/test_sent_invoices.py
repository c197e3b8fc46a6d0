"""Invoices that customers pay by hand: reminders around the due date, and never a charge."""

from dataclasses import replace

import pytest

from tests.scenarios.sending import ALL_LETTERS, DAY, SENT, serving
from tests.scenarios.servers import MakeWorld
from tests.scenarios.stripe_side import Customer
from tests.scenarios.test_retry_by_hand import refusal, view_of
from tests.scenarios.test_story_told import told
from tests.scenarios.world import World
from worker.domain.case import Case, CaseState, Outcome, RecoveredBy
from worker.domain.forecast_values import PlannedKind
from worker.domain.policy import Ending, EndingAct, InvoiceEnd
from worker.office.charging import Charging
from worker.office.plan import make_plan
from worker.store.reading import snapshot
from worker.store.reading_plan import read_open_cases

TERMS = 14


def billed(world: World, name: str = "anna", *, terms: int = TERMS) -> Customer:
    """Return a customer whose invoice of 49.00 EUR becomes final in two hours."""
    return world.customer(name, ["approve"], days_until_due=terms)


def only_invoice(world: World, customer: Customer) -> dict[str, object]:
    """Return the customer's invoice that is not over nothing."""
    [found] = [one for one in world.stripe.invoices(customer) if one["amount_due"]]
    return found


def never_charged(world: World) -> None:
    """Nobody but a customer on Stripe's page ever charged anything."""
    staff = [one for one in world.stripe.pay_requests() if "paid_out_of_band" in one["params"]]
    assert world.stripe.pay_requests() == staff
    assert world.stripe.charges(by="api") == []
    assert world.stripe.charges(by="stripe") == []


def days_after_due(world: World, case: Case, customer: Customer) -> list[int]:
    """Return on which days from the due date on letters reached the customer."""
    assert case.due_at is not None
    due_on = case.due_at.date()
    return [(one.at.date() - due_on).days for one in world.letters_to(customer)]


def test_reminders_come_before_on_and_after_the_due_date_and_it_is_left(
    make_world: MakeWorld,
) -> None:
    world = make_world(configuration=serving())
    anna = billed(world)
    world.advance(days=1)
    case, invoice = world.case_of(anna), only_invoice(world, anna)
    assert case.due_at is not None
    assert case.due_at.timestamp() == invoice["due_date"]
    assert (case.state, case.failure) == (CaseState.OPEN, None)
    world.advance(days=TERMS + 25)
    case = world.cases_of(anna)[0]
    assert world.notices_to(anna)[:4] == ALL_LETTERS
    assert days_after_due(world, case, anna)[:4] == [-7, 0, 3, 10]
    assert (case.outcome, case.reason) == (Outcome.ENDED, "left as it is by the policy")
    assert only_first(world, anna)["status"] == "open"
    soon, today, late, final = world.letters_to(anna)[:4]
    assert "is due on" in soon.text
    assert "Today, " in today.text
    assert "was due on" in late.text
    assert "This is our last letter about it" in final.text
    assert "pay/in_" in soon.text.replace("\n", "")
    assert world.facts("payment.failed") == []
    assert world.facts("payment.recovered") == []
    never_charged(world)


def only_first(world: World, customer: Customer) -> dict[str, object]:
    """Return the customer's first invoice that is not over nothing."""
    return next(one for one in world.stripe.invoices(customer) if one["amount_due"])


@pytest.mark.parametrize(
    ("do", "invoice_end", "status"),
    [
        (EndingAct.CANCEL, InvoiceEnd.UNCOLLECTIBLE, "uncollectible"),
        (EndingAct.CANCEL, InvoiceEnd.VOID, "void"),
        (EndingAct.LEAVE, InvoiceEnd.UNCOLLECTIBLE, "uncollectible"),
    ],
)
def test_its_endings_come_after_their_letter(
    make_world: MakeWorld, do: EndingAct, invoice_end: InvoiceEnd, status: str
) -> None:
    ending = Ending(15 * DAY, do, invoice=invoice_end, final_letter_step="final letter")
    world = make_world(configuration=serving(replace(SENT, ending=ending)))
    anna = billed(world)
    world.advance(days=TERMS + 20)
    case = world.cases_of(anna)[0]
    assert case.outcome is Outcome.ENDED
    [final] = [one for one in world.letters_to(anna) if one.notice == "invoice_overdue_final"]
    assert case.closed_at is not None
    assert final.at + 2 * DAY <= case.closed_at
    assert only_first(world, anna)["status"] == status
    cancelled = do is EndingAct.CANCEL
    shown = world.stripe.get(f"subscriptions/{anna.subscription}")["status"]
    assert (shown == "canceled") is cancelled
    assert ("subscription ends on" in final.subject) is cancelled
    assert ("subscription_ended" in world.notices_to(anna)) is cancelled
    world.job("read_stripe")
    churned = [fact["kind"] for fact in world.facts("subscription.churned", anna)]
    assert churned == (["involuntary"] if cancelled else [])
    never_charged(world)


def test_paid_by_its_due_date_is_no_recovery(make_world: MakeWorld) -> None:
    world = make_world(configuration=serving())
    anna, bela = billed(world), billed(world, "bela")
    world.advance(days=10)
    assert world.notices_to(anna) == ["invoice_due_soon"]
    world.stripe.pay_by_hand(str(only_invoice(world, anna)["id"]))
    world.stripe.pay_elsewhere(str(only_invoice(world, bela)["id"]))
    world.advance(days=10)
    for customer in (anna, bela):
        case = world.case_of(customer)
        assert (case.outcome, case.reason) == (Outcome.PAID_ON_TIME, "paid by the due date")
        assert world.notices_to(customer) == ["invoice_due_soon"]
    assert world.facts("payment.recovered") == []
    never_charged(world)


def test_paid_late_is_a_recovery_by_whoever_paid(make_world: MakeWorld) -> None:
    world = make_world(configuration=serving())
    anna, bela = billed(world), billed(world, "bela")
    world.advance(days=TERMS + 4)
    assert world.stripe.get(f"subscriptions/{anna.subscription}")["status"] == "past_due"
    world.stripe.pay_by_hand(str(only_invoice(world, anna)["id"]))
    world.stripe.pay_elsewhere(str(only_invoice(world, bela)["id"]))
    world.advance(days=3)
    by = {fact["customer_id"]: fact["recovered_by"] for fact in world.facts("payment.recovered")}
    assert by == {anna.id: RecoveredBy.CUSTOMER, bela.id: RecoveredBy.OUT_OF_BAND}
    for customer in (anna, bela):
        assert world.case_of(customer).outcome is Outcome.RECOVERED
        assert world.notices_to(customer) == [*ALL_LETTERS[:3], "payment_recovered"]
        status = world.stripe.get(f"subscriptions/{customer.subscription}")["status"]
        assert status == "active"
    never_charged(world)


def test_without_a_policy_for_them_nobody_is_written_to(make_world: MakeWorld) -> None:
    world = make_world(configuration=serving(None))
    anna = billed(world)
    world.advance(days=TERMS + 15)
    world.job("reconcile")
    world.advance(days=1)
    assert world.cases_of(anna) == []
    assert world.letters() == []
    never_charged(world)


def test_its_story_and_its_plan_tell_of_a_due_date_and_of_no_failure(
    make_world: MakeWorld, capsys: pytest.CaptureFixture[str]
) -> None:
    world = make_world(configuration=serving())
    anna = billed(world)
    world.advance(days=10)
    before = told(world, anna, capsys)
    assert "the invoice is paid by hand; due " in before
    assert "invoice due" not in before
    assert planned_letters(world) == ALL_LETTERS[1:]
    assert "the customer pays this invoice by hand" in refusal(world, anna)
    world.advance(days=7)
    after = told(world, anna, capsys)
    assert "  invoice due  not paid yet\n" in after
    for story in (before, after):
        assert "failed" not in story
        assert "nobody" not in story
    assert planned_letters(world) == ALL_LETTERS[2:]
    never_charged(world)


def planned_letters(world: World) -> list[str]:
    """Return the letters that `dunning plan` shows for the next two months, and nothing else."""
    view = view_of(world)
    with snapshot(view.ledger) as connection:
        found = read_open_cases(
            connection, view.ledger.account_id, now=world.now, wall_now=world.now
        )
    until = world.now + 60 * DAY
    plan = make_plan(found, view.office, Charging(True), now=world.now, until=until)
    assert plan.unlooked == ()
    assert {row.planned.kind for row in plan.rows} == {PlannedKind.LETTER, PlannedKind.CLOSE}
    return [row.planned.notice for row in plan.rows if row.planned.notice]
