"""Pauses, held collection, price changes and credit notes: what the worker's endings meet."""

from typing import Any

import pytest
import stripe

from tests.contract.sandbox.driving import DAY, HOUR, START, Driver, Subscriber
from tests.contract.sandbox.typed_classes import problems
from worker.rehearsal.sandbox.main import Running

NO_CREDIT: Any = {"bill_for": {"unused_time_from": {"type": "none"}}}


def indebted(box: Driver, **more: Any) -> Subscriber:
    """Return somebody whose first renewal has failed an hour after it was made."""
    someone = box.subscriber(**more)
    box.script(someone.method, "insufficient_funds")
    box.advance(someone.clock, START + 28 * DAY + HOUR)
    assert box.status(someone) == "past_due"
    return someone


def subscription(box: Driver, someone: Subscriber) -> stripe.Subscription:
    return box.client.v1.subscriptions.retrieve(someone.subscription)


def misfits(box: Driver, someone: Subscriber) -> list[str]:
    """Return where the subscription, as it comes over the wire, does not fit the SDK's class."""
    return problems(box.raw("GET", f"/v1/subscriptions/{someone.subscription}").json())


def numbers(box: Driver, someone: Subscriber) -> int:
    given: Any = {"subscription": someone.subscription, "limit": 100}
    return len(box.client.v1.invoices.list(given).data)


def test_a_pause_ends_periods_and_invoices_but_not_the_debt(box: Driver) -> None:
    someone = indebted(box)
    paused = box.client.v1.subscriptions.pause(someone.subscription, NO_CREDIT)
    assert (paused.status, misfits(box, someone)) == ("paused", [])
    assert paused.status_details is not None
    assert paused.status_details.paused.subscription.type == "pause_requested"
    assert "customer.subscription.paused" in box.event_types()
    before = numbers(box, someone)
    box.advance(someone.clock, START + 70 * DAY)
    assert numbers(box, someone) == before
    assert box.invoice(someone).status == "open"
    box.script(someone.method, "approve")
    box.client.v1.invoices.pay(box.invoice(someone).id)
    assert (box.invoice(someone).status, box.status(someone)) == ("paid", "paused")


def test_a_pause_credits_unused_time_unless_told_not_to(box: Driver, server: Running) -> None:
    """What nobody paid must not come back as a credit, so the worker says `none`."""
    waiting = server.sandbox.world.tables["invoiceitem"].rows
    someone = indebted(box)
    box.client.v1.subscriptions.pause(someone.subscription, NO_CREDIT)
    assert list(waiting.values()) == []
    other = indebted(box)
    box.client.v1.subscriptions.pause(other.subscription)
    amounts = [item["amount"] for item in waiting.values()]
    assert len(amounts) == 1
    assert -1200 <= amounts[0] < 0


def test_resuming_begins_a_new_period_and_asks_for_its_price(box: Driver) -> None:
    someone = indebted(box)
    box.client.v1.subscriptions.pause(someone.subscription, NO_CREDIT)
    box.advance(someone.clock, START + 40 * DAY)
    box.script(someone.method, "approve")
    resumed = box.client.v1.subscriptions.resume(someone.subscription)
    assert (resumed.status, resumed.status_details) == ("active", None)
    assert resumed["items"].data[0].current_period_start == START + 40 * DAY
    assert box.client.v1.invoices.retrieve(str(resumed.latest_invoice)).status == "paid"
    assert "customer.subscription.resumed" in box.event_types()


def test_whom_stripe_refuses_a_pause(box: Driver) -> None:
    """Classic billing, what is paused already and what has ended; nothing changes by the asking."""
    classic = box.subscriber(billing_mode={"type": "classic"})
    ended, twice = box.subscriber(), box.subscriber()
    box.client.v1.subscriptions.cancel(ended.subscription)
    box.client.v1.subscriptions.pause(twice.subscription, NO_CREDIT)
    for someone, status in ((classic, "active"), (ended, "canceled"), (twice, "paused")):
        with pytest.raises(stripe.InvalidRequestError) as refusal:
            box.client.v1.subscriptions.pause(someone.subscription, NO_CREDIT)
        assert refusal.value.http_status == 400
        assert box.status(someone) == status
    assert misfits(box, classic) == []


def test_what_is_sent_by_invoice_cannot_be_resumed(box: Driver) -> None:
    someone = box.subscriber(collection_method="send_invoice", days_until_due=5)
    box.client.v1.subscriptions.pause(someone.subscription, NO_CREDIT)
    with pytest.raises(stripe.InvalidRequestError, match="charge automatically"):
        box.client.v1.subscriptions.resume(someone.subscription)
    assert box.status(someone) == "paused"


def test_held_invoices_stay_drafts_and_collection_comes_back_for_later_ones(box: Driver) -> None:
    someone = indebted(box)
    hold: Any = {"pause_collection": {"behavior": "keep_as_draft"}}
    held = box.client.v1.subscriptions.update(someone.subscription, hold)
    assert held.pause_collection is not None
    assert (held.pause_collection.behavior, held.pause_collection.resumes_at) == (
        "keep_as_draft",
        None,
    )
    assert (held.status, misfits(box, someone)) == ("past_due", [])
    box.advance(someone.clock, START + 62 * DAY)
    draft = box.invoice(someone)
    assert (draft.status, draft.auto_advance) == ("draft", False)
    lift: Any = {"pause_collection": ""}
    assert box.client.v1.subscriptions.update(someone.subscription, lift).pause_collection is None
    box.script(someone.method, "approve")
    box.advance(someone.clock, START + 93 * DAY)
    assert box.invoice(someone).status == "paid"
    assert box.client.v1.invoices.retrieve(draft.id).status == "draft"


def test_another_price_without_proration_costs_nothing_now(box: Driver) -> None:
    someone = indebted(box)
    item, smaller = subscription(box, someone)["items"].data[0], box.price(300)
    change: Any = {
        "items": [{"id": item.id, "price": smaller}],
        "proration_behavior": "none",
    }
    before = numbers(box, someone)
    changed = box.client.v1.subscriptions.update(someone.subscription, change)
    assert [each.price.id for each in changed["items"].data] == [smaller]
    assert (changed.status, numbers(box, someone)) == ("past_due", before)
    box.advance(someone.clock, START + 62 * DAY)
    assert box.invoice(someone).total == 300


def test_credit_notes_close_what_is_fully_credited_and_are_listed(box: Driver) -> None:
    someone = indebted(box)
    invoice = box.invoice(someone).id
    first = box.client.v1.credit_notes.create({"invoice": invoice, "amount": 1100})
    assert box.client.v1.invoices.retrieve(invoice).amount_remaining == 100
    box.client.v1.credit_notes.create({"invoice": invoice, "amount": 100})
    closed = box.client.v1.invoices.retrieve(invoice)
    assert (closed.status, closed.amount_remaining, closed.amount_paid) == ("paid", 0, 0)
    listed = box.client.v1.credit_notes.list({"invoice": invoice})
    assert [note.amount for note in listed.data] == [100, 1100]
    assert box.client.v1.credit_notes.retrieve(first.id).type == "pre_payment"
    assert box.event_types().count("credit_note.created") == 2
