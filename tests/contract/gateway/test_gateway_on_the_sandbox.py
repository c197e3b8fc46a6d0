"""The gateway against the project's Stripe: every port method, over HTTP, through the SDK."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tests.contract.gateway.conftest import STARTED, Renewal
from tests.integration.gateway.scripted_stripe import OpenLimiter
from worker.domain.declines import classify
from worker.domain.policy import DeclineClass
from worker.domain.readings import Answer, AnswerKind
from worker.errors import GatewayRejected, GatewayUnavailable
from worker.gateway.invoice_readers import StripeReader
from worker.gateway.stripe_gateway import SdkGateway
from worker.gateway.transport import API_VERSION, Transport
from worker.ports import StripeGateway


def _pay(renewal: Renewal, number: int = 1) -> Answer:
    key = f"dun:v1:{renewal.invoice_id}:{number}"
    return renewal.gateway.pay_invoice(
        renewal.invoice_id, payment_method_id=renewal.method_id, key=key
    )


def test_the_gateway_is_the_port(renewal: Renewal) -> None:
    gateway: StripeGateway = renewal.gateway
    assert gateway.account_id().startswith("acct_")
    assert gateway.take_charge_slot()


def test_one_read_tells_all_it_takes_to_decide(renewal: Renewal) -> None:
    invoice = renewal.gateway.read_invoice(renewal.invoice_id)
    assert (invoice.status, invoice.attempted) == ("open", True)
    assert invoice.billing_reason == "subscription_cycle"
    assert (invoice.amount_remaining_minor, invoice.currency) == (1200, "eur")
    assert invoice.hosted_invoice_url
    assert invoice.subscription is not None
    assert (invoice.subscription.id, invoice.subscription.status) == (
        renewal.subscription_id,
        "past_due",
    )
    assert invoice.subscription.items[0].interval == "month"
    assert invoice.period_start_at == invoice.subscription.period_start_at
    assert invoice.customer is not None
    assert invoice.customer.test_clock_id == renewal.clock_id
    assert invoice.customer.default_payment_method is not None
    assert invoice.customer.default_payment_method.brand == "mastercard"
    assert invoice.payment is not None
    assert invoice.payment.status == "requires_payment_method"
    assert invoice.payment.payment_method_id == renewal.method_id
    assert invoice.payment.signals is not None
    sent = {name: getattr(invoice.payment.signals, name) for name in renewal.declined}
    assert sent == renewal.declined


def test_a_decline_is_read_classed_and_its_charge_counted(renewal: Renewal) -> None:
    answer = _pay(renewal)
    assert (answer.kind, answer.status, answer.code) == (
        AnswerKind.DECLINED,
        402,
        "card_declined",
    )
    assert answer.signals is not None
    assert answer.payment_method is not None
    decline = classify(
        answer.signals,
        brand=answer.payment_method.brand,
        payment_method_type=answer.payment_method.type,
    )
    assert decline.decline_class is DeclineClass.FUNDS
    assert (decline.rule, decline.earliest_wait) == ("network_wait", timedelta(hours=24))
    charge = renewal.gateway.read_charge(answer.charge_id)
    assert charge.signals.network_status == "declined_by_network"
    assert (charge.brand, charge.payment_method_type) == ("mastercard", "card")
    assert charge.fingerprint == answer.payment_method.fingerprint


def test_a_payment_is_done_and_its_replay_says_so(renewal: Renewal) -> None:
    renewal.script("approve")
    paid, again = _pay(renewal), _pay(renewal)
    assert (paid.kind, paid.replayed, paid.amount_paid_minor) == (AnswerKind.DONE, False, 1200)
    assert paid.payment_method_id == renewal.method_id
    assert (again.kind, again.replayed, again.charge_id) == (
        AnswerKind.DONE,
        True,
        paid.charge_id,
    )
    after = renewal.gateway.read_invoice(renewal.invoice_id)
    assert (after.status, after.paid_at is not None) == ("paid", True)
    other_key = _pay(renewal, number=2)
    assert (other_key.kind, other_key.code) == (AnswerKind.REFUSED, "invoice_already_paid")


def test_the_same_key_with_another_method_is_refused(renewal: Renewal) -> None:
    _pay(renewal)
    method = renewal.client.v1.payment_methods.attach(
        "pm_card_visa", {"customer": renewal.customer_id}
    )
    answer = renewal.gateway.pay_invoice(
        renewal.invoice_id,
        payment_method_id=method.id,
        key=f"dun:v1:{renewal.invoice_id}:1",
    )
    assert (answer.kind, answer.code) == (AnswerKind.REFUSED, "idempotency_error")


def test_3d_secure_needs_the_customer(renewal: Renewal) -> None:
    renewal.script({"requires_action": True})
    answer = _pay(renewal)
    assert answer.kind is AnswerKind.ACTION_REQUIRED
    payment = renewal.gateway.read_invoice(renewal.invoice_id).payment
    assert payment is not None
    assert payment.status == "requires_action"


def test_a_slow_payment_is_processing(renewal: Renewal) -> None:
    renewal.script({"processing_days": 3})
    answer = _pay(renewal)
    assert answer.kind is AnswerKind.PROCESSING
    assert answer.charge_id


def test_a_radar_block_is_seen_in_the_charge(renewal: Renewal) -> None:
    renewal.script(
        {
            "decline_code": "fraudulent",
            "outcome_type": "blocked",
            "network_status": "not_sent_to_network",
        }
    )
    charge = renewal.gateway.read_charge(_pay(renewal).charge_id)
    decline = classify(charge.signals, brand=charge.brand, payment_method_type="card")
    assert (decline.rule, decline.counted_by_network) == ("outcome", False)


@pytest.mark.parametrize(
    ("fault", "code"),
    [
        ({"kind": "rate_limit"}, "rate_limit"),
        ({"kind": "lock_timeout"}, "lock_timeout"),
        ({"kind": "conflict"}, "idempotency_key_in_use"),
        ({"kind": "error_500"}, ""),
        ({"kind": "html_502"}, ""),
        ({"kind": "cut"}, "connection"),
        ({"kind": "cut_after"}, "connection"),
        ({"kind": "html_502_after"}, ""),
        ({"kind": "hang", "seconds": 3}, "timeout"),
    ],
    ids=lambda value: value["kind"] if isinstance(value, dict) else "",
)
def test_every_fault_leaves_a_charge_unknown_and_sent_once(
    renewal: Renewal, fault: dict[str, Any], code: str
) -> None:
    number = renewal.requests_since(0)[-1]["n"]
    renewal.control("faults", faults=[{**fault, "path": "/pay"}])
    answer = _pay(renewal)
    renewal.control("faults", faults=[])
    assert answer.kind is AnswerKind.UNKNOWN
    assert answer.code == code or not code
    pays = [one for one in renewal.requests_since(number) if one["path"].endswith("/pay")]
    assert [one["path"] for one in pays] == [f"/v1/invoices/{renewal.invoice_id}/pay"]


def test_a_charge_whose_answer_was_lost_is_told_by_its_own_key(renewal: Renewal) -> None:
    renewal.script("approve")
    renewal.control("faults", faults=[{"kind": "cut_after", "path": "/pay", "times": 1}])
    assert _pay(renewal).kind is AnswerKind.UNKNOWN
    again = _pay(renewal)
    assert (again.kind, again.replayed) == (AnswerKind.DONE, True)


def test_a_read_outlives_two_faults_but_not_a_storm(renewal: Renewal) -> None:
    renewal.control("faults", faults=[{"kind": "error_500", "method": "GET", "times": 2}])
    assert renewal.gateway.read_invoice(renewal.invoice_id).id == renewal.invoice_id
    renewal.control("faults", faults=[{"kind": "rate_limit", "method": "GET"}])
    with pytest.raises(GatewayUnavailable):
        renewal.gateway.read_invoice(renewal.invoice_id)
    renewal.control("faults", faults=[])


def test_a_key_without_rights_names_what_it_lacks(renewal: Renewal) -> None:
    renewal.control("keys", key="rk_test_reader", rights=["invoice_read"])
    transport = Transport(
        api_key="rk_test_reader", api_base=renewal.base_url, limiter=OpenLimiter()
    )
    with pytest.raises(GatewayRejected, match="rak_") as refused:
        SdkGateway(transport).pay_invoice(
            renewal.invoice_id, payment_method_id=renewal.method_id, key="k"
        )
    assert refused.value.status == 403


def test_a_wrong_key_is_refused_by_name(renewal: Renewal) -> None:
    transport = Transport(api_key="nonsense", api_base=renewal.base_url, limiter=OpenLimiter())
    with pytest.raises(GatewayRejected, match="STRIPE_API_KEY") as refused:
        SdkGateway(transport).read_invoice(renewal.invoice_id)
    assert refused.value.status == 401


def test_what_is_inside_its_prices_is_told_by_the_latest_invoice(renewal: Renewal) -> None:
    gateway = renewal.gateway
    assert gateway.read_taxes(renewal.subscription_id) is None
    moved: Any = {"address": {"country": "DE"}}
    renewal.client.v1.customers.update(renewal.customer_id, moved)
    automatic: Any = {"automatic_tax": {"enabled": True}}
    renewal.client.v1.subscriptions.update(renewal.subscription_id, automatic)
    before = gateway.read_taxes(renewal.subscription_id)
    assert before is not None
    assert before.lines == ()
    renewal.advance(STARTED + 62 * 86_400)
    after = gateway.read_taxes(renewal.subscription_id)
    assert after is not None
    (line,) = after.lines
    assert (line.tax_minor, line.net_minor) == (192, 1008)
    assert line.percent == 19
    (listed,) = [one for page in gateway.subscription_pages() for one in page]
    assert StripeReader().latest_taxes(listed) == after


def test_what_is_gone_is_a_404(renewal: Renewal) -> None:
    with pytest.raises(GatewayRejected) as refused:
        renewal.gateway.read_invoice("in_gone")
    assert (refused.value.status, refused.value.code) == (404, "resource_missing")
    assert renewal.gateway.void_invoice("in_gone", key="k").kind is AnswerKind.REFUSED


def test_a_subscription_is_ended_now_and_only_once(renewal: Renewal) -> None:
    assert renewal.gateway.cancel_subscription(renewal.subscription_id).kind is AnswerKind.DONE
    again = renewal.gateway.cancel_subscription(renewal.subscription_id)
    assert again.kind is AnswerKind.REFUSED
    assert renewal.gateway.read_subscription(renewal.subscription_id).status == "canceled"


def test_a_subscription_is_left_to_run_out(renewal: Renewal) -> None:
    answer = renewal.gateway.cancel_at_period_end(renewal.subscription_id, key="end:1")
    assert answer.kind is AnswerKind.DONE
    assert renewal.gateway.read_subscription(renewal.subscription_id).cancel_at_period_end


def test_a_subscription_is_paused_without_a_credit_and_only_once(renewal: Renewal) -> None:
    gateway, subscription_id = renewal.gateway, renewal.subscription_id
    paused = gateway.pause_subscription(subscription_id, key="pause:1")
    again = gateway.pause_subscription(subscription_id, key="pause:1")
    assert [(one.kind, one.replayed) for one in (paused, again)] == [
        (AnswerKind.DONE, False),
        (AnswerKind.DONE, True),
    ]
    assert gateway.read_subscription(subscription_id).status == "paused"
    told = [event.type for event in renewal.client.v1.events.list({"limit": 100}).data]
    assert "invoiceitem.created" not in told  # time that nobody paid is not credited
    refused = gateway.pause_subscription(subscription_id, key="pause:2")
    assert (refused.kind, refused.status) == (AnswerKind.REFUSED, 400)


def test_new_invoices_are_held_back(renewal: Renewal) -> None:
    answer = renewal.gateway.hold_invoices(renewal.subscription_id, key="hold:1")
    assert answer.kind is AnswerKind.DONE
    reading = renewal.gateway.read_invoice(renewal.invoice_id).subscription
    assert reading is not None
    assert (reading.collection_paused, reading.pause_behavior) == (True, "keep_as_draft")
    assert reading.status == "past_due"


def test_a_subscription_moves_to_another_price(renewal: Renewal) -> None:
    before = renewal.gateway.read_subscription(renewal.subscription_id)
    price: Any = {
        "currency": "eur",
        "unit_amount": 300,
        "recurring": {"interval": "month"},
        "product_data": {"name": "Small"},
    }
    smaller = renewal.client.v1.prices.create(price).id
    ask: Any = {"item_id": before.items[0].item_id, "price_id": smaller, "key": "price:1"}
    assert renewal.gateway.change_price(renewal.subscription_id, **ask).kind is AnswerKind.DONE
    after = renewal.gateway.read_subscription(renewal.subscription_id)
    assert [(item.item_id, item.price_id) for item in after.items] == [
        (before.items[0].item_id, smaller)
    ]
    ask |= {"price_id": "price_gone", "key": "price:2"}
    refused = renewal.gateway.change_price(renewal.subscription_id, **ask)
    assert (refused.kind, refused.code) == (AnswerKind.REFUSED, "resource_missing")


def test_an_invoice_is_written_off_or_voided(renewal: Renewal) -> None:
    written_off = renewal.gateway.mark_uncollectible(renewal.invoice_id, key="w:1")
    assert written_off.kind is AnswerKind.DONE
    voided = renewal.gateway.void_invoice(renewal.invoice_id, key="v:1")
    assert voided.kind is AnswerKind.DONE
    assert renewal.gateway.read_invoice(renewal.invoice_id).status == "void"


def test_events_are_plain_and_read_like_the_objects(renewal: Renewal) -> None:
    from_at = datetime.fromtimestamp(STARTED, UTC)
    pages = list(renewal.gateway.event_pages(from_at=from_at, to_at=from_at + timedelta(days=40)))
    events: list[Any] = [event for page in pages for event in page]
    created = [event["created"] for event in events]
    assert created == sorted(created, reverse=True)
    failed = [
        event
        for event in events
        if event["type"] == "invoice.payment_failed"
        and event["data"]["object"]["id"] == renewal.invoice_id
    ]
    assert len(failed) == 1
    assert failed[0]["api_version"] == API_VERSION
    reading = StripeReader().invoice(failed[0]["data"]["object"], failed[0]["api_version"])
    assert (reading.subscription_id, reading.status) == (renewal.subscription_id, "open")


def test_only_the_clocks_own_objects_are_listed(renewal: Renewal) -> None:
    subscriptions = [one for page in renewal.gateway.subscription_pages() for one in page]
    customers = [one for page in renewal.gateway.customer_pages() for one in page]
    assert [one["id"] for one in subscriptions] == [renewal.subscription_id]
    assert [one["id"] for one in customers] == [renewal.customer_id]
    reading = StripeReader().customer(customers[0])
    assert reading is not None
    assert reading.default_payment_method is not None
    period_end_at = StripeReader().subscription(subscriptions[0], API_VERSION).period_end_at
    now = renewal.gateway.test_clock_now()
    assert period_end_at is not None
    assert now is not None
    assert now < period_end_at
