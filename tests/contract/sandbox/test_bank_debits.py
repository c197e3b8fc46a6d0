"""Bank debits of every type: days of processing, returns as Stripe words them, blocks, mandates."""

from typing import Any

import pytest
import stripe

from tests.contract.sandbox.driving import DAY, START, Driver, Subscriber
from tests.contract.sandbox.typed_classes import problems

RENEWED_AT = START + 28 * DAY
ACCOUNTS: dict[str, dict[str, str]] = {
    "acss_debit": {
        "transit_number": "11000", "institution_number": "000", "account_number": "000123456789",
    },
    "au_becs_debit": {"bsb_number": "000000", "account_number": "000123456"},
    "bacs_debit": {"sort_code": "108800", "account_number": "00012345"},
    "sepa_debit": {"iban": "DE89370400440532013000"},
    "us_bank_account": {"routing_number": "110000000", "account_number": "000123456789"},
}  # fmt: skip
POOR = {**ACCOUNTS["us_bank_account"], "account_number": "000222222227"}
CLOSED = {**ACCOUNTS["us_bank_account"], "account_number": "000111111113"}


def account(box: Driver, customer: str, kind: str, given: dict[str, str]) -> str:
    """Attach a new account to *customer* and return its id."""
    wanted: Any = {"type": kind, kind: given}
    made = box.client.v1.payment_methods.create(wanted)
    box.client.v1.payment_methods.attach(made.id, {"customer": customer})
    return made.id


def debtor(box: Driver, kind: str, given: dict[str, str] | None = None) -> Subscriber:
    """Return a subscriber whose subscription is paid by debit from the next period on."""
    someone = box.subscriber()
    method = account(box, someone.customer, kind, given or ACCOUNTS[kind])
    box.client.v1.subscriptions.update(someone.subscription, {"default_payment_method": method})
    return Subscriber(someone.clock, someone.customer, method, someone.subscription)


def intent(box: Driver, someone: Subscriber) -> Any:
    payments = box.invoice(someone).payments
    assert payments is not None
    return payments.data[0].payment.payment_intent


def newest_charge(box: Driver, someone: Subscriber) -> stripe.Charge:
    return box.client.v1.charges.list({"customer": someone.customer, "limit": 1}).data[0]


@pytest.mark.parametrize("kind", sorted(ACCOUNTS))
def test_each_type_is_processing_for_days_and_then_paid(box: Driver, kind: str) -> None:
    someone = debtor(box, kind)
    box.advance(someone.clock, RENEWED_AT + DAY)
    assert (intent(box, someone).status, box.status(someone)) == ("processing", "active")
    box.advance(someone.clock, RENEWED_AT + 7 * DAY)
    assert (box.invoice(someone).status, box.status(someone)) == ("paid", "active")
    charge = newest_charge(box, someone).to_dict()
    details = charge["payment_method_details"]
    assert details["type"] == kind
    assert details[kind]["mandate"].startswith("mandate_")
    mandate = box.client.v1.mandates.retrieve(details[kind]["mandate"]).to_dict()
    method = box.client.v1.payment_methods.retrieve(someone.method).to_dict()
    assert details[kind]["fingerprint"] == method[kind]["fingerprint"]
    assert [problem for row in (charge, mandate, method) for problem in problems(row)] == []


@pytest.mark.parametrize(
    ("kind", "code", "network_code"),
    [
        ("us_bank_account", "insufficient_funds", "R01"),
        ("sepa_debit", "insufficient_funds", "AM04"),
        ("bacs_debit", "debit_not_authorized", "1"),
        ("au_becs_debit", "refer_to_customer", None),
        ("acss_debit", "insufficient_funds", None),
    ],
)
def test_a_return_names_the_reason_and_the_schemes_code(
    box: Driver, kind: str, code: str, network_code: str | None
) -> None:
    someone = debtor(box, kind)
    box.script(someone.method, {"decline_code": code, "network_decline_code": network_code})
    box.advance(someone.clock, RENEWED_AT + 7 * DAY)
    error = intent(box, someone).last_payment_error.to_dict()
    assert error["code"] == "payment_intent_payment_attempt_failed"
    assert (error["decline_code"], error.get("network_decline_code")) == (code, network_code)
    charge = newest_charge(box, someone)
    assert charge.failure_code == code
    assert charge.outcome is not None
    assert charge.outcome.network_decline_code == network_code
    assert box.status(someone) == "past_due"


def test_an_account_is_blocked_after_a_final_return(box: Driver) -> None:
    someone = debtor(box, "us_bank_account", CLOSED)
    box.advance(someone.clock, RENEWED_AT + 5 * DAY)
    assert newest_charge(box, someone).failure_code == "bank_account_closed"
    method = box.client.v1.payment_methods.retrieve(someone.method).to_dict()
    assert method["us_bank_account"]["status_details"] == {
        "blocked": {"network_code": "R02", "reason": "bank_account_closed"}
    }
    assert problems(method) == []
    with pytest.raises(stripe.InvalidRequestError) as refusal:
        box.client.v1.invoices.pay(str(box.invoice(someone).id))
    assert refusal.value.code == "payment_method_bank_account_blocked"
    box.advance(someone.clock, RENEWED_AT + 40 * DAY)
    assert newest_charge(box, someone).failure_code == "payment_method_bank_account_blocked"


def test_an_account_without_money_is_not_blocked(box: Driver) -> None:
    someone = debtor(box, "us_bank_account", POOR)
    box.advance(someone.clock, RENEWED_AT + 5 * DAY)
    assert newest_charge(box, someone).failure_code == "insufficient_funds"
    box.client.v1.invoices.pay(str(box.invoice(someone).id))
    assert intent(box, someone).status == "processing"


@pytest.mark.parametrize("kind", ["bacs_debit", "sepa_debit"])
def test_nothing_is_debited_without_a_mandate(box: Driver, kind: str) -> None:
    someone = debtor(box, kind)
    box.control("act", act="revoke_mandate", payment_method=someone.method)
    event = box.client.v1.events.list({"type": "mandate.updated"}).data[0]
    mandate = event.data.object.to_dict()
    assert (mandate["status"], mandate["payment_method"]) == ("inactive", someone.method)
    assert problems(mandate) == []
    box.advance(someone.clock, RENEWED_AT + DAY)
    error = intent(box, someone).last_payment_error
    assert (error.code, box.status(someone)) == ("payment_intent_mandate_invalid", "past_due")
    with pytest.raises(stripe.InvalidRequestError):
        box.client.v1.invoices.pay(str(box.invoice(someone).id))


def test_the_log_of_tries_tells_what_was_debited(box: Driver) -> None:
    someone = debtor(box, "bacs_debit")
    box.advance(someone.clock, RENEWED_AT + 7 * DAY)
    tried = box.read("charges")["charges"]
    method = box.client.v1.payment_methods.retrieve(someone.method).to_dict()
    mark = method["bacs_debit"]["fingerprint"]
    assert [(one["method"]["type"], one["status"], one["settles"]) for one in tried[-2:]] == [
        ("bacs_debit", "pending", False), ("bacs_debit", "succeeded", True),
    ]  # fmt: skip
    assert {one["method"]["fingerprint"] for one in tried[-2:]} == {mark}
    assert tried[0]["method"]["brand"] == "visa"


def test_a_customer_may_have_several_methods(box: Driver) -> None:
    someone = box.subscriber()
    bank = account(box, someone.customer, "bacs_debit", ACCOUNTS["bacs_debit"])
    listed = box.client.v1.customers.payment_methods.list(someone.customer).data
    assert [row.id for row in listed] == [bank, someone.method]
    assert {row.created for row in listed} == {START}
    cards = box.client.v1.customers.payment_methods.list(someone.customer, {"type": "card"}).data
    assert [row.id for row in cards] == [someone.method]


def test_a_renewal_is_moved_while_an_invoice_is_open(box: Driver) -> None:
    someone = box.subscriber()
    box.script(someone.method, "insufficient_funds", then="approve")
    box.advance(someone.clock, RENEWED_AT + DAY)
    assert box.status(someone) == "past_due"
    to = RENEWED_AT + 20 * DAY
    moved: Any = {"trial_end": to, "proration_behavior": "none"}
    row = box.client.v1.subscriptions.update(someone.subscription, moved)
    assert (row.status, row.trial_end) == ("trialing", to)
    assert row["items"].data[0].current_period_end == to
    assert box.invoice(someone).status == "open"
