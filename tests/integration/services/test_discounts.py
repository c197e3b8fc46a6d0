"""What discounts take off is known before facts are told of whom they serve."""

from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any

import pytest

from tests.integration.services.bench import Bench
from tests.integration.services.raw import event, subscription
from tests.integration.store.building import MINUTE, NOW
from worker.domain.metrics_rules import MetricsRules
from worker.domain.readings import CouponReading, DiscountReading
from worker.errors import GatewayRejected
from worker.gateway.invoice_readers import StripeReader
from worker.services.fold_facts import fold_facts
from worker.services.learn_discounts import learn_discounts

TEN = CouponReading("TEN", percent_off=Fraction(25, 2), lasting=True)


@dataclass
class Catalogue:
    """Stripe, as far as it knows discounts."""

    discounts: dict[str, tuple[DiscountReading, ...]] = field(default_factory=dict)
    coupons: dict[str, CouponReading] = field(default_factory=dict)
    refuses: int = 404
    asked: list[str] = field(default_factory=list)

    def read_discounts(self, subscription_id: str) -> tuple[DiscountReading, ...]:
        """Return its discounts."""
        self.asked.append(subscription_id)
        if subscription_id not in self.discounts:
            raise GatewayRejected("no such subscription", status=self.refuses)
        return self.discounts[subscription_id]

    def read_coupon(self, coupon_id: str) -> CouponReading:
        """Return the coupon."""
        self.asked.append(coupon_id)
        if coupon_id not in self.coupons:
            raise GatewayRejected("no such coupon", status=self.refuses)
        return self.coupons[coupon_id]


def started(bench: Bench, stripe: Catalogue, *events: dict[str, Any]) -> list[int]:
    """Let the events be read, discounts learnt and facts told; return the MRR of who began."""
    bench.feed(*events)
    bench.clock.now = NOW + 30 * MINUTE
    bench.feed()
    learn_discounts(
        ledger=bench.ledger,
        stripe=stripe,  # type: ignore[arg-type]  # answers only what is asked here
        log=bench.ports.log,
    )
    rules = MetricsRules()
    fold_facts(ledger=bench.ledger, reader=StripeReader(), clock=bench.clock, rules=rules)
    return [fact["mrr_minor"] for fact in bench.facts("subscription.started")]


def discounted(*, on_item: bool = False) -> dict[str, Any]:
    """Return the event of a subscription of 12.00 with discount `di_1`."""
    raw = subscription(discounts=[] if on_item else ["di_1"])
    raw["items"]["data"][0]["discounts"] = ["di_1"] if on_item else []
    return event(9, "customer.subscription.created", raw, at=NOW)


@pytest.mark.parametrize("on_item", [False, True])
def test_a_discount_that_no_event_told_of_is_read(bench: Bench, *, on_item: bool) -> None:
    stripe = Catalogue({"sub_1": (DiscountReading("di_1", "TEN"),)}, {"TEN": TEN})
    assert started(bench, stripe, discounted(on_item=on_item)) == [1050]
    assert stripe.asked == ["sub_1", "TEN"]
    learn_discounts(ledger=bench.ledger, stripe=stripe, log=bench.ports.log)  # type: ignore[arg-type]
    assert stripe.asked == ["sub_1", "TEN"]


def test_what_events_told_is_not_read(bench: Bench) -> None:
    stripe = Catalogue()
    coupon = {"id": "TEN", "object": "coupon", "percent_off": 12.5, "duration": "forever"}
    discount = {"id": "di_1", "object": "discount", "source": {"coupon": "TEN", "type": "coupon"}}
    told = started(
        bench,
        stripe,
        event(1, "coupon.created", coupon, at=NOW - MINUTE),
        event(2, "customer.discount.created", discount, at=NOW - MINUTE),
        discounted(),
    )
    assert (told, stripe.asked) == ([1050], [])


def test_one_that_is_gone_takes_nothing_off_and_is_said_once(bench: Bench) -> None:
    stripe = Catalogue()
    assert started(bench, stripe, discounted()) == [1200]
    assert [line["count"] for line in bench.said("discount.gone")] == [1]


def test_without_the_right_facts_wait_rather_than_be_wrong(bench: Bench) -> None:
    with pytest.raises(GatewayRejected):
        started(bench, Catalogue(refuses=403), discounted())
    assert bench.facts("subscription.started") == []
