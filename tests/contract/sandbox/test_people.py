"""What customers and networks do: pages, 3DS, bank debits, disputes, card updates."""

from typing import Any

import pytest
import requests
import stripe

from tests.contract.sandbox.driving import DAY, HOUR, START, Driver, Subscriber

ASKS = {"requires_action": True}


def owing(box: Driver, *outcomes: Any, method: str = "pm_card_visa") -> tuple[Subscriber, str]:
    """Return a subscriber whose renewal was just tried, and the invoice."""
    someone = box.subscriber(method)
    box.script(someone.method, *outcomes)
    box.advance(someone.clock, START + 28 * DAY + HOUR)
    return someone, str(box.invoice(someone).id)


def post(box: Driver, page: str, **form: Any) -> requests.Response:
    headers = {"Accept": "application/json"}
    url = f"{box.base_url}/_sandbox/{page}"
    return requests.post(url, data=form, headers=headers, timeout=10)


def intent(box: Driver, someone: Subscriber) -> Any:
    payments = box.invoice(someone).payments
    assert payments is not None
    return payments.data[0].payment.payment_intent


def test_a_charge_that_needs_the_customer(box: Driver) -> None:
    someone, invoice = owing(box, ASKS)
    assert (intent(box, someone).status, box.status(someone)) == ("requires_action", "past_due")
    assert {"invoice.payment_action_required", "payment_intent.requires_action"} <= set(
        box.event_types()
    )
    with pytest.raises(stripe.CardError) as refusal:
        box.client.v1.invoices.pay(invoice)
    assert refusal.value.code == "invoice_payment_intent_requires_action"
    box.control("act", act="authenticate", invoice=invoice)
    assert (box.invoice(someone).status, box.status(someone)) == ("paid", "active")


def test_a_customer_who_walks_away_from_3ds(box: Driver) -> None:
    someone, invoice = owing(box, ASKS)
    box.control("act", act="abandon", invoice=invoice)
    failed = intent(box, someone)
    assert failed.status == "requires_payment_method"
    assert failed.last_payment_error.code == "payment_intent_authentication_failure"


def test_confirming_may_end_in_a_decline(box: Driver) -> None:
    someone, invoice = owing(box, {**ASKS, "on_authenticate": "insufficient_funds"})
    box.control("act", act="authenticate", invoice=invoice)
    assert intent(box, someone).last_payment_error.decline_code == "insufficient_funds"
    assert box.status(someone) == "past_due"


def test_paying_on_the_page_with_a_new_card(box: Driver) -> None:
    someone, invoice = owing(box, "lost_card")
    shown = requests.get(str(box.invoice(someone).hosted_invoice_url), timeout=10)
    assert shown.status_code == 200
    assert "12.00 EUR" in shown.text
    card = {"number": "5555 5555 5555 4444", "exp_month": "11", "exp_year": "2033"}
    answer = post(box, f"pay/{invoice}", **card)
    assert answer.json()["status"] == "paid"
    entry = box.read("requests")["requests"][-1]
    assert (entry["by"], entry["status"], len(entry["charges"])) == ("customer", 200, 1)
    assert entry["params"]["number"] == "…"
    assert box.read("charges")["charges"][-1]["by"] == "customer"
    owner = box.client.v1.customers.retrieve(someone.customer)
    assert owner.invoice_settings is not None
    assert owner.invoice_settings.default_payment_method != someone.method


def test_a_page_says_why_a_card_was_declined(box: Driver) -> None:
    _, invoice = owing(box, "insufficient_funds")
    answer = post(box, f"pay/{invoice}")
    assert (answer.status_code, answer.json()["error"]["code"]) == (402, "card_declined")
    wrong = post(box, f"pay/{invoice}", number="4242424242424241", exp_month="1", exp_year="2031")
    assert wrong.json()["error"]["code"] == "incorrect_number"
    page = requests.post(f"{box.base_url}/_sandbox/pay/{invoice}", timeout=10)
    assert "Your card has insufficient funds." in page.text


def test_the_portal_changes_the_card_and_cancels(box: Driver) -> None:
    someone, _ = owing(box, "insufficient_funds")
    session = box.client.v1.billing_portal.sessions.create({"customer": someone.customer})
    assert "Change the card" in requests.get(session.url, timeout=10).text
    changed = post(box, f"portal/{someone.customer}", payment_method="pm_card_mastercard")
    default = changed.json()["invoice_settings"]["default_payment_method"]
    assert default != someone.method
    wish = {"action": "cancel", "subscription": someone.subscription, "when": "period_end"}
    post(box, f"portal/{someone.customer}", **wish, feedback="unused")
    row = box.client.v1.subscriptions.retrieve(someone.subscription)
    assert row.cancel_at_period_end is True
    assert row.cancellation_details is not None
    assert row.cancellation_details.feedback == "unused"


@pytest.mark.parametrize(
    ("outcome", "status", "standing"),
    [("approve", "paid", "active"), ({"decline_code": "insufficient_funds"}, "open", "past_due")],
)
def test_a_bank_debit_takes_days(box: Driver, outcome: Any, status: str, standing: str) -> None:
    someone, _ = owing(box, outcome, method="pm_sepaDebit_success")
    assert (intent(box, someone).status, box.status(someone)) == ("processing", "active")
    assert box.raw("POST", f"/v1/invoices/{box.invoice(someone).id}/pay").status_code == 400
    box.advance(someone.clock, START + 34 * DAY)
    assert (box.invoice(someone).status, box.status(someone)) == (status, standing)


def test_test_account_numbers_fail_after_their_days(box: Driver) -> None:
    someone = box.subscriber()
    bank: Any = {"routing_number": "110000000", "account_number": "000222222227"}
    poor = box.client.v1.payment_methods.create(
        {"type": "us_bank_account", "us_bank_account": bank}
    )
    box.client.v1.payment_methods.attach(poor.id, {"customer": someone.customer})
    change: Any = {"default_payment_method": poor.id}
    box.client.v1.subscriptions.update(someone.subscription, change)
    box.advance(someone.clock, START + 29 * DAY)
    assert intent(box, someone).status == "processing"
    box.advance(someone.clock, START + 33 * DAY)
    assert intent(box, someone).last_payment_error.network_decline_code == "R01"


def test_a_debit_returned_while_processing_and_after(box: Driver) -> None:
    someone, invoice = owing(box, "approve", method="pm_usBankAccount_success")
    box.control("act", act="return_debit", invoice=invoice)
    assert intent(box, someone).last_payment_error.network_decline_code == "R01"
    box.client.v1.invoices.pay(invoice)
    box.advance(someone.clock, START + 40 * DAY)
    assert box.invoice(someone).status == "paid"
    box.control("act", act="return_debit", invoice=invoice)
    dispute = box.client.v1.disputes.list().data[0]
    assert (dispute.status, dispute.reason) == ("lost", "insufficient_funds")
    assert {"charge.dispute.created", "charge.dispute.closed"} <= set(box.event_types())


def test_the_network_updates_a_card(box: Driver) -> None:
    box.control("settings", retries=[1, 1])
    someone, _ = owing(box, "pickup_card")
    number = "4000056655665556"
    box.control(
        "act", act="auto_update_card", payment_method=someone.method, number=number, exp_year=2039
    )
    box.script(someone.method, "approve")
    event = box.client.v1.events.list({"type": "payment_method.automatically_updated"}).data[0]
    assert event.data.object.to_dict()["card"]["last4"] == "5556"
    box.advance(someone.clock, START + 30 * DAY)
    assert box.invoice(someone).status == "paid"


def test_disputes_warnings_refunds_and_mandates(box: Driver) -> None:
    someone, invoice = owing(box, "approve", method="pm_card_mastercard")
    box.control("act", act="early_fraud_warning", invoice=invoice)
    made = box.control("act", act="dispute", invoice=invoice, reason="product_not_received")
    box.control("act", act="close_dispute", dispute=made["id"], status="won")
    box.control("act", act="refund", invoice=invoice, amount=200)
    charge = box.client.v1.charges.list({"customer": someone.customer}).data[0]
    assert (charge.disputed, charge.amount_refunded, charge.refunded) == (True, 200, False)
    bank, _ = owing(box, "approve", method="pm_sepaDebit_success")
    box.control("act", act="revoke_mandate", payment_method=bank.method)
    types = set(box.event_types())
    assert {"radar.early_fraud_warning.created", "charge.refunded", "mandate.updated"} <= types


def test_a_script_may_end_at_an_instant(box: Driver) -> None:
    cured_at = START + 30 * DAY
    poor = {"decline_code": "insufficient_funds", "until": cured_at}
    someone, invoice = owing(box, poor, "approve")
    with pytest.raises(stripe.CardError):
        box.client.v1.invoices.pay(invoice)
    box.advance(someone.clock, cured_at)
    assert box.client.v1.invoices.pay(invoice).status == "paid"


def test_an_expired_card_declines(box: Driver) -> None:
    clock = box.clock()
    owner = box.client.v1.customers.create({"test_clock": clock})
    card: Any = {"number": "4000002500000003", "exp_month": 1, "exp_year": 2026}
    method = box.client.v1.payment_methods.create({"type": "card", "card": card})
    box.client.v1.payment_methods.attach(method.id, {"customer": owner.id})
    given: Any = {
        "customer": owner.id,
        "default_payment_method": method.id,
        "items": [{"price": box.price()}],
    }
    made = box.client.v1.subscriptions.create(given)
    box.advance(clock, START + 29 * DAY)
    rows = box.client.v1.charges.list({"customer": owner.id}).data
    assert [row.failure_code for row in rows] == ["expired_card", None]
    assert box.client.v1.subscriptions.retrieve(made.id).status == "past_due"


def test_credit_notes_reduce_what_is_left(box: Driver) -> None:
    someone, invoice = owing(box, "insufficient_funds")
    box.client.v1.credit_notes.create({"invoice": invoice, "amount": 500})
    left = box.invoice(someone)
    assert (left.amount_remaining, left.pre_payment_credit_notes_amount) == (700, 500)
    assert intent(box, someone).amount == 700
    box.client.v1.credit_notes.create({"invoice": invoice, "amount": 700})
    assert (box.invoice(someone).status, box.status(someone)) == ("paid", "active")
    assert len([c for c in box.read("charges")["charges"] if c["invoice"] == invoice]) == 1
