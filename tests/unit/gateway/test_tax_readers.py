"""Taxes inside the lines of invoices, in the shapes before and after API 2025-03-31."""

from datetime import UTC, datetime
from fractions import Fraction
from typing import Any

import pytest

from worker.domain.tax_shares import TaxedLine, TaxesShown, TaxHistory
from worker.gateway.invoice_readers import StripeReader

SEEN = datetime(2026, 5, 4, tzinfo=UTC)
FINAL = datetime(2026, 5, 3, tzinfo=UTC)
NEW, OLD = "2026-10-28.endive", "2024-06-20"


def tax(amount: int, behavior: str = "inclusive", rate: str = "txr_1") -> dict[str, Any]:
    """Return a tax of a line as it is shown today."""
    return {
        "amount": amount,
        "tax_behavior": behavior,
        "tax_rate_details": {"tax_rate": rate},
        "taxability_reason": "standard_rated",
        "taxable_amount": 10_000,
        "type": "tax_rate_details",
    }


def line(amount: int, *taxes: dict[str, Any], price: str = "price_1", **more: Any) -> Any:
    """Return a line of `sub_1`."""
    return {
        "amount": amount,
        "discount_amounts": [],
        "parent": {"subscription_item_details": {"subscription": "sub_1"}},
        "pricing": {"price_details": {"price": price}, "type": "price_details"},
        "taxes": [*taxes],
        **more,
    }


def invoice(*lines: Any, status: str | None = "complete", **more: Any) -> dict[str, Any]:
    """Return an invoice of `sub_1` whose tax Stripe computed."""
    return {
        "automatic_tax": {"enabled": True, "status": status},
        "lines": {"data": [*lines]},
        "parent": {"subscription_details": {"subscription": "sub_1"}},
        **more,
    }


def shown(raw: dict[str, Any], version: str = NEW) -> TaxesShown | None:
    """Return what it shows."""
    return StripeReader().taxes(raw, version, seen_at=SEEN)


def percents(raw: dict[str, Any], version: str = NEW) -> dict[str, Fraction]:
    """Return price -> what is inside."""
    found = shown(raw, version)
    assert found is not None
    return {each.price_id: each.percent for each in TaxHistory().shares_of(found)}


def test_todays_shape() -> None:
    found = shown(invoice(line(11_900, tax(1900))))
    lines = (TaxedLine("price_1", 1900, 10_000, ("txr_1",)),)
    assert found == TaxesShown("sub_1", SEEN, lines)


@pytest.mark.parametrize(
    ("more", "place"),
    [
        ({}, ""),
        ({"customer_address": None, "customer_shipping": None, "customer_tax_exempt": None}, ""),
        ({"customer_address": {"country": "GB", "state": None}}, "GB"),
        ({"customer_address": {"country": "CA", "state": "ON"}}, "CA ON"),
        (
            {
                "customer_address": {"country": "GB"},
                "customer_shipping": {"address": {"country": "FR", "state": ""}},
            },
            "FR",
        ),
        (
            {
                "customer_address": {"country": "GB"},
                "customer_shipping": {"address": {"country": None}},
            },
            "GB",
        ),
        ({"customer_address": {"country": "DE"}, "customer_tax_exempt": "none"}, "DE"),
        ({"customer_address": {"country": "DE"}, "customer_tax_exempt": "reverse"}, "DE reverse"),
    ],
)
def test_where_and_how_the_customer_is_taxed(more: dict[str, Any], place: str) -> None:
    found = shown(invoice(line(11_900, tax(1900)), **more))
    assert found is not None
    assert found.place == place


def test_the_shape_before_basil() -> None:
    before = {
        "amount": 11_900,
        "discount_amounts": [{"amount": 1900, "discount": "di_1"}],
        "price": {"id": "price_1", "tax_behavior": "inclusive"},
        "subscription": "sub_1",
        "type": "subscription",
        "tax_amounts": [
            {"amount": 1597, "inclusive": True, "tax_rate": "txr_1", "taxable_amount": 8403},
            {"amount": 500, "inclusive": False, "tax_rate": "txr_2", "taxable_amount": 8403},
        ],
    }
    raw = {
        "automatic_tax": {"enabled": True, "status": "complete"},
        "lines": {"data": [before]},
        "subscription": "sub_1",
    }
    assert percents(raw, OLD) == {"price_1": 19}
    plan_alone = {**before, "price": None, "plan": {"id": "price_1"}}
    assert percents(raw | {"lines": {"data": [plan_alone]}}, OLD) == {"price_1": 19}


def test_several_taxes_inside_add_up_and_one_on_top_does_not_count() -> None:
    inside = (tax(5025, rate="txr_gst"), tax(10_025, rate="txr_qst"))
    raw = invoice(line(115_549, *inside, tax(900, "exclusive", "txr_city")))
    assert percents(raw) == {"price_1": Fraction("14.975")}


@pytest.mark.parametrize("nothing", [(), (tax(0),), (tax(0, "exclusive"),)])
def test_reverse_charge_leaves_nothing_inside(nothing: Any) -> None:
    assert percents(invoice(line(11_900, *nothing))) == {"price_1": 0}


def test_a_line_that_is_taxed_on_top_tells_nothing_of_the_others() -> None:
    on_top = line(11_900, tax(2261, "exclusive"), price="price_2")
    assert percents(invoice(on_top)) == {}
    assert percents(invoice(line(11_900, tax(1900)), on_top)) == {"price_1": 19}


def test_parts_of_periods_count_where_nothing_else_is_billed() -> None:
    details = {"subscription": "sub_1", "proration": True}
    part = line(5000, tax(833), price="price_2", parent={"invoice_item_details": details})
    found = shown(invoice(part))
    assert found is not None
    assert found.of_prorations
    assert percents(invoice(part)) == {"price_2": 20}
    assert percents(invoice(line(11_900, tax(1900)), part)) == {"price_1": 19}


@pytest.mark.parametrize(
    "off",
    [
        {"discount_amounts": [{"amount": 3900, "discount": "di_1"}]},
        {
            "discount_amounts": [{"amount": 900, "discount": "di_1"}],
            "pretax_credit_amounts": [
                {"amount": 900, "type": "discount"},
                {"amount": 3000, "type": "credit_balance_transaction"},
            ],
        },
    ],
)
def test_the_rate_is_of_what_is_left_after_discounts(off: dict[str, Any]) -> None:
    assert percents(invoice(line(15_900, tax(1916), **off))) == {"price_1": 19}


def test_what_was_made_final_holds_since_then() -> None:
    raw = invoice(
        line(11_900, tax(1900)), status_transitions={"finalized_at": int(FINAL.timestamp())}
    )
    found = shown(raw)
    assert found is not None
    assert found.at == FINAL


def test_an_invoice_of_nothing_shows_nothing() -> None:
    assert percents(invoice(line(0, tax(0)))) == {}
    assert percents(invoice()) == {}


def test_what_is_sold_once_is_not_the_subscriptions() -> None:
    once = line(50_000, tax(7983), price="price_once", parent={"invoice_item_details": {}})
    assert percents(invoice(line(10_700, tax(700)), once)) == {"price_1": 7}


@pytest.mark.parametrize("status", ["requires_location_inputs", "failed", None])
def test_taxes_that_are_not_computed_yet_tell_nothing(status: str | None) -> None:
    assert shown(invoice(line(11_900), status=status)) is None


def test_other_invoices_tell_nothing() -> None:
    taxed = invoice(line(11_900, tax(1900)))
    assert shown(taxed | {"automatic_tax": {"enabled": False, "status": None}}) is None
    assert shown(taxed | {"parent": None}) is None
    assert shown({}) is None


def test_the_latest_invoice_of_a_subscription() -> None:
    latest = invoice(line(11_900, tax(1900)), created=int(FINAL.timestamp()))
    raw: dict[str, Any] = {"id": "sub_1", "automatic_tax": {"enabled": True}}
    reader = StripeReader()
    found = reader.latest_taxes(raw | {"latest_invoice": latest})
    assert found == TaxesShown("sub_1", FINAL, (TaxedLine("price_1", 1900, 10_000, ("txr_1",)),))
    none = reader.latest_taxes(raw | {"latest_invoice": None})
    assert none is not None
    assert none.lines == ()
    assert reader.latest_taxes({"id": "sub_1", "latest_invoice": latest}) is None


@pytest.mark.parametrize(
    ("behavior", "rates", "taxed"),
    [
        ("inclusive", [], True),
        ("unspecified", [], True),
        ("exclusive", [], False),
        ("inclusive", [{"inclusive": True, "percentage": 19}], False),
    ],
)
def test_which_items_stripe_taxes(behavior: str, rates: list[Any], *, taxed: bool) -> None:
    item = {"price": {"id": "price_1", "tax_behavior": behavior}, "tax_rates": rates}
    raw: dict[str, Any] = {"id": "sub_1", "items": {"data": [item]}}
    automatic = {"automatic_tax": {"enabled": True}}
    reader = StripeReader()
    assert reader.subscription(raw | automatic, NEW).items[0].taxed_by_stripe == taxed
    assert not reader.subscription(raw, NEW).items[0].taxed_by_stripe
