"""What is taken out of Stripe's objects of a person, and what stays."""

import json
from typing import Any

from worker.domain.forgetting import names_in, person_words, without_names, without_person

ADDRESS = {"line1": "17 Elm Row", "city": "Leith", "postal_code": "EH7", "country": "GB"}
CUSTOMER: dict[str, Any] = {
    "id": "cus_1",
    "object": "customer",
    "name": "Wilhelmina Tell",
    "email": "Mina@Tell.example",
    "phone": "+44 131 496 0000",
    "address": ADDRESS,
    "shipping": {"name": "Tell Ltd", "address": ADDRESS},
    "metadata": {"ap_email": "ap@tell.example", "team": "leith"},
    "preferred_locales": ["en-GB"],
    "description": "wilhelmina tell, by way of mina@tell.example",
    "invoice_settings": {"default_payment_method": "pm_1"},
}
INVOICE: dict[str, Any] = {
    "id": "in_1",
    "customer": "cus_1",
    "customer_name": "Wilhelmina Tell",
    "customer_email": "mina@tell.example",
    "customer_address": ADDRESS,
    "customer_tax_ids": [{"type": "gb_vat", "value": "GB1"}],
    "amount_due": 4900,
    "currency": "eur",
    "footer": "For Wilhelmina Tell",
    "lines": {"data": [{"description": "1 × Team", "metadata": {"seat": "mina"}}]},
    "parent": {"subscription_details": {"subscription": "sub_1", "metadata": {"k": "v"}}},
}
DISPUTE: dict[str, Any] = {
    "id": "dp_1",
    "charge": "ch_1",
    "status": "needs_response",
    "evidence": {"customer_name": "Wilhelmina Tell", "billing_address": "17 Elm Row"},
}
CHARGE: dict[str, Any] = {
    "id": "ch_1",
    "customer": "cus_1",
    "billing_details": {
        "name": "Wilhelmina Tell",
        "email": None,
        "phone": None,
        "address": {"country": "GB", "line1": "17 Elm Row"},
    },
    "receipt_email": "mina@tell.example",
    "payment_method_details": {"card": {"brand": "visa", "country": "GB", "last4": "4242"}},
    "product": {"name": "Team plan"},
}
PERSONAL = ("tell", "mina", "elm row", "leith", "eh7", "496", "gb1", "ap@")


def test_nothing_of_the_person_is_left_in_any_object() -> None:
    for one in (CUSTOMER, INVOICE, DISPUTE, CHARGE):
        event = {"id": "evt_1", "data": {"object": one}}
        written = json.dumps(without_person(event)).lower()
        assert [word for word in PERSONAL if word in written] == []


def test_what_decisions_reports_and_limits_rest_on_stays() -> None:
    customer, invoice, charge = map(without_person, (CUSTOMER, INVOICE, CHARGE))
    assert isinstance(customer, dict)
    assert isinstance(invoice, dict)
    assert isinstance(charge, dict)
    assert (customer["id"], customer["address"]) == ("cus_1", {"country": "GB"})
    assert customer["preferred_locales"] == ["en-GB"]
    assert customer["invoice_settings"] == {"default_payment_method": "pm_1"}
    assert (invoice["amount_due"], invoice["currency"]) == (4900, "eur")
    assert invoice["parent"]["subscription_details"]["subscription"] == "sub_1"
    assert charge["payment_method_details"] == CHARGE["payment_method_details"]
    assert charge["product"] == {"name": "Team plan"}


def test_an_old_name_in_what_an_update_says_was_before_goes_too() -> None:
    event = {"data": {"object": CUSTOMER, "previous_attributes": {"name": "Mina Old"}}}
    assert "Old" not in json.dumps(without_person(event))
    assert "Mina Old" in person_words(event)


def test_twice_is_once() -> None:
    once = without_person({"data": {"object": CUSTOMER}})
    assert without_person(once) == once


def test_staff_words_lose_names_and_any_address() -> None:
    names = {"Wilhelmina Tell", "Jo"}
    said = "WILHELMINA TELL (mina@tell.example) pays, says Jo (1.5 %) of A+B"
    assert without_names(names, said) == "[forgotten] ([forgotten]) pays, says Jo (1.5 %) of A+B"


def test_ids_are_found_wherever_they_stand() -> None:
    event = {"data": {"object": {"customer": {"id": "cus_2"}, "x": [["cus_3"]]}, "y": "a cus_4"}}
    assert names_in(event, ("cus_", "ch_")) == {"cus_2", "cus_3"}
