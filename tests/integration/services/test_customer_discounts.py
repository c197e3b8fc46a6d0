"""A customer's discount is taken off the MRR of those subscriptions that have none of their own."""

from datetime import datetime, timedelta
from fractions import Fraction
from typing import Any

import pytest

from tests.integration.services.bench import Bench
from tests.integration.services.raw import API_VERSION, customer, event, subscription
from tests.integration.services.telling import booked_by, fold, hear, moved, standing, ties_out
from tests.integration.store.building import DAY, NOW
from worker.domain.metrics_rules import MetricsRules
from worker.domain.readings import CouponReading, DiscountReading
from worker.gateway.invoice_readers import StripeReader
from worker.services.backfill import backfill

READER = StripeReader()
COUPONS = (
    CouponReading("QUARTER", percent_off=Fraction(25), lasting=True),
    CouponReading("TWO", amount_off_minor=200, currency="eur", lasting=True),
    CouponReading("MONTHS", percent_off=Fraction(50)),
)
TEMPORARY_TOO = MetricsRules(temporary_discounts_count=True)
HOUR = timedelta(hours=1)


def discount(name: str, coupon: str, start_at: datetime, **more: Any) -> dict[str, Any]:
    """Return a discount of `cus_1`."""
    return {
        "id": name,
        "object": "discount",
        "customer": "cus_1",
        "subscription": None,
        "source": {"coupon": coupon, "type": "coupon"},
        "start": int(start_at.timestamp()),
        "end": None,
        **more,
    }


def three() -> list[dict[str, Any]]:
    """Return the events of a customer's three subscriptions; the last has a discount of its own,
    and of another customer's one."""
    shown = [
        subscription(1),
        subscription(2, customer="cus_1", amount_minor=1000),
        subscription(3, customer="cus_1", discounts=["di_own"]),
        subscription(4),
    ]
    return [
        event(each, "customer.subscription.created", raw, at=NOW)
        for each, raw in enumerate(shown, 1)
    ]


def told(
    bench: Bench, *events: dict[str, Any], until: datetime, rules: MetricsRules | None = None
) -> None:
    """Let the feed tell of these events, in this order, and fold what is known by *until*."""
    with bench.ledger.begin() as tx:
        tx.discounts.put_coupons(COUPONS)
        tx.discounts.put_discounts([DiscountReading("di_own", "QUARTER")])
    hear(bench, *events, until=until)
    fold(bench, rules)


def test_it_comes_changes_and_goes_for_whoever_has_none_of_their_own(bench: Bench) -> None:
    first, second = NOW + DAY, NOW + 2 * DAY
    gone_at = NOW + 3 * DAY
    told(bench, *three(), until=NOW + HOUR)
    given = discount("di_1", "QUARTER", first)
    told(bench, event(11, "customer.discount.created", given, at=first), until=first + HOUR)
    other = discount("di_2", "TWO", second)
    told(bench, event(12, "customer.discount.updated", other, at=second), until=second + HOUR)
    gone = event(13, "customer.discount.deleted", other, at=gone_at)
    told(bench, gone, until=gone_at + HOUR)
    assert moved(bench) == [
        ("sub_1", "contracted", first, -300),
        ("sub_1", "expanded", second, 100),
        ("sub_1", "expanded", gone_at, 200),
        ("sub_2", "contracted", first, -250),
        ("sub_2", "expanded", second, 50),
        ("sub_2", "expanded", gone_at, 200),
    ]
    assert ties_out(bench)


def test_it_ends_by_itself_without_any_event(bench: Bench) -> None:
    ends_at = NOW + 3 * DAY
    given = discount("di_1", "MONTHS", NOW, end=int(ends_at.timestamp()))
    created = event(9, "customer.discount.created", given, at=NOW)
    told(bench, created, *three(), until=NOW + HOUR, rules=TEMPORARY_TOO)
    assert [f["mrr_minor"] for f in bench.facts("subscription.started")] == [600, 500, 900, 1200]
    told(bench, until=ends_at + HOUR, rules=TEMPORARY_TOO)
    told(bench, until=ends_at + DAY, rules=TEMPORARY_TOO)
    assert moved(bench) == [
        ("sub_1", "expanded", ends_at, 600),
        ("sub_2", "expanded", ends_at, 500),
    ]
    assert ties_out(bench, TEMPORARY_TOO)


def test_one_that_ends_by_itself_counts_nothing_unless_it_is_wished(bench: Bench) -> None:
    given = discount("di_1", "MONTHS", NOW + DAY, end=int((NOW + 2 * DAY).timestamp()))
    created = event(9, "customer.discount.created", given, at=NOW + DAY)
    told(bench, *three(), created, until=NOW + 3 * DAY)
    assert moved(bench) == []
    assert ties_out(bench)


@pytest.mark.parametrize("before", [{"discount": None}, None])
def test_what_the_customer_alone_shows_suffices(
    bench: Bench, before: dict[str, Any] | None
) -> None:
    start, gone_at = NOW + DAY, NOW + 2 * DAY
    given = discount("di_1", "QUARTER", start)
    shown = event(11, "customer.updated", customer(1, discount=given), at=start)
    if before is not None:
        shown["data"]["previous_attributes"] = before
    without = event(12, "customer.updated", customer(1, discount=None), at=gone_at)
    without["data"]["previous_attributes"] = {"discount": given}
    told(bench, *three(), shown, until=start + HOUR)
    told(bench, without, until=gone_at + HOUR)
    changes = [(name, kind, delta) for name, kind, _, delta in moved(bench)]
    assert changes == [
        ("sub_1", "contracted", -300),
        ("sub_1", "expanded", 300),
        ("sub_2", "contracted", -250),
        ("sub_2", "expanded", 250),
    ]


@pytest.mark.parametrize("about", ["subscription", "invoice", "checkout_session"])
def test_what_serves_one_object_is_not_the_customers(bench: Bench, about: str) -> None:
    narrow = discount("di_1", "QUARTER", NOW + DAY, **{about: "x_1"})
    created = event(11, "customer.discount.created", narrow, at=NOW + DAY)
    told(bench, *three(), created, until=NOW + 2 * DAY)
    assert moved(bench) == []


def test_what_is_known_late_corrects_and_changes_nothing_closed(bench: Bench) -> None:
    start, gone_at, dearer_at = NOW + DAY, NOW + 2 * DAY, NOW + 3 * DAY
    dearer = event(5, "customer.subscription.updated", subscription(1, amount_minor=2000))
    dearer["created"] = int(dearer_at.timestamp())
    told(bench, *three(), dearer, until=NOW + 4 * DAY)
    before = moved(bench)
    given = discount("di_1", "QUARTER", start)
    created = event(11, "customer.discount.created", given, at=start)
    told(bench, created, until=NOW + 5 * DAY)
    assert booked_by(bench, NOW + 4 * DAY - HOUR) == 1200 + 1000 + 900 + 1200 + 800
    assert ties_out(bench)
    told(bench, event(12, "customer.discount.deleted", given, at=gone_at), until=NOW + 6 * DAY)
    assert ties_out(bench)
    standing_now = standing(bench)
    assert before == [("sub_1", "expanded", dearer_at, 800)]
    assert standing_now == [
        ("sub_1", start, -300),
        ("sub_1", gone_at, 300),
        ("sub_1", dearer_at, 800),
        ("sub_2", start, -250),
        ("sub_2", gone_at, 250),
    ]
    assert booked_by(bench, NOW + 4 * DAY - HOUR) == 1200 + 1000 + 900 + 1200 + 800


def test_the_first_reading_learns_it_and_its_end_is_told_from_there(bench: Bench) -> None:
    with bench.ledger.begin() as tx:
        tx.discounts.put_coupons(COUPONS)
    start, gone_at = NOW - 300 * DAY, NOW + 2 * DAY
    given = discount("di_1", "QUARTER", start)
    bench.stripe.pages = {
        "customers": [customer(1, discount=given), customer(4, discount=None)],
        "subscriptions": [each["data"]["object"] for each in three() if each["id"] != "evt_3"],
    }
    with bench.ledger.connection() as connection:
        connection.exec_driver_sql("DELETE FROM cursors")
    backfill(
        ledger=bench.ledger,
        stripe=bench.ports.stripe,
        reader=READER,
        log=bench.ports.log,
        clock=bench.clock,
        rules=bench.ports.configuration.dunning,
        api_version=API_VERSION,
        now=NOW,
    )
    assert [f["mrr_minor"] for f in bench.facts("subscription.found")] == [900, 750, 1200]
    told(bench, until=NOW + DAY)
    dearer_at = NOW + 3 * DAY
    dearer = event(5, "customer.subscription.updated", subscription(1, amount_minor=2000))
    dearer["created"] = int(dearer_at.timestamp())
    gone = event(12, "customer.discount.deleted", given, at=gone_at)
    told(bench, dearer, gone, until=NOW + 4 * DAY)
    assert moved(bench) == [
        ("sub_1", "expanded", gone_at, 300),
        ("sub_1", "expanded", dearer_at, 800),
        ("sub_2", "expanded", gone_at, 250),
    ]
    assert ties_out(bench)


def test_back_after_a_long_time_one_that_is_gone_is_over(bench: Bench) -> None:
    given = discount("di_1", "QUARTER", NOW)
    created = event(9, "customer.discount.created", given, at=NOW)
    told(bench, created, *three(), until=NOW + HOUR)
    bench.stripe.pages = {
        "customers": [customer(1, discount=None)],
        "subscriptions": [each["data"]["object"] for each in three() if each["id"] != "evt_3"],
    }
    backfill(
        ledger=bench.ledger,
        stripe=bench.ports.stripe,
        reader=READER,
        log=bench.ports.log,
        clock=bench.clock,
        rules=bench.ports.configuration.dunning,
        api_version=API_VERSION,
        now=NOW + 60 * DAY,
    )
    told(bench, until=NOW + 61 * DAY)
    assert [(name, delta) for name, _, _, delta in moved(bench)] == [("sub_1", 300), ("sub_2", 250)]
    assert ties_out(bench)
