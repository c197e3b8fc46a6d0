"""Taxes inside prices in any order, doubled, and late: what the facts tell in the end.

Each story is a subscription whose price changes while its invoices show one rate after the other.
It is compared with a plain count that knows everything from the start.
"""

import random
from collections import defaultdict
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from fractions import Fraction
from typing import Any

from tests.integration.services.bench import Bench
from tests.integration.services.raw import event, invoice, subscription
from tests.integration.services.telling import corrected, fold, hear, standing
from tests.integration.store.building import DAY, NOW
from worker.domain.metrics_rules import MetricsRules
from worker.services.tie_out import tie_out

ROUNDS = 7
STORIES = 40
RATES = (19, 20, 0, 7, 25, 10)
"""One after the other: no story comes back to a rate that it had."""


@dataclass
class Story:
    """A subscription's events with the round in which each comes, and what they should come to."""

    number: int
    coming: list[tuple[int, dict[str, Any]]] = field(default_factory=list)
    is_late: bool = False
    prices: list[tuple[datetime, int]] = field(default_factory=list)
    rates: list[tuple[datetime, int]] = field(default_factory=list)

    def moves(self) -> list[tuple[datetime, int]]:
        """Return the changes of what it brings after its beginning."""
        first = self.rates[0][1] if self.rates else 0
        before, found = 0, []
        for at in sorted({each[0] for each in (*self.prices, *self.rates)}):
            prices = [price for since, price in self.prices if since <= at]
            if not prices:
                continue
            rate = [first, *(rate for since, rate in self.rates if since <= at)][-1]
            now = round(Fraction(prices[-1] * 100, 100 + rate))
            if now != before:
                found.append((at, now - before))
            before = now
        return found


def story(number: int, draws: random.Random, *, late_share: float) -> Story:
    """Return a week of a subscription; at times its first invoice comes before it."""
    made, rate = Story(number), 0
    for place in range(draws.randint(6, 14)):
        at = NOW + place * DAY * ROUNDS / 15 + timedelta(seconds=1 + draws.randrange(9000))
        at = at.replace(microsecond=0)
        if not made.prices or draws.random() < 0.4:
            price = draws.choice((11_900, 24_000, 42_800))
            made.prices.append((at, price))
            kind, raw = "customer.subscription.updated", taxed(number, price)
        else:
            rate += draws.random() < 0.4
            made.rates.append((at, RATES[min(rate, len(RATES) - 1)]))
            kind, raw = "invoice.created", billed(number, place, made.rates[-1][1])
        day = (at - NOW) // DAY
        late = draws.random() < late_share
        made.is_late |= late
        comes_in = min(day + (draws.randint(1, 3) if late else 0), ROUNDS - 1)
        made.coming.append((comes_in, event(number * 100 + place, kind, raw, at=at)))
    return made


def taxed(number: int, price: int) -> dict[str, Any]:
    """Return a subscription whose taxes Stripe computes."""
    return subscription(number, amount_minor=price) | {"automatic_tax": {"enabled": True}}


def billed(number: int, place: int, rate: int) -> dict[str, Any]:
    """Return a draft that shows a rate."""
    tax = {
        "amount": round(Fraction(50_000 * rate, 100 + rate)),
        "tax_behavior": "inclusive",
        "tax_rate_details": {"tax_rate": f"txr_{rate}"},
    }
    line = {
        "amount": 50_000,
        "parent": {"subscription_item_details": {"subscription": f"sub_{number}"}},
        "pricing": {"price_details": {"price": "price_1"}},
        "taxes": [tax],
    }
    return invoice(
        number * 100 + place,
        status="draft",
        customer=f"cus_{number}",
        parent={"subscription_details": {"subscription": f"sub_{number}"}},
        automatic_tax={"enabled": True, "status": "complete"},
        lines={"data": [line]},
    )


def run(bench: Bench, stories: list[Story], draws: random.Random) -> None:
    """Let the rounds pass; what was booked before a round's end stays as it was then."""
    by_round: defaultdict[int, list[dict[str, Any]]] = defaultdict(list)
    for each in stories:
        for comes_in, raw in each.coming:
            by_round[comes_in] += [raw] * draws.randint(1, 2)
    closed: dict[datetime, int] = {}
    for number in range(ROUNDS):
        draws.shuffle(by_round[number])
        until = NOW + (number + 1) * DAY
        for raw in by_round[number]:
            hear(bench, raw, until=until)
        fold(bench)
        assert closed == {at: bench.booked_before(at) for at in closed}
        closed[until] = bench.booked_before(until)


def test_any_order_and_lateness_tell_the_same_in_the_end(bench: Bench) -> None:
    draws = random.Random(5)  # noqa: S311
    stories = [story(n, draws, late_share=0.2 * (n % 2)) for n in range(1000, 1000 + STORIES)]
    run(bench, stories, draws)
    told: defaultdict[str, list[tuple[datetime, int]]] = defaultdict(list)
    for name, at, delta in standing(bench):
        told[name].append((at, delta))
    for each in stories:
        assert told[f"sub_{each.number}"] == each.moves(), each.number
    anew = corrected(bench)
    assert len(anew & {f"sub_{each.number}" for each in stories if each.is_late}) > STORIES / 8
    found = tie_out(ledger=bench.ledger, log=bench.ports.log, rules=MetricsRules(), now=NOW)
    assert (found.checked, found.chains, found.states) == (STORIES, (), ())
    before = standing(bench)
    fold(bench)
    assert standing(bench) == before
