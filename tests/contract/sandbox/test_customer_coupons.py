"""A coupon that a customer has is taken off the invoices of subscriptions without one."""

from typing import Any

import pytest
import stripe

from tests.contract.sandbox.driving import DAY, START, Driver
from tests.contract.sandbox.typed_classes import problems
from worker.rehearsal.sandbox.main import Running


def subscribed(box: Driver, customer: str) -> str:
    """Return a new monthly subscription of 12.00."""
    given: Any = {"customer": customer, "items": [{"price": box.price()}]}
    return box.client.v1.subscriptions.create(given).id


def coupon(box: Driver, **more: Any) -> str:
    """Return a coupon of a quarter."""
    given: Any = {"percent_off": 25, "duration": "forever", **more}
    return box.client.v1.coupons.create(given).id


def billed(box: Driver, subscription: str) -> list[int]:
    """Return what the subscription's invoices take, oldest first."""
    given: Any = {"subscription": subscription}
    return [one.total for one in box.client.v1.invoices.list(given).data][::-1]


def test_it_is_taken_off_where_the_subscription_has_none(box: Driver, server: Running) -> None:
    clock = box.clock()
    customer, _ = box.customer(clock)
    plain, with_own = subscribed(box, customer), subscribed(box, customer)
    own: Any = {"discounts": [{"coupon": coupon(box, percent_off=50)}]}
    box.client.v1.subscriptions.update(with_own, own)
    box.control("act", act="give_coupon", customer=customer, coupon=coupon(box))
    shown = box.client.v1.customers.retrieve(customer)
    assert shown.discount is not None
    assert (shown.discount.subscription, shown.discount.end) == (None, None)
    box.advance(clock, START + 35 * DAY)
    assert billed(box, plain) == [1200, 900]
    assert billed(box, with_own) == [1200, 600]
    box.client.v1.customers.delete_discount(customer)
    assert box.client.v1.customers.retrieve(customer).discount is None
    box.advance(clock, START + 65 * DAY)
    assert billed(box, plain) == [1200, 900, 1200]
    told = [kind for kind in box.event_types() if kind.startswith("customer.discount.")]
    # The first is of the subscription's own.
    assert told == ["customer.discount.created"] * 2 + ["customer.discount.deleted"]
    rows = server.sandbox.world.tables["discount"].rows.values()
    assert sorted({problem for row in rows for problem in problems(row)}) == []


def test_one_that_a_subscription_begins_with_is_taken_off_its_first_invoice(box: Driver) -> None:
    clock = box.clock()
    customer, _ = box.customer(clock)
    own = {"discounts": [{"coupon": coupon(box, duration="once")}]}
    given: Any = {"customer": customer, "items": [{"price": box.price()}], **own}
    subscription = box.client.v1.subscriptions.create(given).id
    box.advance(clock, START + 35 * DAY)
    assert billed(box, subscription) == [900, 1200]
    told = [kind for kind in box.event_types() if kind.startswith("customer.discount.")]
    assert told == ["customer.discount.created", "customer.discount.deleted"]


def test_another_takes_its_place(box: Driver) -> None:
    clock = box.clock()
    customer, _ = box.customer(clock)
    plain = subscribed(box, customer)
    for percent in (25, 50):
        name = coupon(box, percent_off=percent)
        box.control("act", act="give_coupon", customer=customer, coupon=name)
    box.advance(clock, START + 35 * DAY)
    assert billed(box, plain) == [1200, 600]
    assert "customer.discount.updated" in box.event_types()


@pytest.mark.parametrize(
    ("terms", "then"),
    [
        ({"duration": "once"}, [900, 1200, 1200]),
        ({"duration": "repeating", "duration_in_months": 2}, [900, 900, 1200]),
    ],
)
def test_it_ends_by_itself(box: Driver, terms: dict[str, Any], then: list[int]) -> None:
    clock = box.clock()
    customer, _ = box.customer(clock)
    box.control("act", act="give_coupon", customer=customer, coupon=coupon(box, **terms))
    box.advance(clock, START + DAY)
    plain = subscribed(box, customer)
    box.advance(clock, START + 40 * DAY)
    box.advance(clock, START + 66 * DAY)
    assert billed(box, plain) == then
    assert box.client.v1.customers.retrieve(customer).discount is None
    assert box.event_types().count("customer.discount.deleted") == 1


def test_there_must_be_one_to_take_away(box: Driver) -> None:
    customer, _ = box.customer(box.clock())
    with pytest.raises(stripe.InvalidRequestError, match="No active discount"):
        box.client.v1.customers.delete_discount(customer)
