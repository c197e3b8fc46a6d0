"""Events that come twice, in a mess, too late, broken or not at all; objects that are gone."""

from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from typing import Any, cast

import pytest

from tests.scenarios.servers import MakeWorld
from tests.scenarios.stripe_side import DAY, HOUR, START, Customer
from tests.scenarios.world import World
from worker.bootstrap import App
from worker.domain.case import CaseState, Outcome
from worker.domain.readings import InvoiceReading
from worker.errors import GatewayRejected
from worker.gateway.stripe_gateway import SdkGateway
from worker.ports import Json
from worker.rehearsal.driver_sandbox import Refused

Pages = Iterator[list[Json]]


class TroubledStripe:
    """The real gateway, with its list of events changed on the way, or an invoice gone."""

    def __init__(
        self, real: SdkGateway, change: Callable[[list[Json]], list[Json]], gone: str = ""
    ) -> None:
        self._real = real
        self._change = change
        self._gone = gone

    def __getattr__(self, name: str) -> Any:
        return getattr(self._real, name)

    def event_pages(self, *, from_at: datetime, to_at: datetime) -> Pages:
        """Yield the changed list in one page."""
        pages = self._real.event_pages(from_at=from_at, to_at=to_at)
        yield self._change([event for page in pages for event in page])

    def read_invoice(self, invoice_id: str) -> InvoiceReading:
        """Return the invoice unless it is gone."""
        if invoice_id == self._gone:
            raise GatewayRejected("No such invoice", status=404, code="resource_missing")
        return self._real.read_invoice(invoice_id)


def trouble(
    world: World, change: Callable[[list[Json]], list[Json]] = list, *, gone: str = ""
) -> None:
    """Start the worker anew with events changed by *change*."""

    def wrap(app: App) -> None:
        app.__dict__["stripe"] = TroubledStripe(app.stripe, change, gone)

    world.start_worker(wrap=wrap)


def what_came_of(world: World, customer: Customer) -> tuple[Any, ...]:
    """Return what a story came to, without ids."""
    case = world.case_of(customer)
    tries = [(c["by"], c["status"], c["at"]) for c in world.stripe.charges(customer)]
    facts = sorted(row["type"] for row in world.rows("SELECT type FROM events"))
    steps = [(a.no, a.step, a.state) for a in case.attempts]
    return case.outcome, tries, world.notices_to(customer), steps, facts


def a_story(world: World) -> Customer:
    """Declined twice, a new card on day 2: something of everything in two and a half days."""
    anna = world.customer("anna", ["insufficient_funds"])
    world.advance(days=2)
    world.stripe.save_card(anna, world.stripe.card("approve"))
    world.advance(days=1)
    return anna


CALM = (
    Outcome.RECOVERED,
    3,
    ["payment_failed_1", "payment_recovered"],
)


def assert_calm(world: World, customer: Customer) -> None:
    """Assert that the story came out as it does without any trouble."""
    outcome, tries, notices, _, facts = what_came_of(world, customer)
    assert (outcome, len(tries), notices) == CALM
    assert world.stripe.paid_twice() == []
    assert len(facts) == len(set(facts)) + facts.count("payment.retried") // 2 + (
        facts.count("notice.queued") - 1
    ) + (facts.count("notice.sent") - 1) + max(0, facts.count("payment.retry_scheduled") - 1)


def test_every_event_twice_changes_nothing(world: World) -> None:
    trouble(world, lambda events: [*events, *events])
    anna = a_story(world)
    assert_calm(world, anna)
    assert len(world.facts("case.opened")) == len(world.facts("payment.recovered")) == 1


def test_events_in_any_order_change_nothing(world: World) -> None:
    """Lists come back to front, then by id: the feed sorts by time, and the mirror by age."""
    trouble(world, lambda events: sorted(events, key=lambda e: str(e["id"])))
    anna = a_story(world)
    assert_calm(world, anna)


def test_a_lost_failure_is_found_by_the_daily_comparison(world: World) -> None:
    """No event of the failure ever arrives. The comparison finds the open invoice and counts from
    then on."""
    trouble(world, lambda events: [e for e in events if e["type"] != "invoice.payment_failed"])
    anna = world.customer("anna", ["insufficient_funds", "approve"])
    world.advance(days=1)
    assert world.cases_of(anna) == []
    world.job("reconcile")
    assert len(world.log("reconcile")) == 1
    assert world.case_of(anna).failed_at == world.now
    world.advance(days=2)
    assert world.case_of(anna).outcome is Outcome.RECOVERED


def test_who_cancelled_before_a_lost_failure_was_found_is_not_charged(world: World) -> None:
    """When it failed is not known then: whoever cancelled since there is an invoice, cancelled."""
    trouble(world, lambda events: [e for e in events if e["type"] != "invoice.payment_failed"])
    anna = world.customer("anna", ["insufficient_funds", "approve"])
    world.advance(hours=12)
    world.stripe.cancel(anna, when="period_end")
    world.advance(hours=12)
    world.job("reconcile")
    world.advance(days=3)
    assert world.case_of(anna).outcome is Outcome.CUSTOMER_CANCELLED
    assert world.stripe.charges(anna, by="api") == []


@pytest.mark.parametrize("from_before", ["the first event is lost", "it failed before go-live"])
def test_who_cancelled_before_the_failure_that_opens_the_case_is_not_charged(
    make_world: MakeWorld, from_before: str
) -> None:
    """The first failure is unknown, the customer cancels, and the customer's own try fails."""
    world = make_world(working=False)
    anna = world.customer("anna", ["insufficient_funds", "insufficient_funds", "approve"])
    if "lost" in from_before:
        trouble(world, _without_first_failure())
        world.advance(hours=6)
        assert world.cases_of(anna) == []
    else:
        world.stripe.move_clock(world.now + timedelta(hours=6))
        world.clock.business_at = world.now
    world.stripe.cancel(anna, when="period_end")
    if "lost" not in from_before:
        world.stripe.move_clock(world.now + timedelta(hours=6))
        world.clock.business_at = world.now
        world.start_worker()
    world.advance(hours=1)
    with pytest.raises(Refused):
        world.stripe.pay_by_hand(world.stripe.invoice(anna)["id"])
    world.pass_time_to(world.now + timedelta(seconds=20))
    world.advance(days=6)
    case = world.case_of(anna)
    assert case.failed_at < case.opened_at, "an event told of the second failure"
    assert case.outcome is Outcome.CUSTOMER_CANCELLED
    assert world.stripe.charges(anna, by="api") == []


def _without_first_failure() -> Callable[[list[Json]], list[Json]]:
    lost: list[str] = []

    def change(events: list[Json]) -> list[Json]:
        failed = [event for event in events if event["type"] == "invoice.payment_failed"]
        if failed and not lost:
            lost.append(str(min(failed, key=lambda event: str(event["created"]))["id"]))
        return [event for event in events if event["id"] not in lost]

    return change


def test_an_event_that_is_listed_two_days_late_opens_the_case_then(world: World) -> None:
    """The feed has gone past it; the daily re-listing of three days finds it."""
    hidden = {"until": START + 2 * DAY}

    def late(events: list[Json]) -> list[Json]:
        failed = {"invoice.payment_failed", "charge.failed"}
        return [e for e in events if e["type"] not in failed or world.now >= hidden["until"]]

    trouble(world, late)
    anna = world.customer("anna", ["insufficient_funds", "approve"])
    for _ in range(4):
        world.advance(hours=12)
    assert world.cases_of(anna) == []
    world.job("reconcile")
    case = world.case_of(anna)
    assert case.failed_at == START + 2 * HOUR
    world.advance(days=1)
    assert world.case_of(anna).outcome is Outcome.RECOVERED


def test_a_payment_whose_event_is_lost_is_noticed_all_the_same(world: World) -> None:
    """Nobody tells us that the customer paid: the read before the next charge does."""
    quiet = {"invoice.paid", "invoice.payment_succeeded", "invoice.updated", "invoice_payment.paid"}

    def deaf(events: list[Json]) -> list[Json]:
        return [
            e
            for e in events
            if e["type"] not in quiet
            and not str(e["type"]).startswith(("customer.", "payment_method.", "payment_intent."))
        ]

    trouble(world, deaf)
    anna = world.customer("anna", ["insufficient_funds"])
    world.advance(hours=20)
    world.stripe.pay_by_hand(world.stripe.invoice(anna)["id"], world.stripe.card("approve"))
    world.advance(days=2)
    assert world.case_of(anna).outcome is Outcome.RECOVERED
    assert world.stripe.charges(anna, by="api") == []


def test_an_unreadable_event_is_parked_and_the_rest_applied(world: World) -> None:
    """One event is no invoice at all, one has no object: both are put aside, shown and counted."""
    broken = {"left": 1}

    def spoil(events: list[Json]) -> list[Json]:
        if not broken["left"] or not events:
            return events
        broken["left"] = 0
        at = int(world.now.timestamp())
        odd = {"object": "event", "created": at, "api_version": "2026-10-28.endive"}
        return [
            *events,
            cast(
                Json,
                {**odd, "id": "evt_a", "type": "invoice.paid", "data": {"object": "in_x"}},
            ),
            cast(Json, {**odd, "id": "evt_b", "type": "charge.failed", "data": {}}),
            cast(Json, {**odd, "id": "evt_c", "type": "moon.landed", "data": {"object": {}}}),
        ]

    anna = world.customer("anna", ["insufficient_funds", "approve"])
    world.advance(hours=1)
    trouble(world, spoil)
    world.advance(days=3)
    assert world.case_of(anna).outcome is Outcome.RECOVERED
    assert {line["event_id"] for line in world.log("event.parked")} == {"evt_a", "evt_b"}
    parked = world.rows("SELECT event_id FROM inbox WHERE error <> ''")
    assert {row["event_id"] for row in parked} == {"evt_a", "evt_b"}


def test_an_invoice_that_is_gone_goes_to_a_person(world: World) -> None:
    """Stripe answers 404 for the invoice of one case: that one is in review, the other goes on."""
    anna = world.customer("anna", ["insufficient_funds", "approve"])
    bela = world.customer("bela", ["insufficient_funds", "approve"])
    world.advance(hours=12)
    trouble(world, gone=world.stripe.invoice(anna)["id"])
    world.advance(days=4)
    gone = world.case_of(anna)
    assert (gone.state, gone.reason) == (CaseState.IN_REVIEW, "the invoice is gone at Stripe")
    assert world.case_of(bela).outcome is Outcome.RECOVERED
    assert len(world.log("review.opened")) == 1


def test_no_charge_while_the_feed_is_behind(world: World) -> None:
    """The event list does not answer for a day: nothing is charged or written until it does."""
    anna = world.customer("anna", ["insufficient_funds", "approve"])
    world.advance(hours=12)
    world.stripe.faults({"kind": "error_500", "path": "/v1/events", "should_retry": False})
    for _ in range(4):
        world.pass_time_to(world.now + timedelta(hours=6))
        world.job("read_stripe")
        with world.app.ledger.begin() as tx:  # without a test clock business time goes on
            tx.control.set_business_time(world.now, wall_now=world.clock.wall_now())
        world.job("due_cases")
        world.job("heartbeat")
    assert world.stripe.charges(anna, by="api") == []
    assert "feed_behind" in {rule for _, rule in world.bell.looks}
    assert world.log("feed.behind")
    world.stripe.faults()
    world.advance(hours=1)
    assert world.case_of(anna).outcome is Outcome.RECOVERED


def test_a_charge_with_our_key_that_we_never_made_stops_all_charging(world: World) -> None:
    """Another worker, or a restored backup, used our kind of key: charging stops, loudly."""
    anna = world.customer("anna", ["insufficient_funds", "insufficient_funds"])
    world.advance(hours=12)
    invoice = world.stripe.invoice(anna)["id"]
    world.app.stripe.pay_invoice(invoice, payment_method_id=anna.method, key=f"dun:v1:{invoice}:7")
    world.advance(days=3)
    assert len(world.stripe.charges(anna, by="api")) == 1
    (told,) = world.log("foreign.key")
    assert (told["cause"], told["keys"]) == ("foreign_key", [f"dun:v1:{invoice}:7"])
    (stopped,) = world.facts("charging.stopped")
    assert stopped["cause"] == "foreign_key"
