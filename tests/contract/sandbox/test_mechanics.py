"""Keys, errors, lists, expansion and rights, as the SDK sees them."""

import threading
from typing import Any

import pytest
import stripe

from tests.contract.sandbox.driving import DAY, START, Driver


def failed_invoice(box: Driver) -> tuple[str, str]:
    """Return a subscriber's open invoice and the method that was declined."""
    someone = box.subscriber()
    box.script(someone.method, "insufficient_funds")
    box.advance(someone.clock, START + 29 * DAY)
    return str(box.invoice(someone).id), someone.method


def test_a_key_replays_its_answer_and_charges_once(box: Driver) -> None:
    invoice, method = failed_invoice(box)
    box.script(method, "approve")
    options: Any = {"idempotency_key": "dun:v1:1"}
    first = box.client.v1.invoices.pay(invoice, {}, options)
    again = box.client.v1.invoices.pay(invoice, {}, options)
    assert again.to_dict() == first.to_dict()
    assert again.last_response is not None
    assert again.last_response.headers["idempotent-replayed"] == "true"
    assert len([c for c in box.read("charges")["charges"] if c["by"] == "api"]) == 2  # and creation
    paid = [e for e in box.client.v1.events.list({"type": "invoice.paid"}).data if e.request]
    assert paid[0].request is not None
    assert paid[0].request.idempotency_key == "dun:v1:1"


def test_a_stored_decline_is_replayed(box: Driver) -> None:
    invoice, method = failed_invoice(box)
    options: Any = {"idempotency_key": "k"}
    for _ in range(2):
        with pytest.raises(stripe.CardError):
            box.client.v1.invoices.pay(invoice, {}, options)
        box.script(method, "approve")
    assert box.client.v1.invoices.pay(invoice, {}, {"idempotency_key": "k2"}).status == "paid"


def test_other_parameters_with_the_same_key_are_refused(box: Driver) -> None:
    options: Any = {"idempotency_key": "k"}
    box.client.v1.customers.create({"name": "Ann"}, options)
    with pytest.raises(stripe.IdempotencyError):
        box.client.v1.customers.create({"name": "Bob"}, options)


def test_a_refused_request_frees_its_key(box: Driver) -> None:
    options: Any = {"idempotency_key": "k"}
    wrong: Any = {"nome": "Ann"}
    with pytest.raises(stripe.InvalidRequestError) as refusal:
        box.client.v1.customers.create(wrong, options)
    assert (refusal.value.code, refusal.value.param) == ("parameter_unknown", "nome")
    assert box.client.v1.customers.create({"name": "Ann"}, options).name == "Ann"


def test_a_key_in_flight_is_a_conflict(box: Driver) -> None:
    slow = {"kind": "slow_after", "path": "/customers", "times": 1, "seconds": 0.5}
    box.control("faults", faults=[slow])
    headers = {"Idempotency-Key": "k"}
    codes: list[int] = []

    def send() -> None:
        codes.append(box.raw("POST", "/v1/customers", headers=headers).status_code)

    first = threading.Thread(target=send)
    first.start()
    while not any(entry["fault"] for entry in box.read("requests")["requests"]):
        pass
    conflict = box.raw("POST", "/v1/customers", headers=headers)
    first.join()
    assert (conflict.status_code, conflict.json()["error"]["code"]) == (
        409,
        "idempotency_key_in_use",
    )
    assert codes == [200]


def test_a_decline_says_everything_a_card_error_can(box: Driver) -> None:
    invoice, method = failed_invoice(box)
    outcome = {
        "decline_code": "do_not_honor",
        "advice_code": "do_not_try_again",
        "network_decline_code": "05",
        "network_advice_code": "03",
    }
    box.script(method, outcome)
    with pytest.raises(stripe.CardError) as refusal:
        box.client.v1.invoices.pay(invoice)
    error: Any = refusal.value.error
    assert (refusal.value.http_status, error.code, error.decline_code) == (
        402,
        "card_declined",
        "do_not_honor",
    )
    assert (error.advice_code, error.network_decline_code, error.network_advice_code) == (
        "do_not_try_again",
        "05",
        "03",
    )
    assert error.payment_intent.status == "requires_payment_method"
    assert error.payment_intent.latest_charge == error.charge
    assert error.payment_method.id == method


@pytest.mark.parametrize(
    ("key", "status"), [("", 401), ("pk_test_x", 401), ("sk_live_x", 401), ("rk_test_x", 200)]
)
def test_keys(box: Driver, key: str, status: int) -> None:
    assert box.raw("GET", "/v1/customers", key=key).status_code == status


def test_a_restricted_key_without_the_right(box: Driver) -> None:
    box.control("keys", key="rk_test_x", rights=["customer_read"])
    assert box.raw("GET", "/v1/customers", key="rk_test_x").status_code == 200
    refused = box.raw("POST", "/v1/customers", key="rk_test_x")
    assert (refused.status_code, refused.json()["error"]["code"]) == (
        403,
        "more_permissions_required",
    )


def test_another_api_version_is_refused(box: Driver) -> None:
    old = {"Stripe-Version": "2024-06-20"}
    answer = box.raw("GET", "/v1/customers", headers=old)
    assert (answer.status_code, "2026-10-28.endive" in answer.text) == (400, True)


def test_unknown_addresses_and_ids(box: Driver) -> None:
    assert box.raw("GET", "/v1/nonsense").status_code == 404
    assert box.raw("DELETE", "/v1/invoices").status_code == 404
    missing = box.raw("GET", "/v1/invoices/in_none").json()["error"]
    assert (missing["code"], missing["param"], missing["message"]) == (
        "resource_missing",
        "id",
        "No such invoice: 'in_none'",
    )
    wrong = box.raw("POST", "/v1/subscriptions", data={"customer": "cus_x", "items[0][price]": "p"})
    assert (wrong.status_code, wrong.json()["error"]["param"]) == (400, "customer")


@pytest.mark.parametrize(
    ("query", "code"),
    [
        ("limit=0", None),
        ("limit=101", None),
        ("limit=x", "parameter_invalid_integer"),
        ("starting_after=evt_none", "resource_missing"),
        ("&".join(f"types[]=invoice.{n}" for n in range(21)), "parameter_invalid"),
        ("colour=red", "parameter_unknown"),
        ("created[near]=1", "parameter_unknown"),
        ("type=invoice.paid&types[]=invoice.paid", None),
        ("expand[]=object", None),
    ],
)
def test_event_lists_refuse_nonsense(box: Driver, query: str, code: str | None) -> None:
    answer = box.raw("GET", f"/v1/events?{query}")
    assert (answer.status_code, answer.json()["error"].get("code")) == (400, code)


def test_lists_page_in_both_directions(box: Driver) -> None:
    made = [box.client.v1.customers.create({"name": str(n)}).id for n in range(7)]
    newest_first = made[::-1]
    pages = box.client.v1.customers.list({"limit": 3})
    assert [row.id for row in pages.auto_paging_iter()] == newest_first
    before = box.client.v1.customers.list({"limit": 2, "ending_before": newest_first[4]})
    assert [row.id for row in before.data] == newest_first[2:4]
    assert before.has_more is True


def test_events_by_type_and_time(box: Driver) -> None:
    someone = box.subscriber()
    box.advance(someone.clock, START + 29 * DAY)
    events = box.client.v1.events
    late: Any = {"created": {"gte": START + 28 * DAY}, "types": ["invoice.paid", "charge.failed"]}
    assert [event.type for event in events.list(late).data] == ["invoice.paid"]
    early: Any = {"created": {"lt": START + 1}, "type": "invoice.paid"}
    first = events.list(early).data[0]
    assert first.created == START
    assert events.retrieve(first.id).to_dict() == first.to_dict()
    everything = [event.created for event in events.list({"limit": 100}).data]
    assert everything == sorted(everything, reverse=True)


def test_updated_events_say_what_was_before(box: Driver) -> None:
    made = box.client.v1.customers.create({"name": "Ann", "metadata": {"zone": "a", "kept": "1"}})
    change: Any = {"name": "Anna", "metadata": {"zone": "b", "new": "2"}}
    box.client.v1.customers.update(made.id, change)
    event = box.client.v1.events.list({"type": "customer.updated"}).data[0]
    assert event.data.previous_attributes is not None
    before = event.data.previous_attributes.to_dict()
    assert before == {"name": "Ann", "metadata": {"zone": "a", "new": None}}
    now = event.data.object.to_dict()
    assert (now["name"], now["metadata"]) == ("Anna", {"zone": "b", "kept": "1", "new": "2"})


def test_expansion(box: Driver) -> None:
    invoice, method = failed_invoice(box)
    paths = [
        "payments.data.payment.payment_intent.latest_charge",
        "parent.subscription_details.subscription",
        "customer.invoice_settings.default_payment_method",
    ]
    given: Any = {"expand": paths}
    shown: Any = box.client.v1.invoices.retrieve(invoice, given)
    assert shown.payments.data[0].payment.payment_intent.latest_charge.status == "failed"
    assert shown.parent.subscription_details.subscription.status == "past_due"
    assert shown.customer.invoice_settings.default_payment_method.id == method
    plain = box.client.v1.invoices.retrieve(invoice)
    assert "payments" not in plain
    listed: Any = box.client.v1.invoices.list({"expand": [f"data.{path}" for path in paths]})
    assert listed.data[0].customer.email == "ann@example.com"


@pytest.mark.parametrize(
    "path", ["charge", "payment_intent", "customer.name", "payments.payment", "parent", "a.b.c.d.e"]
)
def test_paths_that_cannot_be_expanded(box: Driver, path: str) -> None:
    invoice, _ = failed_invoice(box)
    answer = box.raw("GET", f"/v1/invoices/{invoice}?expand[]={path}")
    assert answer.status_code == 400
    assert answer.json()["error"]["message"] == f"This property cannot be expanded ({path})."


def test_a_wrong_path_leaves_nothing_behind(box: Driver) -> None:
    answer = box.raw("POST", "/v1/customers", data={"name": "Ann", "expand[]": "data.name"})
    assert answer.status_code == 400
    assert box.client.v1.customers.list().data == []


def test_the_accounts_rate_limit(box: Driver) -> None:
    box.control("settings", rate_limit_per_second=5)
    codes = [box.raw("GET", "/v1/account").status_code for _ in range(8)]
    assert codes[:5] == [200] * 5
    assert 429 in codes[5:]


def test_invoice_payments_by_payment_intent(box: Driver) -> None:
    invoice, _ = failed_invoice(box)
    payments = box.client.v1.invoice_payments
    only = payments.list({"invoice": invoice}).data[0]
    intent = str(only.payment.payment_intent)
    by_intent: Any = {"payment": {"type": "payment_intent", "payment_intent": intent}}
    assert [row.id for row in payments.list(by_intent).data] == [only.id]
    by_intent["status"] = "paid"
    assert payments.list(by_intent).data == []
    assert payments.retrieve(only.id).invoice == invoice
