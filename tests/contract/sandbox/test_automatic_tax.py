"""Automatic tax on the sandbox's invoices: inside a price the amount stays, on top it grows."""

from typing import Any

import pytest

from tests.contract.sandbox.driving import DAY, START, Driver, Subscriber
from tests.contract.sandbox.typed_classes import problems
from worker.rehearsal.sandbox.main import Running


def priced(box: Driver, amount: int, **more: Any) -> str:
    """Return a monthly price."""
    given: Any = {
        "unit_amount": amount,
        "currency": "eur",
        "recurring": {"interval": "month"},
        "product_data": {"name": "Gold"},
        **more,
    }
    return box.client.v1.prices.create(given).id


def taxed(box: Driver, price: str, **more: Any) -> Subscriber:
    """Return a subscriber in Germany whose taxes are computed."""
    return box.subscriber(price=price, automatic_tax={"enabled": True}, **more)


def test_a_tax_inside_the_price_leaves_the_amount_alone(box: Driver, server: Running) -> None:
    subscriber = taxed(box, priced(box, 11_900, tax_behavior="inclusive"))
    shown = box.client.v1.subscriptions.retrieve(subscriber.subscription)
    assert shown.automatic_tax.enabled
    invoice = box.invoice(subscriber)
    assert (invoice.amount_due, invoice.total, invoice.total_excluding_tax) == (
        11_900,
        11_900,
        10_000,
    )
    assert (invoice.automatic_tax.enabled, invoice.automatic_tax.status) == (True, "complete")
    assert invoice.total_taxes is not None
    assert [(each.amount, each.taxable_amount) for each in invoice.total_taxes] == [(1900, 10_000)]
    (line,) = invoice.lines.data
    assert line.taxes is not None
    told = [(each.amount, each.tax_behavior, each.taxability_reason) for each in line.taxes]
    assert told == [(1900, "inclusive", "standard_rated")]
    rows = server.sandbox.world.tables["invoice"].rows.values()
    assert sorted({problem for row in rows for problem in problems(row)}) == []


def test_a_tax_on_top_is_added(box: Driver) -> None:
    invoice = box.invoice(taxed(box, priced(box, 10_000, tax_behavior="exclusive")))
    assert (invoice.subtotal, invoice.total, invoice.total_excluding_tax) == (
        10_000,
        11_900,
        10_000,
    )
    assert invoice.amount_paid == 11_900


@pytest.mark.parametrize(("currency", "total"), [("eur", 11_900), ("usd", 14_161)])
def test_an_unspecified_price_goes_by_its_currency(box: Driver, currency: str, total: int) -> None:
    price = priced(box, 11_900, currency=currency)
    assert box.invoice(taxed(box, price)).total == total


def test_a_discount_comes_before_the_tax(box: Driver) -> None:
    given: Any = {"percent_off": 25, "duration": "forever"}
    coupon = box.client.v1.coupons.create(given).id
    subscriber = taxed(box, priced(box, 11_900, tax_behavior="inclusive"))
    own: Any = {"discounts": [{"coupon": coupon}]}
    box.client.v1.subscriptions.update(subscriber.subscription, own)
    box.advance(subscriber.clock, START + 32 * DAY)
    invoice = box.invoice(subscriber)
    assert (invoice.total, invoice.total_excluding_tax) == (8925, 7500)
    (line,) = invoice.lines.data
    assert line.discount_amounts is not None
    assert line.taxes is not None
    assert [each.amount for each in line.discount_amounts] == [2975]
    assert [each.amount for each in line.taxes] == [1425]


def test_the_next_invoice_has_the_tax_of_the_new_country(box: Driver) -> None:
    subscriber = taxed(box, priced(box, 12_000, tax_behavior="inclusive"))
    moved: Any = {"address": {"country": "GB"}}
    box.client.v1.customers.update(subscriber.customer, moved)
    box.advance(subscriber.clock, START + 32 * DAY)
    assert box.invoice(subscriber).total_excluding_tax == 10_000


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"tax_exempt": "reverse"}, "reverse_charge"),
        ({"tax_exempt": "exempt"}, "customer_exempt"),
        ({"address": {"country": "US"}}, "not_collecting"),
    ],
)
def test_where_nothing_is_collected_the_line_says_why(
    box: Driver, change: dict[str, Any], reason: str
) -> None:
    subscriber = taxed(box, priced(box, 11_900, tax_behavior="inclusive"))
    given: Any = change
    box.client.v1.customers.update(subscriber.customer, given)
    box.advance(subscriber.clock, START + 32 * DAY)
    invoice = box.invoice(subscriber)
    assert invoice.total_excluding_tax == invoice.total == 11_900
    taxes = invoice.lines.data[0].taxes or []
    assert [(each.amount, each.taxability_reason) for each in taxes] == [(0, reason)]


def test_it_is_switched_on_and_off_later(box: Driver) -> None:
    subscriber = box.subscriber(price=priced(box, 11_900, tax_behavior="inclusive"))
    assert box.invoice(subscriber).total_taxes == []
    for number, enabled in enumerate((True, False), 1):
        wish: Any = {"automatic_tax": {"enabled": enabled}}
        box.client.v1.subscriptions.update(subscriber.subscription, wish)
        box.advance(subscriber.clock, START + number * 32 * DAY)
        assert bool(box.invoice(subscriber).total_taxes) == enabled
