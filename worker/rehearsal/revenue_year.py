"""Subscribers who do everything that moves recurring revenue, for a year, in several currencies.

They live in a sandbox inside this process. Everything is a function of (seed, name): who joins
when, with which plan, and what happens to them then.
"""

import heapq
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Any

from worker.domain.money import wire_decimals
from worker.rehearsal.draws import Draws
from worker.rehearsal.in_process import InProcess
from worker.rehearsal.population_cards import BRANDS, card_number, unix
from worker.rehearsal.revenue_acts import ACTS, COUNTRIES, Member
from worker.rehearsal.sandbox.billing import life
from worker.rehearsal.sandbox.errors import ApiError
from worker.rehearsal.sandbox.world import Cause, World

START = datetime(2026, 1, 1, tzinfo=UTC)
CURRENCIES = {"eur": 5, "usd": 4, "gbp": 2, "jpy": 2, "kwd": 1}
RHYTHMS = {("month", 1): 6, ("year", 1): 2, ("week", 1): 1, ("month", 3): 1}
PRICES = {"Basic": 7, "Pro": 29, "Team": 83, "Business": 241}
"""Plan -> units of currency a month, about; primes, so that nothing rounds by luck."""
ADD_ONS = {"Support": 11, "Storage": 3, "Seats": 5, "Rooms": 5}
TIERED = {"Seats": "graduated", "Rooms": "volume"}
"""Add-ons whose price is in tiers: the first two units, the third and fourth, all others."""
TAXED_ON_TOP = ("Support",)
"""Where Stripe computes the taxes; they are inside all other prices."""
TAXED = 0.4
"""Share of subscriptions whose taxes Stripe computes; none by the week, whose amounts are so small
that several rates give the same tax."""
BETWEEN_ACTS_DAYS = 40.0
JOINS_FIRST = 0.5
"""Share of members who are there on the first day."""


@dataclass(slots=True)
class Year:
    """A sandbox with its members; `until` moves it forward."""

    seed: str
    members: int
    start_at: datetime = START
    refused: int = 0
    """Acts that the state of a subscription forbade."""
    done: dict[str, int] = field(default_factory=dict)
    """Name of an act -> how often it happened."""
    world: World = field(init=False)
    clock_id: str = field(init=False, default="")
    prices: dict[tuple[str, str, int, str], str] = field(init=False, default_factory=dict)
    _ask: InProcess = field(init=False)
    _coming: list[tuple[int, int, Member]] = field(init=False, default_factory=list)
    _count: int = field(init=False, default=0)

    def __post_init__(self) -> None:
        """Make the account: prices, a meter, coupons, and everybody's first day."""
        at = unix(self.start_at)
        self.world = World(seed=self.seed, wall=lambda: at)
        self.world.settings.change({"retries": [3, 5, 7], "after_last_retry": "unpaid"})
        self._ask = InProcess(self.world)
        self.clock_id = self.ask("/v1/test_helpers/test_clocks", frozen_time=at - 3600)["id"]
        self._make_prices()
        self.ask("/v1/coupons", id="FOREVER15", percent_off="15", duration="forever")
        self.ask("/v1/coupons", id="HALF_ONCE", percent_off="50", duration="once")
        self.ask(
            "/v1/coupons",
            id="THREE_MONTHS",
            percent_off="30",
            duration="repeating",
            duration_in_months=3,
        )
        for currency in CURRENCIES:
            off = 2 * 10 ** wire_decimals(currency)
            name = f"LESS_{currency.upper()}"
            self.ask("/v1/coupons", id=name, amount_off=off, currency=currency, duration="forever")
        for number in range(self.members):
            draws = Draws(self.seed, f"member {number}")
            day = 0 if draws.happens(JOINS_FIRST) else draws.below(330)
            of_taxes = Draws(self.seed, f"taxes of member {number}")
            member = Member(f"m{number:05d}", draws, of_taxes, draws.weighted(CURRENCIES))
            self.plan(member, self.start_at + timedelta(days=day, seconds=draws.below(86_400)))

    def _make_prices(self) -> None:
        meter = self.ask(
            "/v1/billing/meters",
            display_name="Calls",
            event_name="calls",
            default_aggregation={"formula": "sum"},
        )["id"]
        for plan, units in {**PRICES, **ADD_ONS}.items():
            product = self.ask("/v1/products", name=plan)["id"]
            for interval, count in RHYTHMS:
                months = {"week": 0.25, "month": 1, "year": 11}[interval] * count
                self._make_price(plan, product, interval, count, int(units * months * 100) or 1)
        product = self.ask("/v1/products", name="Calls")["id"]
        for interval, count in RHYTHMS:
            self._make_price("Calls", product, interval, count, 2, meter=meter)

    def _make_price(
        self,
        plan: str,
        product: str,
        interval: str,
        count: int,
        hundredths: int,
        *,
        meter: str = "",
    ) -> None:
        usage = {"usage_type": "metered", "meter": meter} if meter else {}
        for currency in CURRENCIES:
            # Three-decimal amounts end in 0, as Stripe demands.
            unit = hundredths * (10 if wire_decimals(currency) == 3 else 1)
            made = self.ask(
                "/v1/prices",
                product=product,
                currency=currency,
                tax_behavior="exclusive" if plan in TAXED_ON_TOP else "inclusive",
                **(_tiers(TIERED[plan], unit) if plan in TIERED else {"unit_amount": unit}),
                recurring={"interval": interval, "interval_count": count, **usage},
            )
            self.prices[plan, interval, count, currency] = made["id"]

    def ask(self, path: str, method: str = "POST", **params: Any) -> dict[str, Any]:
        """Send a request as staff would. Raises: ApiError: it is refused."""
        with self.world.acting(Cause("api", request_id=f"req_{self.world.count('request')}")):
            return self._ask.ask(path, method, **params)

    def in_portal(self, path: str, **params: Any) -> dict[str, Any]:
        """Do what a customer does on Stripe's own pages: its events carry no request."""
        return self._ask.ask(path, **params)

    def plan(self, member: Member, at: datetime) -> None:
        """Let something happen to a member at *at*."""
        self._count += 1
        heapq.heappush(self._coming, (unix(at), self._count, member))

    def until(self, at: datetime) -> None:
        """Let everything happen until *at*, which is not included."""
        while self._coming and self._coming[0][0] < unix(at):
            due, _, member = heapq.heappop(self._coming)
            self._run(due)
            self._act(member)
            days = 1 + member.draws.exponential(BETWEEN_ACTS_DAYS)
            self.plan(member, datetime.fromtimestamp(due, UTC) + timedelta(days=days))
        self._run(unix(at) - 1)

    def _run(self, until: int) -> None:
        for _ in life.run_until(self.world, self.clock_id, until):
            pass

    def _act(self, member: Member) -> None:
        """Join, or do one of the things that are possible now."""
        if not member.customer_id:
            self._join(member)
            return
        act = member.draws.weighted(ACTS)
        try:
            act.do(self, member)
        except ApiError:
            self.refused += 1
        else:
            self.done[act.name] = self.done.get(act.name, 0) + 1

    def _join(self, member: Member) -> None:
        draws = member.draws
        number = card_number(draws.weighted(BRANDS), draws)
        given = {"number": number, "exp_month": 12, "exp_year": 2034}
        method = self.ask("/v1/payment_methods", type="card", card=given)
        member.customer_id = self.ask(
            "/v1/customers",
            test_clock=self.clock_id,
            payment_method=method["id"],
            invoice_settings={"default_payment_method": method["id"]},
            name=member.name,
            address={"country": draws.one_of(COUNTRIES)},
        )["id"]
        member.card_mark = method["card"]["fingerprint"]
        self.subscribe(member)

    def subscribe(self, member: Member) -> None:
        """Give a member a new subscription: sometimes several items, sometimes a trial."""
        draws = member.draws
        member.rhythm = draws.weighted(RHYTHMS)
        items: list[dict[str, Any]] = [
            {
                "price": self.price(member, draws.one_of(tuple(PRICES))),
                "quantity": 1 + draws.below(3),
            }
        ]
        if draws.happens(0.25):
            add_on = draws.one_of(tuple(ADD_ONS))
            items.append({"price": self.price(member, add_on), "quantity": 1 + draws.below(6)})
        if draws.happens(0.15):
            items.append({"price": self.price(member, "Calls")})
        terms: dict[str, Any] = {"trial_period_days": 14} if draws.happens(0.15) else {}
        if member.rhythm[0] != "week" and member.of_taxes.happens(TAXED):
            terms["automatic_tax"] = {"enabled": True}
        made = self.ask("/v1/subscriptions", customer=member.customer_id, items=items, **terms)
        member.subscription_id = made["id"]

    def price(self, member: Member, plan: str) -> str:
        """Return the id of a plan's price in the member's currency and rhythm."""
        return self.prices[plan, *member.rhythm, member.currency]


def _tiers(mode: str, unit: int) -> dict[str, Any]:
    tiers = [
        {"up_to": "2", "unit_amount": unit, "flat_amount": 10 * unit},
        {"up_to": "4", "unit_amount": unit * 4 // 5},
        {"up_to": "inf", "unit_amount": unit * 3 // 5, "flat_amount": unit},
    ]
    return {"billing_scheme": "tiered", "tiers_mode": mode, "tiers": tiers}


def month_starts(start_at: datetime, months: int) -> list[tuple[datetime, datetime]]:
    """Return that many calendar months, each as its first instant and the next one's."""
    firsts = [
        start_at.replace(year=start_at.year + n // 12, month=1 + n % 12) for n in range(months + 1)
    ]
    return list(pairwise(firsts))
