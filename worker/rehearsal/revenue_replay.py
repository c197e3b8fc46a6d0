"""A year's events read into a ledger and folded, month by month, beside what was observed."""

from collections import Counter
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from fractions import Fraction
from typing import Any

from worker.domain.metric import Period
from worker.domain.metrics import metrics_of
from worker.domain.metrics_rules import MetricsRules
from worker.domain.policy import Configuration
from worker.domain.tax_shares import ALWAYS, TaxesShown
from worker.gateway.invoice_readers import StripeReader
from worker.gateway.price_readers import read_amount
from worker.ports import Clock, JobLog, Json
from worker.rehearsal.draws import Draws
from worker.rehearsal.metrics_observer import CustomerCount, Figures
from worker.rehearsal.payments_observer import PaymentCount
from worker.rehearsal.revenue_cases import Watcher
from worker.rehearsal.revenue_observer import Move, Observer
from worker.rehearsal.revenue_year import Year
from worker.rehearsal.sandbox.expand import expanded
from worker.services.apply_events import apply_batch, gather
from worker.services.fold_facts import WATERMARK, fold_facts
from worker.services.read_feed import CURSOR
from worker.services.tie_out import tie_out
from worker.store.ledger import PostgresLedger
from worker.store.metrics_counts import read_counts

BATCH = 500
SECOND = timedelta(seconds=1)
FAMILIES = ("charge", "customer", "invoice", "coupon", "payment_method")
"""Of events that facts can come from; the others are many."""
LATE = frozenset(
    (
        "customer.discount.created",
        "customer.discount.deleted",
        "customer.discount.updated",
        "customer.subscription.created",
        "customer.subscription.updated",
        "customer.updated",
        "invoice.created",
        "invoice.finalized",
        "invoice.paid",
    )
)
"""Types of which some come late."""
_MOVED = """
    SELECT data ->> 'currency' AS currency, split_part(type, '.', 2) AS kind,
      sum((data ->> 'mrr_delta_minor')::bigint) AS delta, sum((data ->> 'sign')::int) AS count
    FROM events
    WHERE type LIKE 'subscription.%%' AND data ? 'no' AND type <> 'subscription.renewed'
      AND (data ->> 'booked_at')::timestamptz >= %(since)s
      AND (data ->> 'booked_at')::timestamptz < %(until)s
    GROUP BY 1, 2
"""
_TAKEN_BACK = "SELECT count(*) FROM events WHERE data ->> 'sign' = '-1'"


@dataclass(frozen=True, slots=True)
class Month:
    """What the observers saw."""

    moves: list[Move]
    mrr: dict[str, int]
    """Currency -> MRR."""
    figures: Figures

    @property
    def movements(self) -> dict[tuple[str, str], int]:
        """(currency, kind) -> sum in minor units."""
        found: Counter[tuple[str, str]] = Counter()
        for each in self.moves:
            found[each.currency, each.kind] += each.delta
        return dict(found)

    @property
    def counts(self) -> dict[tuple[str, str], int]:
        """(currency, kind) -> how often."""
        return dict(Counter((each.currency, each.kind) for each in self.moves))


@dataclass(slots=True)
class Replay:
    """Plays a year into a ledger, day by day; some events come a month late."""

    year: Year
    ledger: PostgresLedger
    rules: MetricsRules
    configuration: Configuration
    clock: Clock
    log: JobLog
    late_share: float = 0.0
    observer: Observer = field(init=False)
    _customers: CustomerCount = field(init=False)
    _payments: PaymentCount = field(init=False)
    _watcher: Watcher = field(init=False)
    _month_began: datetime = field(init=False)
    _heard: list[Json] = field(init=False, default_factory=list)
    _late: list[Json] = field(init=False, default_factory=list)
    _draws: Draws = field(init=False)

    def __post_init__(self) -> None:
        """Take in what happened so far, and listen."""
        self.observer = Observer(self.year.world)
        self._customers = CustomerCount(self.year.world)
        self._payments = PaymentCount(self.year.world)
        self._watcher = Watcher(self.year.world, self.ledger, self.configuration, self.log)
        self._month_began = self.year.start_at
        self._draws = Draws(self.year.seed, "late events")
        for event in self.year.world.tables["event"].rows.values():
            self._hear(event)
        self.year.world.event_listeners.append(self._hear)

    def _hear(self, event: dict[str, Any]) -> None:
        if event["type"].split(".")[0] in FAMILIES:
            self._heard.append(event)

    def month(self, after: datetime, *, nothing_is_late: bool = False) -> Month:
        """Live until *after*, read and fold what is known then, and return what was observed."""
        share = 0.0 if nothing_is_late else self.late_share
        began, self._month_began = self._month_began, after
        heard, self._late = self._late, []
        day = began
        while day < after:
            day = min(day + timedelta(days=1), after)
            self.year.until(day)
            self._read(heard + self._heard_in_time(share), now=day - SECOND)
            self._watcher.look(day - SECOND)
            heard = []
        self._fold(until=after + WATERMARK)
        return self._observed(began, after)

    def _heard_in_time(self, late_share: float) -> list[Json]:
        """Return the day's events but for those that are put off to the next month."""
        later = [
            one for one in self._heard if one["type"] in LATE and self._draws.happens(late_share)
        ]
        held_back = {str(event["id"]) for event in later}
        now = [each for each in self._heard if str(each["id"]) not in held_back]
        self._heard.clear()
        self._late += later
        return now

    def _observed(self, began: datetime, after: datetime) -> Month:
        moves = self.observer.take_month()
        figures = self._customers.month(began, after, moves, self.observer.standing())
        currencies = sorted({currency for currency, _ in figures})
        worth = self.observer.worth()
        figures |= self._payments.month(began, after, moves, worth, currencies)
        return Month(moves, self.observer.mrr(), figures)

    def _read(self, events: list[Json], *, now: datetime) -> None:
        reader = StripeReader()
        for begin in range(0, len(events), BATCH):
            with self.ledger.begin() as tx:
                wall_now = self.clock.wall_now()
                added = tx.inbox.add(events[begin : begin + BATCH], wall_now=wall_now)
                apply_batch(
                    tx,
                    gather(added, reader),
                    rules=self.configuration.dunning,
                    go_live_at=self.year.start_at,
                    now=now,
                    wall_now=wall_now,
                )

    def _fold(self, *, until: datetime) -> None:
        reader = StripeReader()
        with self.ledger.begin() as tx:
            tx.control.set_cursor(CURSOR, until)
        self._learn_prices()
        self._learn_taxes(reader)
        fold_facts(ledger=self.ledger, reader=reader, clock=self.clock, rules=self.rules)

    def _learn_prices(self) -> None:
        """Read the prices that events do not show, as `learn_prices` does through the gateway."""
        with self.ledger.begin() as tx:
            found = []
            for wanted in tx.prices.unknown(tx.prices.wanted_by_events()):
                price = self.year.world.get("price", wanted.price_id)
                shown = expanded(self.year.world, price, ["tiers"], "price")
                found.append(read_amount(shown, wanted))
            tx.prices.put(found)

    def _learn_taxes(self, reader: StripeReader) -> None:
        """Read the latest invoices of whom no invoice's event told, as `learn_taxes` does."""
        with self.ledger.begin() as tx:
            for subscription_id in tx.taxes.unknown_on():
                row = self.year.world.get("subscription", subscription_id)
                shown = expanded(self.year.world, row, ["latest_invoice"], "subscription")
                taxes = reader.latest_taxes(shown)
                tx.taxes.put([taxes or TaxesShown(subscription_id, ALWAYS)])

    def told_movements(self, since: datetime, until: datetime) -> dict[tuple[str, str], int]:
        """Return (currency, kind) -> sum, as facts tell it of [since, until)."""
        return {(row.currency, row.kind): int(row.delta) for row in self._moved(since, until)}

    def told_counts(self, since: datetime, until: datetime) -> dict[tuple[str, str], int]:
        """Return (currency, kind) -> how often, as facts tell it of [since, until)."""
        return {(row.currency, row.kind): int(row.count) for row in self._moved(since, until)}

    def told_mrr(self, at: datetime) -> dict[str, int]:
        """Return currency -> MRR at an instant, as facts tell it."""
        sums: dict[str, int] = {}
        for row in self._moved(self.year.start_at - timedelta(days=1), at):
            sums[row.currency] = sums.get(row.currency, 0) + int(row.delta)
        return {currency: total for currency, total in sums.items() if total}

    def differing_figures(
        self, seen: Month, since: datetime, until: datetime
    ) -> dict[tuple[str, str], tuple[Fraction | None, Fraction | None]]:
        """Return (currency, metric) -> what `dunning metrics` tells of [since, until), and what
        was counted, where these differ."""
        period = Period(since, until)
        with self.ledger.connection() as connection:
            counts = read_counts(connection, self.ledger.account_id, period, now=until)
        told = {
            (each.currency, each.definition.name): each.value for each in metrics_of(counts, period)
        }
        names = {name for _, name in seen.figures}
        told = {place: value for place, value in told.items() if place[1] in names}
        return {
            place: (told.get(place), seen.figures.get(place))
            for place in told.keys() | seen.figures.keys()
            if (place in told, told.get(place)) != (place in seen.figures, seen.figures.get(place))
        }

    def differing(self) -> tuple[str, ...]:
        """Return the subscriptions that the daily check finds to differ."""
        found = tie_out(
            ledger=self.ledger, log=self.log, rules=self.rules, now=self.clock.wall_now()
        )
        return (*found.chains, *found.states, *found.payments)

    def corrections(self) -> int:
        """Return how many facts take one back."""
        with self.ledger.connection() as connection:
            return int(connection.exec_driver_sql(_TAKEN_BACK).scalar_one())

    def _moved(self, since: datetime, until: datetime) -> list[Any]:
        with self.ledger.connection() as connection:
            asked = {"since": since, "until": until}
            return list(connection.exec_driver_sql(_MOVED, asked))
