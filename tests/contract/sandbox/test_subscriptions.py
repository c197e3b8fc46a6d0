"""How subscriptions begin, change and end, and what invoices' fates do to them."""

from typing import Any

import pytest
import stripe

from tests.contract.sandbox.driving import DAY, HOUR, START, Driver, Subscriber


def create(box: Driver, method: str, **more: Any) -> tuple[Subscriber, stripe.Subscription]:
    clock = box.clock()
    customer, card = box.customer(clock, method)
    given: Any = {"customer": customer, "items": [{"price": box.price()}], **more}
    made = box.client.v1.subscriptions.create(given)
    return Subscriber(clock, customer, card, made.id), made


def period_end(subscription: stripe.Subscription) -> int:
    return subscription["items"].data[0].current_period_end  # type: ignore[no-any-return]


def test_a_failed_first_payment_is_incomplete_and_expires_after_23_hours(box: Driver) -> None:
    someone, made = create(box, "pm_card_chargeCustomerFail")
    assert made.status == "incomplete"
    first = box.invoice(someone)
    assert (first.billing_reason, first.status, first.attempt_count) == (
        "subscription_create",
        "open",
        1,
    )
    box.advance(someone.clock, START + 23 * HOUR - 1)
    assert box.status(someone) == "incomplete"
    box.advance(someone.clock, START + 23 * HOUR)
    assert (box.status(someone), box.invoice(someone).status) == ("incomplete_expired", "void")


def test_paying_in_time_makes_it_active(box: Driver) -> None:
    someone, _ = create(box, "pm_card_chargeCustomerFail")
    good = box.client.v1.payment_methods.attach("pm_card_visa", {"customer": someone.customer})
    box.client.v1.invoices.pay(box.invoice(someone).id, {"payment_method": good.id})
    box.advance(someone.clock, START + DAY)
    assert box.status(someone) == "active"


def test_default_incomplete_waits_for_the_payer(box: Driver) -> None:
    someone, made = create(box, "pm_card_visa", payment_behavior="default_incomplete")
    assert (made.status, box.invoice(someone).attempted) == ("incomplete", False)
    given: Any = {"expand": ["latest_invoice.confirmation_secret"]}
    shown: Any = box.client.v1.subscriptions.retrieve(made.id, given)
    assert "_secret_" in shown.latest_invoice.confirmation_secret.client_secret
    box.client.v1.invoices.pay(box.invoice(someone).id)
    assert box.status(someone) == "active"


def test_error_if_incomplete_creates_nothing(box: Driver) -> None:
    with pytest.raises(stripe.CardError) as refusal:
        create(box, "pm_card_chargeCustomerFail", payment_behavior="error_if_incomplete")
    assert refusal.value.code == "card_declined"
    assert "customer.subscription.created" not in box.event_types()


def test_without_a_method_nothing_is_created(box: Driver) -> None:
    customer = box.client.v1.customers.create({}).id
    given: Any = {"customer": customer, "items": [{"price": box.price()}]}
    with pytest.raises(stripe.InvalidRequestError, match="no attached payment source"):
        box.client.v1.subscriptions.create(given)


def test_a_trial_ends_with_the_first_invoice(box: Driver) -> None:
    someone, made = create(box, "pm_card_visa", trial_period_days=10)
    assert (made.status, made.trial_end, period_end(made)) == (
        "trialing",
        START + 10 * DAY,
        START + 10 * DAY,
    )
    free = box.invoice(someone)
    assert (free.status, free.total, free.amount_due) == ("paid", 0, 0)
    box.advance(someone.clock, START + 7 * DAY)
    assert "customer.subscription.trial_will_end" in box.event_types()
    box.advance(someone.clock, START + 10 * DAY + HOUR)
    assert (box.status(someone), box.invoice(someone).amount_paid) == ("active", 1200)


@pytest.mark.parametrize(
    ("choice", "status"),
    [("cancel", "canceled"), ("pause", "paused"), ("create_invoice", "active")],
)
def test_a_trial_that_ends_without_a_method(box: Driver, choice: str, status: str) -> None:
    clock = box.clock()
    customer = box.client.v1.customers.create({"test_clock": clock}).id
    given: Any = {
        "customer": customer,
        "items": [{"price": box.price()}],
        "trial_end": START + 5 * DAY,
        "trial_settings": {"end_behavior": {"missing_payment_method": choice}},
    }
    made = box.client.v1.subscriptions.create(given)
    box.advance(clock, START + 5 * DAY)
    assert box.client.v1.subscriptions.retrieve(made.id).status == status
    box.advance(clock, START + 5 * DAY + HOUR)
    late = {"active": "past_due"}.get(status, status)
    assert box.client.v1.subscriptions.retrieve(made.id).status == late


def test_a_paused_subscription_can_be_resumed(box: Driver) -> None:
    pause: Any = {"end_behavior": {"missing_payment_method": "pause"}}
    clock = box.clock()
    customer = box.client.v1.customers.create({"test_clock": clock}).id
    given: Any = {
        "customer": customer,
        "items": [{"price": box.price()}],
        "trial_period_days": 5,
        "trial_settings": pause,
    }
    made = box.client.v1.subscriptions.create(given)
    box.advance(clock, START + 6 * DAY)
    card = box.client.v1.payment_methods.attach("pm_card_visa", {"customer": customer})
    default: Any = {"invoice_settings": {"default_payment_method": card.id}}
    box.client.v1.customers.update(customer, default)
    resumed = box.client.v1.subscriptions.resume(made.id)
    assert resumed.status == "active"
    assert box.client.v1.invoices.retrieve(str(resumed.latest_invoice)).status == "paid"


def test_cancelling_now_stops_the_collection_of_open_invoices(box: Driver) -> None:
    box.control("settings", retries=[3, 3])
    someone = box.subscriber()
    box.script(someone.method, "insufficient_funds")
    box.advance(someone.clock, period_end_of(box, someone) + HOUR)
    details: Any = {"cancellation_details": {"feedback": "too_expensive", "comment": "bye"}}
    ended = box.client.v1.subscriptions.cancel(someone.subscription, details)
    assert (ended.status, ended.ended_at) == ("canceled", box.now(someone.clock))
    assert ended.cancellation_details is not None
    assert (ended.cancellation_details.reason, ended.cancellation_details.feedback) == (
        "cancellation_requested",
        "too_expensive",
    )
    invoice = box.invoice(someone)
    assert (invoice.status, invoice.auto_advance, invoice.next_payment_attempt) == (
        "open",
        False,
        None,
    )
    assert box.read("next_due", test_clock=someone.clock)["next_due_at"] is None
    with pytest.raises(stripe.InvalidRequestError):
        box.client.v1.subscriptions.cancel(someone.subscription)


def period_end_of(box: Driver, someone: Subscriber) -> int:
    return period_end(box.client.v1.subscriptions.retrieve(someone.subscription))


def test_cancelling_at_the_period_end_and_changing_ones_mind(box: Driver) -> None:
    someone = box.subscriber()
    wish: Any = {"cancel_at_period_end": True}
    wished = box.client.v1.subscriptions.update(someone.subscription, wish)
    end = period_end(wished)
    assert (wished.cancel_at, wished.canceled_at, wished.status) == (end, START, "active")
    back = box.client.v1.subscriptions.update(someone.subscription, {"cancel_at_period_end": False})
    assert (back.cancel_at, back.canceled_at) == (None, None)
    box.client.v1.subscriptions.update(someone.subscription, wish)
    box.advance(someone.clock, end)
    assert box.status(someone) == "canceled"
    assert box.invoice(someone).billing_reason == "subscription_create"


def test_cancelling_at_an_instant(box: Driver) -> None:
    someone = box.subscriber()
    box.client.v1.subscriptions.update(someone.subscription, {"cancel_at": START + 5 * DAY})
    box.advance(someone.clock, START + 5 * DAY - 1)
    assert box.status(someone) == "active"
    box.advance(someone.clock, START + 5 * DAY)
    assert box.status(someone) == "canceled"


def test_a_bigger_plan_is_prorated_on_the_next_invoice(box: Driver) -> None:
    someone = box.subscriber()
    item = box.client.v1.subscriptions.retrieve(someone.subscription)["items"].data[0].id
    box.advance(someone.clock, START + 14 * DAY)
    change: Any = {"items": [{"id": item, "price": box.price(2400)}]}
    box.client.v1.subscriptions.update(someone.subscription, change)
    box.advance(someone.clock, START + 28 * DAY + HOUR)
    lines = {(line.amount, line.description) for line in box.invoice(someone).lines.data}
    assert lines == {
        (2400, "1 × Gold (per month)"),
        (-600, "Unused time on 1 × Gold"),
        (1200, "Remaining time on 1 × Gold"),
    }


@pytest.mark.parametrize(("end", "status"), [("mark_uncollectible", "active"), ("void", "active")])
def test_giving_the_latest_invoice_up_makes_it_active(box: Driver, end: str, status: str) -> None:
    someone = box.subscriber()
    box.script(someone.method, "insufficient_funds")
    box.advance(someone.clock, period_end_of(box, someone) + HOUR)
    assert box.status(someone) == "past_due"
    path = f"/v1/invoices/{box.invoice(someone).id}/{end}"
    assert box.raw("POST", path).status_code == 200
    assert box.status(someone) == status


def test_only_the_latest_invoice_decides(box: Driver) -> None:
    someone = box.subscriber()
    box.script(someone.method, "insufficient_funds")
    box.advance(someone.clock, period_end_of(box, someone) + HOUR)
    older = box.invoice(someone).id
    box.advance(someone.clock, period_end_of(box, someone) + HOUR)
    box.script(someone.method, "approve")
    box.client.v1.invoices.pay(older)
    assert box.status(someone) == "past_due"
    box.client.v1.invoices.pay(box.invoice(someone).id)
    assert box.status(someone) == "active"


def test_lists_hide_clocked_and_ended_subscriptions(box: Driver) -> None:
    someone = box.subscriber()
    everything = box.client.v1.subscriptions
    assert everything.list().data == []
    assert len(everything.list({"test_clock": someone.clock}).data) == 1
    everything.cancel(someone.subscription)
    assert everything.list({"customer": someone.customer}).data == []
    ended = everything.list({"customer": someone.customer, "status": "canceled"}).data
    assert [row.id for row in ended] == [someone.subscription]


def test_sent_invoices_are_due_later(box: Driver) -> None:
    someone, made = create(box, "pm_card_visa", collection_method="send_invoice", days_until_due=10)
    assert made.status == "active"
    box.advance(someone.clock, START + HOUR)
    sent = box.invoice(someone)
    assert {"invoice.finalized", "invoice.sent"} <= set(box.event_types())
    assert (sent.status, sent.due_date, sent.attempted) == ("open", START + HOUR + 10 * DAY, False)
    box.advance(someone.clock, START + 11 * DAY)
    assert box.status(someone) == "past_due"
    assert "invoice.overdue" in box.event_types()
    outside: Any = {"paid_out_of_band": True}
    paid = box.client.v1.invoices.pay(sent.id, outside)
    assert (paid.status, paid.amount_remaining, paid.amount_paid_off_stripe) == ("paid", 0, 1200)
    assert box.status(someone) == "active"
