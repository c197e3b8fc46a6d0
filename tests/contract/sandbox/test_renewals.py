"""Periods, drafts, collecting, retries and standing on a test clock."""

from datetime import UTC, datetime
from typing import Any

import pytest
import stripe

from tests.contract.sandbox.driving import DAY, HOUR, START, Driver


def at(year: int, month: int, day: int) -> int:
    """Return ten o'clock UTC of that day: START's hour."""
    return int(datetime(year, month, day, 10, tzinfo=UTC).timestamp())


def period(box: Driver, subscription: str) -> tuple[int, int]:
    item = box.client.v1.subscriptions.retrieve(subscription)["items"].data[0]
    return item.current_period_start, item.current_period_end


def test_a_month_anchored_on_the_31st_ends_on_each_months_last_day(box: Driver) -> None:
    someone = box.subscriber()
    ends = [at(2026, 2, 28), at(2026, 3, 31), at(2026, 4, 30), at(2026, 5, 31)]
    start = START
    for end in ends:
        assert period(box, someone.subscription) == (start, end)
        box.advance(someone.clock, end)
        start = end


def test_a_renewal_waits_an_hour_as_draft_and_is_then_charged(box: Driver) -> None:
    someone = box.subscriber()
    end = period(box, someone.subscription)[1]
    box.advance(someone.clock, end)
    draft = box.invoice(someone)
    assert (draft.status, draft.created, draft.attempted) == ("draft", end, False)
    assert draft.billing_reason == "subscription_cycle"
    assert draft.automatically_finalizes_at == draft.next_payment_attempt == end + HOUR
    assert box.status(someone) == "active"
    box.advance(someone.clock, end + HOUR)
    paid = box.invoice(someone)
    assert (paid.id, paid.status, paid.amount_paid, paid.attempt_count) == (
        draft.id,
        "paid",
        1200,
        1,
    )
    assert paid.status_transitions.paid_at == end + HOUR


def test_a_declined_renewal_leaves_invoice_open_and_subscription_past_due(box: Driver) -> None:
    someone = box.subscriber()
    box.script(
        someone.method,
        {
            "decline_code": "insufficient_funds",
            "advice_code": "try_again_later",
            "network_decline_code": "51",
            "network_advice_code": "24",
        },
    )
    box.advance(someone.clock, period(box, someone.subscription)[1] + HOUR)
    invoice = box.invoice(someone)
    assert (invoice.status, invoice.attempted, invoice.next_payment_attempt) == ("open", True, None)
    assert invoice.payments is not None
    payment = invoice.payments.data[0]
    intent: Any = payment.payment.payment_intent
    assert (payment.status, intent.status) == ("open", "requires_payment_method")
    error = intent.last_payment_error
    assert (error.type, error.code, error.decline_code) == (
        "card_error",
        "card_declined",
        "insufficient_funds",
    )
    assert (error.advice_code, error.network_decline_code, error.network_advice_code) == (
        "try_again_later",
        "51",
        "24",
    )
    charge = box.client.v1.charges.retrieve(intent.latest_charge)
    assert charge.outcome is not None
    assert charge.outcome.network_status == "declined_by_network"
    assert box.status(someone) == "past_due"
    kinds = box.event_types()
    assert kinds.index("charge.failed") < kinds.index("invoice.payment_failed")
    box.script(someone.method, "approve")
    box.client.v1.invoices.pay(invoice.id)
    assert box.status(someone) == "active"


def test_stripes_own_retries_follow_the_setting_and_end_as_chosen(box: Driver) -> None:
    box.control("settings", retries=[3, 5], after_last_retry="cancel")
    someone = box.subscriber()
    box.script(someone.method, "insufficient_funds")
    failed_at = period(box, someone.subscription)[1] + HOUR
    box.advance(someone.clock, failed_at)
    assert box.invoice(someone).next_payment_attempt == failed_at + 3 * DAY
    box.advance(someone.clock, failed_at + 3 * DAY)
    second = box.invoice(someone)
    assert (second.attempt_count, second.next_payment_attempt) == (2, failed_at + 8 * DAY)
    box.advance(someone.clock, failed_at + 8 * DAY)
    ended = box.client.v1.subscriptions.retrieve(someone.subscription)
    assert ended.status == "canceled"
    assert ended.cancellation_details is not None
    assert ended.cancellation_details.reason == "payment_failed"
    last = box.invoice(someone)
    assert (last.status, last.auto_advance, last.next_payment_attempt) == ("open", False, None)
    assert [c["by"] for c in box.read("charges")["charges"]][-3:] == ["stripe"] * 3


def test_a_hard_code_is_scheduled_again_but_never_charged(box: Driver) -> None:
    box.control("settings", retries=[1, 1, 1])
    someone = box.subscriber()
    box.script(someone.method, "lost_card")
    failed_at = period(box, someone.subscription)[1] + HOUR
    box.advance(someone.clock, failed_at)
    box.advance(someone.clock, failed_at + 2 * DAY)
    invoice = box.invoice(someone)
    assert (invoice.attempt_count, invoice.next_payment_attempt) == (3, failed_at + 3 * DAY)
    tries = [c for c in box.read("charges")["charges"] if c["invoice"] == invoice.id]
    assert len(tries) == 1


def test_the_retry_may_be_announced_later_in_invoice_updated(box: Driver) -> None:
    box.control("settings", retries=[3], announce_retry_seconds=600)
    someone = box.subscriber()
    box.script(someone.method, "insufficient_funds")
    failed_at = period(box, someone.subscription)[1] + HOUR
    box.advance(someone.clock, failed_at)
    assert box.invoice(someone).next_payment_attempt is None
    box.advance(someone.clock, failed_at + 600)
    assert box.invoice(someone).next_payment_attempt == failed_at + 3 * DAY


def test_an_india_issued_card_is_tried_once(box: Driver) -> None:
    box.control("settings", retries=[1, 1])
    someone = box.subscriber("pm_card_in")
    box.script(someone.method, "insufficient_funds")
    failed_at = period(box, someone.subscription)[1] + HOUR
    box.advance(someone.clock, failed_at + 3 * DAY)
    assert box.invoice(someone).attempt_count == 1


def test_paying_by_hand_does_not_raise_the_attempt_count(box: Driver) -> None:
    someone = box.subscriber()
    box.script(someone.method, "insufficient_funds")
    box.advance(someone.clock, period(box, someone.subscription)[1] + HOUR)
    invoice = box.invoice(someone)
    with pytest.raises(stripe.CardError):
        box.client.v1.invoices.pay(invoice.id)
    assert box.invoice(someone).attempt_count == 1


def test_an_unpaid_subscription_gets_drafts_that_nobody_collects(box: Driver) -> None:
    box.control("settings", retries=[1], after_last_retry="unpaid")
    someone = box.subscriber()
    box.script(someone.method, "insufficient_funds")
    first_end = period(box, someone.subscription)[1]
    box.advance(someone.clock, first_end + 2 * DAY)
    assert box.status(someone) == "unpaid"
    box.advance(someone.clock, period(box, someone.subscription)[1] + DAY)
    draft = box.invoice(someone)
    assert (draft.status, draft.auto_advance, draft.attempted) == ("draft", False, False)
    box.script(someone.method, "approve")
    box.client.v1.invoices.pay(draft.id)
    assert box.status(someone) == "active"


def test_pausing_after_the_last_retry(box: Driver) -> None:
    box.control("settings", retries=[1], after_last_retry="pause")
    someone = box.subscriber()
    box.script(someone.method, "insufficient_funds")
    box.advance(someone.clock, period(box, someone.subscription)[1] + 2 * DAY)
    paused = box.client.v1.subscriptions.retrieve(someone.subscription)
    assert paused.status == "paused"
    assert paused.status_details is not None
    assert paused.status_details.paused.subscription.type == "final_payment_failure"
    box.script(someone.method, "approve")
    box.client.v1.invoices.pay(box.invoice(someone).id)
    assert box.status(someone) == "active"


@pytest.mark.parametrize(
    ("behaviour", "status"),
    [("keep_as_draft", "draft"), ("void", "void"), ("mark_uncollectible", "uncollectible")],
)
def test_paused_collection(box: Driver, behaviour: str, status: str) -> None:
    someone = box.subscriber()
    pause: Any = {"pause_collection": {"behavior": behaviour}}
    box.client.v1.subscriptions.update(someone.subscription, pause)
    box.advance(someone.clock, period(box, someone.subscription)[1] + 2 * HOUR)
    assert (box.invoice(someone).status, box.status(someone)) == (status, "active")


def test_a_debt_below_the_minimum_charge_moves_to_the_balance(box: Driver) -> None:
    someone = box.subscriber(price=box.price(30))
    first = box.invoice(someone)
    assert (first.status, first.amount_due, first.ending_balance) == ("paid", 0, 30)
    box.advance(someone.clock, period(box, someone.subscription)[1] + HOUR)
    second = box.invoice(someone)
    assert (second.status, second.total, second.amount_paid) == ("paid", 30, 60)
    assert box.client.v1.customers.retrieve(someone.customer).balance == 0


def test_nothing_happens_between_two_due_instants(box: Driver) -> None:
    someone = box.subscriber()
    due = box.read("next_due", test_clock=someone.clock)["next_due_at"]
    box.advance(someone.clock, due - 1)
    since: Any = {"created": {"gt": START, "lte": due}}
    assert [e.type for e in box.client.v1.events.list(since)] == ["test_helpers.test_clock.ready"]
    box.advance(someone.clock, due)
    assert "invoice.upcoming" in [e.type for e in box.client.v1.events.list(since)]


def test_a_clock_never_goes_back_nor_too_far(box: Driver) -> None:
    someone = box.subscriber(price=box.price(interval="week"))
    clocks = box.client.v1.test_helpers.test_clocks
    for wrong in (START, START + 14 * DAY + 1):
        with pytest.raises(stripe.InvalidRequestError):
            clocks.advance(someone.clock, {"frozen_time": wrong})
    box.advance(someone.clock, START + 14 * DAY)
    assert box.now(someone.clock) == START + 14 * DAY


def test_deleting_a_clock_deletes_its_customers(box: Driver) -> None:
    someone = box.subscriber()
    box.client.v1.test_helpers.test_clocks.delete(someone.clock)
    gone = box.client.v1.customers.retrieve(someone.customer)
    assert gone.deleted is True
    with pytest.raises(stripe.InvalidRequestError, match="No such subscription"):
        box.client.v1.subscriptions.retrieve(someone.subscription)
    assert box.read("next_due")["next_due_at"] is None


def test_two_runs_with_the_same_calls_give_the_same_state(box: Driver) -> None:
    def run() -> list[Any]:
        box.control("reset", seed="7")
        someone = box.subscriber()
        box.script(someone.method, "insufficient_funds", "approve")
        box.advance(someone.clock, START + 40 * DAY)
        box.client.v1.invoices.pay(box.invoice(someone).id)
        events: Any = box.client.v1.events.list({"limit": 100, "types": ["invoice.*", "charge.*"]})
        # The SDK draws a random key for every POST without one.
        return [{**event.to_dict(), "request": None} for event in events.data]

    first, second = run(), run()
    assert len(first) > 10
    assert first == second
