"""What prices in tiers, or in another currency, come to is known before facts are told."""

from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any

import pytest

from tests.integration.services.bench import Bench
from tests.integration.services.raw import event, subscription
from tests.integration.store.building import MINUTE, NOW
from worker.domain.metrics_rules import MetricsRules
from worker.domain.tiers import PriceAmount, PriceWanted, Tier
from worker.errors import GatewayRejected
from worker.gateway.invoice_readers import StripeReader
from worker.gateway.price_readers import read_amount
from worker.services.fold_facts import fold_facts
from worker.services.learn_prices import learn_prices

TIERED = PriceWanted("price_t", "eur", tiered=True, own_currency=True)
IN_EUROS = PriceWanted("price_t", "eur", tiered=False, own_currency=False)
RAW: dict[str, Any] = {
    "id": "price_t",
    "tiers_mode": "graduated",
    "tiers": [
        {"up_to": 2, "unit_amount": 500, "unit_amount_decimal": "500", "flat_amount": 100},
        {"up_to": None, "unit_amount": None, "unit_amount_decimal": "0.5", "flat_amount": None},
    ],
    "currency_options": {"eur": {"unit_amount": 900, "unit_amount_decimal": "900", "tiers": None}},
}
TIERS = (
    Tier(2, Fraction(500), Fraction(100)),
    Tier(None, Fraction(1, 2)),
)


@dataclass
class Catalogue:
    """Stripe, as far as it knows prices."""

    prices: dict[PriceWanted, PriceAmount] = field(default_factory=dict)
    refuses: int = 404
    asked: list[PriceWanted] = field(default_factory=list)

    def read_price(self, wanted: PriceWanted) -> PriceAmount:
        """Return what the price comes to."""
        self.asked.append(wanted)
        if wanted not in self.prices:
            raise GatewayRejected("no such price", status=self.refuses)
        return self.prices[wanted]


def learn(bench: Bench, stripe: Catalogue) -> None:
    """Learn prices."""
    learn_prices(ledger=bench.ledger, stripe=stripe, log=bench.ports.log)  # type: ignore[arg-type]


def started(bench: Bench, stripe: Catalogue, **price: object) -> list[int]:
    """Let a subscription to three units of such a price begin; return its MRR as told."""
    raw = subscription()
    item = raw["items"]["data"][0]
    item["quantity"] = 3
    item["price"] |= {"id": "price_t"} | price
    bench.feed(event(9, "customer.subscription.created", raw, at=NOW))
    bench.clock.now = NOW + 30 * MINUTE
    bench.feed()
    learn(bench, stripe)
    rules = MetricsRules()
    fold_facts(ledger=bench.ledger, reader=StripeReader(), clock=bench.clock, rules=rules)
    return [fact["mrr_minor"] for fact in bench.facts("subscription.started")]


def test_tiers_are_read_once_and_count(bench: Bench) -> None:
    stripe = Catalogue({TIERED: read_amount(RAW, TIERED)})
    assert read_amount(RAW, TIERED).tiers == TIERS
    told = started(bench, stripe, billing_scheme="tiered", unit_amount=None)
    assert (told, stripe.asked) == ([1100], [TIERED])  # 100 + 2 x 5.00 + 0.005, half to even
    learn(bench, stripe)
    assert stripe.asked == [TIERED]


def test_the_amount_in_the_subscriptions_currency_counts(bench: Bench) -> None:
    stripe = Catalogue({IN_EUROS: read_amount(RAW, IN_EUROS)})
    assert started(bench, stripe, currency="usd", unit_amount=1000) == [2700]
    assert stripe.asked == [IN_EUROS]


def test_what_an_event_shows_is_not_read(bench: Bench) -> None:
    stripe = Catalogue()
    assert started(bench, stripe, unit_amount=1000, unit_amount_decimal="1000") == [3000]
    assert stripe.asked == []


@pytest.mark.parametrize("known", [{}, {IN_EUROS: read_amount({"id": "price_t"}, IN_EUROS)}])
def test_one_that_is_gone_counts_nothing_and_is_said_once(
    bench: Bench, known: dict[PriceWanted, PriceAmount]
) -> None:
    stripe = Catalogue(known)
    assert started(bench, stripe, currency="usd", unit_amount=1000) == [0]
    learn(bench, stripe)
    lines = bench.said("price.gone")
    assert [(line["count"], line["reason"]) for line in lines] == [(1, "price_t")]


def test_without_the_right_facts_wait_rather_than_be_wrong(bench: Bench) -> None:
    with pytest.raises(GatewayRejected):
        started(bench, Catalogue(refuses=403), billing_scheme="tiered", unit_amount=None)
    assert bench.facts("subscription.started") == []
