"""Customers' discounts in any order, doubled, and late: what the facts tell in the end.

Each story is a customer with two subscriptions whose prices and own discounts change while the
customer's discount comes, is replaced, taken away or runs out. It is compared with a plain count
that knows everything from the start.
"""

import random
from collections import defaultdict
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from fractions import Fraction
from typing import Any

from tests.integration.services.bench import Bench
from tests.integration.services.raw import event, subscription
from tests.integration.services.telling import corrected
from tests.integration.store.building import DAY, NOW, WALL
from worker.domain.metrics_rules import MetricsRules
from worker.domain.readings import CouponReading, DiscountReading
from worker.gateway.invoice_readers import StripeReader
from worker.ports import Json
from worker.services.apply_events import apply_batch, gather
from worker.services.fold_facts import fold_facts
from worker.services.tie_out import tie_out

ROUNDS = 7
STORIES = 40
READER = StripeReader()
RULES = MetricsRules(temporary_discounts_count=True)
OFF = {"di_own": Fraction(1, 10), "QUARTER": Fraction(1, 4), "HALF": Fraction(1, 2)}
Move = tuple[datetime, int]


@dataclass
class Story:
    """A customer's events with the round in which each comes, and what they should come to."""

    number: int
    coming: list[tuple[int, Json]] = field(default_factory=list)
    is_late: bool = False
    looks: dict[str, list[tuple[datetime, int, bool]]] = field(default_factory=dict)
    """Subscription -> (when, price, whether it has its own discount)."""
    given: list[tuple[datetime, datetime, str]] = field(default_factory=list)
    """(since, until, coupon), each over when the next begins."""

    def off(self, at: datetime) -> Fraction:
        """Return what the customer's discount takes off at an instant."""
        return sum((OFF[c] for since, until, c in self.given if since <= at < until), Fraction())

    def moves(self, name: str) -> list[Move]:
        """Return the changes of what a subscription brings."""
        looks = self.looks[name]
        instants = {each[0] for each in looks}
        instants |= {end for each in self.given for end in each[:2]}
        before, found = 0, []
        for at in sorted(instants):
            seen = [each for each in looks if each[0] <= at]
            if not seen or at >= NOW + ROUNDS * DAY:
                continue
            _, price, own = seen[-1]
            now = int(price * (1 - (OFF["di_own"] if own else self.off(at))))
            if now != before:
                found.append((at, now - before))
            before = now
        return found


def story(number: int, draws: random.Random, *, late_share: float) -> Story:
    """Return a customer's story of a week."""
    made = Story(number)
    names = [f"sub_{number}", f"sub_{number + 5000}"]
    given: dict[str, Any] | None = None
    for place in range(draws.randint(6, 14)):
        at = NOW + place * DAY * ROUNDS / 15 + timedelta(seconds=draws.randrange(9000))
        at = at.replace(microsecond=0)
        name = names[place] if place < 2 else draws.choice(names)
        if place < 2 or draws.random() < 0.4:
            price, own = draws.choice((800, 1200, 4000)), draws.random() < 0.2
            made.looks.setdefault(name, []).append((at, price, own))
            shown = subscription(int(name[4:]), amount_minor=price, customer=f"cus_{number}")
            kind, raw = "customer.subscription.updated", {**shown}
            raw["discounts"] = ["di_own"] if own else []
        elif given is not None and draws.random() < 0.4:
            kind, raw, given = "customer.discount.deleted", given, None
            over(made, at)
        else:
            kind = "customer.discount." + ("created" if given is None else "updated")
            ends_at = at + timedelta(hours=draws.randint(5, 90)) if draws.random() < 0.5 else None
            over(made, at)
            coupon = draws.choice(("QUARTER", "HALF"))
            made.given.append((at, ends_at or NOW + 99 * DAY, coupon))
            raw = given = discount(f"di_{number}_{place}", coupon, number, at, ends_at)
        day = (at - NOW) // DAY
        late = draws.random() < late_share
        made.is_late |= late
        comes_in = min(day + (draws.randint(1, 3) if late else 0), ROUNDS - 1)
        made.coming.append((comes_in, event(number * 100 + place, kind, raw, at=at)))
    return made


def over(made: Story, at: datetime) -> None:
    """End the story's last discount, unless it has run out."""
    if made.given and made.given[-1][1] > at:
        made.given[-1] = (made.given[-1][0], at, made.given[-1][2])


def discount(
    name: str, coupon: str, number: int, start_at: datetime, ends_at: datetime | None
) -> dict[str, Any]:
    """Return a customer's discount."""
    return {
        "id": name,
        "object": "discount",
        "customer": f"cus_{number}",
        "subscription": None,
        "source": {"coupon": coupon, "type": "coupon"},
        "start": int(start_at.timestamp()),
        "end": int(ends_at.timestamp()) if ends_at is not None else None,
    }


def run(bench: Bench, stories: list[Story], draws: random.Random) -> None:
    """Let the rounds pass; what was booked before a round's end stays as it was then."""
    by_round: defaultdict[int, list[Json]] = defaultdict(list)
    for each in stories:
        for comes_in, raw in each.coming:
            by_round[comes_in] += [raw] * draws.randint(1, 2)
    with bench.ledger.begin() as tx:
        tx.discounts.put_coupons([CouponReading(n, percent_off=o * 100) for n, o in OFF.items()])
        tx.discounts.put_discounts([DiscountReading("di_own", "di_own")])
    with bench.ledger.connection() as connection:
        connection.exec_driver_sql("DELETE FROM cursors")
    closed: dict[datetime, int] = {}
    for number in range(ROUNDS):
        draws.shuffle(by_round[number])
        until = NOW + (number + 1) * DAY
        with bench.ledger.begin() as tx:
            added = [one for raw in by_round[number] for one in tx.inbox.add([raw], wall_now=WALL)]
            apply_batch(
                tx,
                gather(added, READER),
                rules=bench.ports.configuration.dunning,
                go_live_at=NOW,
                now=until,
                wall_now=WALL,
            )
            tx.control.set_cursor("events", until)
        fold_facts(
            ledger=bench.ledger,
            reader=READER,
            clock=bench.clock,
            rules=RULES,
            watermark=timedelta(),
        )
        assert closed == {at: bench.booked_before(at) for at in closed}
        closed[until] = bench.booked_before(until)


def standing(bench: Bench) -> dict[str, list[Move]]:
    """Return subscription -> the movements that nothing took back, in order of time."""
    query = """
        SELECT subject, time, (data ->> 'mrr_delta_minor')::int AS delta FROM events AS one
        WHERE data ->> 'sign' = '1'
          AND NOT EXISTS (SELECT FROM events WHERE data ->> 'corrects' = one.id)
        ORDER BY subject, time
    """
    found: defaultdict[str, list[Move]] = defaultdict(list)
    with bench.ledger.connection() as connection:
        for row in connection.exec_driver_sql(query):
            found[row.subject].append((row.time, row.delta))
    return found


def test_any_order_and_lateness_tell_the_same_in_the_end(bench: Bench) -> None:
    draws = random.Random(11)  # noqa: S311
    stories = [story(n, draws, late_share=0.2 * (n % 2)) for n in range(1000, 1000 + STORIES)]
    run(bench, stories, draws)
    told, anew = standing(bench), corrected(bench)
    for each in stories:
        for name in each.looks:
            assert told[name] == each.moves(name), name
            assert each.is_late or name not in anew
    assert len(anew) > STORIES / 4
    found = tie_out(ledger=bench.ledger, log=bench.ports.log, rules=RULES, now=NOW)
    assert (found.checked, found.chains, found.states) == (2 * STORIES, (), ())
    before = told
    fold_facts(ledger=bench.ledger, reader=READER, clock=bench.clock, rules=RULES)
    assert standing(bench) == before
