"""Events of subscriptions in any order, doubled, and late: what the facts tell in the end.

Some hundred stories live side by side in one ledger. Each round the feed is a day further; what
comes in its round is within the watermark, in whatever order, and what comes a round or more later
is behind it. Every story is compared with the plain fold of its events in their order.
"""

import random
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tests.integration.services.bench import Bench
from tests.integration.services.raw import API_VERSION, event, invoice, subscription
from tests.integration.store.building import DAY, NOW, WALL
from worker.domain.metrics_rules import ChurnAt, MetricsRules
from worker.domain.mrr import subscription_mrr
from worker.domain.revenue_chain import RENEWED, link_of, standing
from worker.domain.subscription_story import (
    Context,
    Movement,
    Seen,
    Told,
    fold_grace,
    fold_subscription,
)
from worker.gateway.invoice_readers import StripeReader
from worker.ports import Json
from worker.services.fold_facts import fold_facts

ROUNDS = 8
STORIES = 60
STATUSES = ("trialing", "active", "active", "active", "past_due", "unpaid", "paused")
READER = StripeReader()


@dataclass(frozen=True)
class Coming:
    """An event of a story and the round in which it comes."""

    at: datetime
    raw: Json
    comes_in: int
    late: bool


def story(number: int, draws: random.Random, *, late_share: float) -> list[Coming]:
    """Return a subscription's events in their order; some come rounds later."""
    events = []
    for place in range(draws.randint(2, 9)):
        day = draws.randrange(ROUNDS - 1)
        at = NOW + day * DAY + timedelta(seconds=place * 9000 + draws.randrange(9000))
        events.append((day, at))
    events.sort(key=lambda each: each[1])
    found = []
    for place, (day, at) in enumerate(events):
        status = "canceled" if place == 8 else draws.choice(STATUSES)
        more: dict[str, Any] = {"cancellation_details": {"reason": "cancellation_requested"}}
        if draws.random() < 0.1:
            more["pause_collection"] = {"behavior": "void"}
        shown = subscription(
            number, status=status, amount_minor=draws.choice((900, 1200, 2900)), **more
        )
        raws = [event(number * 100 + place, "customer.subscription.updated", shown, at=at)]
        if draws.random() < 0.4:
            paid_at = at + timedelta(seconds=draws.randrange(9000))
            raws.append(
                event(number * 100 + 50 + place, "invoice.paid", renewal(number, place), at=paid_at)
            )
        for raw in raws:
            late = draws.random() < late_share
            comes_in = min(day + (draws.randint(1, 3) if late else 0), ROUNDS - 1)
            found.append(Coming(_created(raw), raw, comes_in, comes_in > day))
    return sorted(found, key=lambda one: one.at)


def _created(raw: Json) -> datetime:
    return datetime.fromtimestamp(raw["created"], UTC)  # type: ignore[arg-type]


def renewal(number: int, place: int) -> dict[str, Any]:
    """Return the paid invoice of a period."""
    return invoice(
        number * 100 + place,
        status="paid",
        billing_reason="subscription_cycle",
        customer=f"cus_{number}",
        parent={"subscription_details": {"subscription": f"sub_{number}"}},
    )


def plainly(events: Iterable[Coming], rules: MetricsRules, until: datetime) -> list[Movement]:
    """Return the movements of a story that came in order."""
    told, movements = Told(), list[Movement]()
    for one in events:
        if one.raw["type"] == "invoice.paid":
            continue
        shown = READER.subscription(one.raw["data"]["object"], API_VERSION)  # type: ignore[index]
        value = subscription_mrr(shown, {})
        seen = Seen(shown, one.at, str(one.raw["id"]), value, Context(paused_by="customer"))
        told, found = fold_subscription(told, seen, rules)
        movements += found
    return movements + fold_grace(told, until=until, rules=rules, context=Context())[1]


def run(bench: Bench, stories: Iterable[list[Coming]], rules: MetricsRules, seed: int) -> None:
    """Let the rounds pass; closed sums are compared with what they were when they closed."""
    draws = random.Random(seed)  # noqa: S311
    by_round: defaultdict[int, list[Json]] = defaultdict(list)
    for events in stories:
        for one in events:
            by_round[one.comes_in] += [one.raw] * draws.randint(1, 2)
    closed: dict[datetime, int] = {}
    with bench.ledger.connection() as connection:
        connection.exec_driver_sql("DELETE FROM cursors")
    for number in range(ROUNDS):
        draws.shuffle(by_round[number])
        until = NOW + (number + 1) * DAY
        with bench.ledger.begin() as tx:
            for raw in by_round[number]:
                tx.inbox.add([raw], wall_now=WALL)
            tx.control.set_cursor("events", until)
        fold_facts(
            ledger=bench.ledger,
            reader=READER,
            clock=bench.clock,
            rules=rules,
            watermark=timedelta(),
        )
        for day, sum_minor in closed.items():
            assert sum_minor == bench.booked_before(day)
        closed[until] = bench.booked_before(until)


def chains(bench: Bench) -> dict[str, list[tuple[str, datetime, dict[str, Any], str]]]:
    """Return subscription -> its facts (type, time, data, id), in order of their places."""
    query = """
        SELECT subject, type, time, data, id FROM events
        ORDER BY subject, (data ->> 'no')::int, seq
    """
    found: defaultdict[str, list[tuple[str, datetime, dict[str, Any], str]]] = defaultdict(list)
    with bench.ledger.connection() as connection:
        for row in connection.exec_driver_sql(query):
            found[row.subject].append((row.type, row.time, row.data, row.id))
    return found


@pytest.mark.parametrize("churn_at", list(ChurnAt))
def test_any_order_and_lateness_tell_the_same_in_the_end(bench: Bench, churn_at: ChurnAt) -> None:
    rules = MetricsRules(churn_at=churn_at, grace=timedelta(days=2))
    seed = list(ChurnAt).index(churn_at)
    draws = random.Random(seed)  # noqa: S311
    stories = {
        f"sub_{number}": story(number, draws, late_share=0.25 if number % 2 else 0.0)
        for number in range(1000, 1000 + STORIES)
    }
    run(bench, stories.values(), rules, seed)
    told = chains(bench)
    corrected = 0
    for name, events in stories.items():
        facts = told.get(name, [])
        balance = 0
        booked = [datetime.fromisoformat(data["booked_at"]) for _, _, data, _ in facts]
        assert booked == sorted(booked)
        for place, (_, at, data, _) in enumerate(facts, 1):
            balance += data["mrr_delta_minor"]
            assert (data["no"], data["mrr_minor"]) == (place, balance)
            assert datetime.fromisoformat(data["booked_at"]) >= at
        expected = plainly(events, rules, NOW + ROUNDS * DAY)
        links = [link_of(fact_id=i, kind=k, time=t, data=d) for k, t, d, i in facts]
        stands = sorted(standing(links), key=lambda link: (link.time, link.no))
        assert [(s.type, s.time, s.mrr_delta_minor, s.detail) for s in stands] == [
            (m.type, m.at, m.mrr_delta_minor, m.detail) for m in expected
        ]
        assert balance == (expected[-1].mrr_minor if expected else 0)
        if any(one.late for one in events):
            corrected += any(data["sign"] < 0 for _, _, data, _ in facts)
        else:
            assert [(k, t, d["told_by"], d["late"]) for k, t, d, _ in facts if k != RENEWED] == [
                (m.type, m.at, m.occasion, False) for m in expected
            ]
        paid = [one.at for one in events if one.raw["type"] == "invoice.paid"]
        assert sorted(at for kind, at, _, _ in facts if kind == RENEWED) == paid
    assert corrected >= STORIES / 10


def test_two_rounds_of_the_same_lateness_leave_no_trace(bench: Bench) -> None:
    rules = MetricsRules()
    draws = random.Random(7)  # noqa: S311
    run(bench, [story(n, draws, late_share=0.3) for n in range(1000, 1010)], rules, 7)
    before = chains(bench)
    written = fold_facts(ledger=bench.ledger, reader=READER, clock=bench.clock, rules=rules)
    assert (written, chains(bench)) == (0, before)
