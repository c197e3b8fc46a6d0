"""A month's metrics of customers and revenue, counted from the sandbox's objects.

Written again from the formulas in README ("Every metric"), and not from the worker's views, so that
both can be compared.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from fractions import Fraction

from worker.rehearsal.population_cards import unix
from worker.rehearsal.revenue_observer import Move
from worker.rehearsal.sandbox.world import Obj, World

Customers = dict[tuple[str, str], int]
"""(currency, customer) -> MRR in minor units, of those who are there."""
Figures = dict[tuple[str, str], Fraction | None]
"""(currency, name of a metric) -> its value; None where it has none."""
GAINS = ("new", "reactivation", "expansion", "resume")
LOSSES = ("contraction", "pause", "churn")


@dataclass(slots=True)
class CustomerCount:
    """Goes from month to month with who is there and who ever was."""

    world: World
    there: Customers = field(default_factory=dict)
    ever: set[tuple[str, str]] = field(default_factory=set)
    live: Counter[tuple[str, str]] = field(default_factory=Counter)
    """Subscriptions of a customer that are not lost."""

    def month(
        self, first: datetime, after: datetime, moves: Iterable[Move], then: Customers
    ) -> Figures:
        """Return the figures of [first, after), at whose end *then* are there."""
        before, self.there = self.there, dict(then)
        of_currency: dict[str, list[Move]] = defaultdict(list)
        for move in moves:
            of_currency[move.currency].append(move)
        found: Figures = {}
        for currency in sorted({currency for currency, _ in (*before, *then, *self.ever)}):
            month = _Month(_of(before, currency), _of(then, currency))
            for move in of_currency[currency]:
                self._take(month, move)
            month.paid = self._paid(currency, unix(first), unix(after))
            month.tried = self._tried(currency, unix(first), unix(after))
            found |= {(currency, name): value for name, value in month.figures().items()}
        return found

    def _take(self, month: "_Month", move: Move) -> None:
        """Name a movement as it is seen from its customer."""
        who = (move.currency, move.customer)
        begins = move.kind in ("started", "reactivated")
        self.live[who] += begins - (move.kind == "churned")
        if begins:
            others = self.live[who] > 1
            again = who in self.ever or move.kind == "reactivated"
            name = "expansion" if others else "reactivation" if again else "new"
            self.ever.add(who)
            month.began.add(move.customer)
        elif move.kind == "churned":
            name = "contraction" if self.live[who] else "churn"
            month.unpaid[move.customer] = move.unpaid
        else:
            name = {
                "expanded": "expansion",
                "contracted": "contraction",
                "paused": "pause",
                "resumed": "resume",
            }[move.kind]
        month.moved[name] += move.delta
        month.moved_late += move.delta if move.is_late and name == "reactivation" else 0
        month.churned_unpaid += move.delta if name == "churn" and move.unpaid else 0

    def _paid(self, currency: str, since: int, until: int) -> list[tuple[str, int]]:
        """Return (customer, amount) of the renewals that were paid in [since, until)."""
        return [
            (row["customer"], row["amount_paid"])
            for row in self.world.tables["invoice"].rows.values()
            if row["billing_reason"] == "subscription_cycle"
            and row["currency"] == currency
            and row["status"] == "paid"
            and since <= row["status_transitions"]["paid_at"] < until
        ]

    def _tried(self, currency: str, since: int, until: int) -> list[tuple[bool, bool, int]]:
        """Return of each invoice's first charge in [since, until): whether it was of a renewal,
        whether it failed, and its amount."""
        return [
            (
                invoice["billing_reason"] == "subscription_cycle",
                charge["status"] == "failed",
                charge["amount"],
            )
            for invoice, charge in first_charges(self.world)
            if charge["currency"] == currency and since <= charge["created"] < until
        ]


@dataclass(slots=True)
class _Month:
    """One currency in one month."""

    before: dict[str, int]
    """Customer -> MRR, of those who are there."""
    then: dict[str, int]
    moved: Counter[str] = field(default_factory=Counter)
    moved_late: int = 0
    churned_unpaid: int = 0
    unpaid: dict[str, bool] = field(default_factory=dict)
    """Customer who was lost -> whether for want of payment, the last time."""
    began: set[str] = field(default_factory=set)
    paid: list[tuple[str, int]] = field(default_factory=list)
    """(customer, amount) of each paid renewal."""
    tried: list[tuple[bool, bool, int]] = field(default_factory=list)
    """Of each invoice's first charge: is it of a renewal, did it fail, its amount."""

    def figures(self) -> dict[str, Fraction | None]:
        """Return metric -> value, in README's order."""
        return {**self._customers(), **self._revenue(), **self._worth(), **self._failures()}

    def _customers(self) -> dict[str, Fraction | None]:
        start, lost = len(self.before), self.before.keys() - self.then.keys()
        new = self.then.keys() - self.before.keys()
        unpaid = sum(self.unpaid[each] for each in lost)
        joined = self.began - self.before.keys()
        gone = len(lost) + len(joined - self.then.keys())
        return {
            "customers_start": Fraction(start),
            "customers_taken_over": Fraction(),
            "customers_lost": Fraction(len(lost)),
            "customers_new": Fraction(len(new)),
            "customers_end": Fraction(len(self.then)),
            "customer_retention_rate": percent(len(self.then) - len(new), start),
            "customer_churn_rate": percent(len(lost), start),
            "customer_churn_rate_voluntary": percent(len(lost) - unpaid, start),
            "customer_churn_rate_involuntary": percent(unpaid, start),
            "subscriber_churn_rate_as_stripe": percent(gone, start + len(joined)),
        }

    def _revenue(self) -> dict[str, Fraction | None]:
        start, end = sum(self.before.values()), sum(self.then.values())
        base = {who: mrr for who, mrr in self.before.items() if mrr > 0}
        kept = sum(min(mrr, self.then.get(who, 0)) for who, mrr in base.items())
        churned = -self.moved["churn"]
        return {
            "mrr_start": Fraction(start),
            "mrr_taken_over": Fraction(),
            **{f"mrr_{name}": Fraction(self.moved[name]) for name in (*GAINS, *LOSSES)},
            "mrr_recovered_late": Fraction(self.moved_late),
            "mrr_end": Fraction(end),
            "arr": Fraction(end * 12),
            "gross_revenue_retention": percent(kept, start),
            "net_revenue_retention": percent(sum(self.then.get(who, 0) for who in base), start),
            "revenue_churn_rate": percent(churned, start),
            "revenue_churn_rate_voluntary": percent(churned + self.churned_unpaid, start),
            "revenue_churn_rate_involuntary": percent(-self.churned_unpaid, start),
            "net_revenue_churn_rate": percent(churned - self.moved["expansion"], start),
        }

    def _worth(self) -> dict[str, Fraction | None]:
        start, lost = len(self.before), len(self.before.keys() - self.then.keys())
        end, paying = sum(self.then.values()), sum(mrr > 0 for mrr in self.then.values())
        payers = len({who for who, _ in self.paid})
        gains = sum(self.moved[name] for name in GAINS)
        losses = -sum(self.moved[name] for name in LOSSES)
        per_payer = _over(sum(amount for _, amount in self.paid), payers)
        arpu, churn = _over(end, paying), _over(lost, start)
        return {
            "arpu": arpu,
            "clv": per_payer / churn if per_payer is not None and churn else None,
            "clv_arpu_over_churn": arpu / churn if arpu is not None and churn else None,
            "quick_ratio": _over(gains, losses),
        }

    def _failures(self) -> dict[str, Fraction | None]:
        of_renewals = [failed for is_renewal, failed, _ in self.tried if is_renewal]
        failed = [amount for _, failed, amount in self.tried if failed]
        return {
            "first_attempt_failure_rate": percent(sum(of_renewals), len(of_renewals)),
            "failures": Fraction(len(failed)),
            "failed_amount": Fraction(sum(failed)),
        }


def first_charges(world: World) -> Iterator[tuple[Obj, Obj]]:
    """Yield each invoice that was charged with its first charge.

    A subscription's own first invoice is left out: who never began is not dunned.
    """
    payments = world.tables["invoice_payment"].rows.values()
    invoices = {each["payment"].get("payment_intent"): each["invoice"] for each in payments}
    first: dict[str, Obj] = {}
    for charge in world.tables["charge"].rows.values():
        invoice_id = invoices.get(charge["payment_intent"])
        if invoice_id:
            first.setdefault(invoice_id, charge)
    for invoice_id, charge in first.items():
        invoice = world.get("invoice", invoice_id)
        if invoice["billing_reason"] != "subscription_create":
            yield invoice, charge


def _of(customers: Customers, currency: str) -> dict[str, int]:
    return {who: mrr for (paid_in, who), mrr in customers.items() if paid_in == currency}


def _over(number: int, of: int) -> Fraction | None:
    return Fraction(number, of) if of else None


def percent(number: int, of: int) -> Fraction | None:
    """Return a share of *of*, which is no value where that is nothing."""
    return Fraction(100 * number, of) if of else None
