"""A month's renewals and recoveries, counted from the sandbox's invoices and charges.

Written again from the formulas in README ("Every metric"), and not from the worker's views, so that
both can be compared.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from fractions import Fraction

from worker.rehearsal.metrics_observer import Figures, first_charges, percent
from worker.rehearsal.population_cards import unix
from worker.rehearsal.revenue_observer import Move
from worker.rehearsal.sandbox.world import Obj, World

DAY = 86_400
HORIZONS = (7, 14, 30, 60)
CREDITED = {"stripe": "retry_alone", "api": "customer"}
"""By whom a charge was asked for, in the sandbox's words -> what its money is credited to; here the
only requests are those of somebody who pays."""
LATE_DAYS = 30
"""A renewal that is paid later than this was none."""


@dataclass(frozen=True, slots=True)
class Failed:
    """One invoice whose first charge failed."""

    row: Obj
    at: int
    amount: int

    @property
    def back_at(self) -> int | None:
        """When its money was heard of: payments are heard of at the end of their day."""
        paid_at = self.row["status_transitions"]["paid_at"]
        return paid_at - paid_at % DAY + DAY - 1 if self.row["status"] == "paid" else None

    def is_back(self, by: int) -> bool:
        """Return whether it was paid before an instant."""
        return self.back_at is not None and self.back_at < by


@dataclass(frozen=True, slots=True)
class Term:
    """What was told of when a subscription's term ends."""

    told_at: int
    ends_at: int
    is_change: bool
    """Told by a movement, and not by a paid renewal."""


@dataclass(slots=True)
class PaymentCount:
    """Goes from month to month with all movements so far."""

    world: World
    _changes: dict[str, list[Term]] = field(default_factory=lambda: defaultdict(list))

    def month(
        self,
        first: datetime,
        after: datetime,
        moves: Iterable[Move],
        worth: Mapping[str, int],
        currencies: Iterable[str],
    ) -> Figures:
        """Return the figures of [first, after). Args: worth: subscription -> MRR at its end."""
        for move in moves:
            if move.kind != "churned":
                term = Term(move.at, move.term_ends_at, is_change=True)
                self._changes[move.subscription].append(term)
        since, until = unix(first), unix(after)
        failed = list(self._failed())
        found: Figures = {}
        for currency in currencies:
            mine = [each for each in failed if each.row["currency"] == currency]
            figures = {
                **self._renewals(currency, since, until),
                **_cohort([each for each in mine if since <= each.at < until]),
                **self._came([each for each in mine if _within(each.back_at, since, until)]),
                **_at_risk(currency, mine, self.world, worth),
            }
            found |= {(currency, name): value for name, value in figures.items()}
        return found

    def _failed(self) -> Iterator[Failed]:
        """Yield the invoices whose first charge failed."""
        for invoice, charge in first_charges(self.world):
            if charge["status"] == "failed":
                yield Failed(invoice, charge["created"], charge["amount"])

    def _renewals(self, currency: str, since: int, until: int) -> dict[str, Fraction | None]:
        due = renewed = on_time = 0
        paid, in_time = self._paid(currency)
        for name, ends in self._terms(currency, paid).items():
            for ends_at in ends:
                if since <= ends_at < until:
                    due += 1
                    paid_at = paid.get((name, ends_at), (0, 0))[0]
                    came = 0 < paid_at < ends_at + LATE_DAYS * DAY
                    renewed += came
                    on_time += came and (name, ends_at) in in_time
        return {
            "renewal_rate": percent(renewed, due),
            "renewal_rate_on_time": percent(on_time, due),
        }

    def _paid(
        self, currency: str
    ) -> tuple[dict[tuple[str, int], tuple[int, int]], set[tuple[str, int]]]:
        """Return (subscription, beginning of a paid term) -> when it was paid and when it ends, and
        which of them were paid without a failed payment."""
        failed = {each.row["id"] for each in self._failed()}
        found: dict[tuple[str, int], tuple[int, int]] = {}
        in_time: set[tuple[str, int]] = set()
        for row in self.world.tables["invoice"].rows.values():
            if row["billing_reason"] != "subscription_cycle" or row["status"] != "paid":
                continue
            if row["currency"] != currency:
                continue
            period = _period(row)
            place = _subscription(row), period["start"]
            found[place] = (row["status_transitions"]["paid_at"], period["end"])
            if row["id"] not in failed:
                in_time.add(place)
        return found, in_time

    def _terms(
        self, currency: str, paid: Mapping[tuple[str, int], tuple[int, int]]
    ) -> dict[str, set[int]]:
        """Return subscription -> the ends of its terms that no change moved before they came."""
        told: dict[str, list[Term]] = defaultdict(list)
        for name, changes in self._changes.items():
            if self.world.get("subscription", name)["currency"] == currency:
                told[name] += changes
        for (name, _), (paid_at, ends_at) in paid.items():
            told[name].append(Term(paid_at, ends_at, is_change=False))
        return {name: set(_standing(terms)) for name, terms in told.items()}

    def _came(self, back: list[Failed]) -> dict[str, Fraction | None]:
        waited = sum(each.back_at - each.at for each in back if each.back_at is not None)
        counts: Counter[str] = Counter()
        amounts: Counter[str] = Counter()
        for each in back:
            credit = CREDITED[self._paid_by(each.row["id"])]
            counts[credit] += 1
            amounts[credit] += each.row["amount_paid"]
        figures: dict[str, Fraction | None] = {
            "recoveries": Fraction(len(back)),
            "recovered_amount": Fraction(amounts.total()),
            "days_to_cash": Fraction(waited, DAY * len(back)) if back else None,
        }
        for credit in CREDITED.values():
            figures[f"recovered_by_{credit}"] = percent(counts[credit], len(back))
            figures[f"recovered_amount_by_{credit}"] = Fraction(amounts[credit])
        return figures

    def _paid_by(self, invoice_id: str) -> str:
        """Return whose request the charge was that went through."""
        mine = [each for each in self.world.tries if each["invoice"] == invoice_id]
        return str(next(each["by"] for each in mine if each["status"] == "succeeded"))


def _standing(terms: list[Term]) -> Iterator[int]:
    ordered = sorted(terms, key=lambda term: term.told_at)
    for number, term in enumerate(ordered):
        later = [each.told_at for each in ordered[number + 1 :] if each.is_change]
        if not later or min(later) >= term.ends_at:
            yield term.ends_at


def _cohort(failed: list[Failed]) -> dict[str, Fraction | None]:
    owed = sum(each.amount for each in failed)
    figures: dict[str, Fraction | None] = {}
    for days in HORIZONS:
        back = [each for each in failed if each.is_back(each.at + days * DAY)]
        came = sum(each.row["amount_paid"] for each in back)
        figures[f"recovery_rate_day_{days}"] = percent(len(back), len(failed))
        figures[f"recovery_amount_rate_day_{days}"] = percent(came, owed)
    return figures


def _at_risk(
    currency: str, failed: list[Failed], world: World, worth: Mapping[str, int]
) -> dict[str, Fraction | None]:
    overdue = {_subscription(each.row) for each in failed if _is_dunned(each, world)}
    at_risk = sum(worth.get(name, 0) for name in overdue)
    total: Counter[str] = Counter()
    for name, mrr in worth.items():
        total[world.get("subscription", name)["currency"]] += mrr
    return {
        "mrr_at_risk": Fraction(at_risk),
        "mrr_at_risk_share": percent(at_risk, total[currency]),
    }


def _is_dunned(failed: Failed, world: World) -> bool:
    """Return whether an invoice is still owed by somebody who did not ask to leave since."""
    row = world.get("subscription", _subscription(failed.row))
    leaves = row["cancel_at_period_end"] and row["canceled_at"] >= failed.at
    return failed.row["status"] == "open" and not leaves


def _subscription(invoice: Obj) -> str:
    return str(invoice["parent"]["subscription_details"]["subscription"])


def _period(invoice: Obj) -> dict[str, int]:
    """Return the term that a renewal's invoice pays for: that of its lines for no odd stretch."""
    lines = invoice["lines"]["data"]
    periods = [line["period"] for line in lines if not _is_proration(line)]
    found: dict[str, int] = max(periods, key=lambda period: period["end"])
    return found


def _is_proration(line: Obj) -> bool:
    details = (line["parent"] or {}).get("subscription_item_details") or {}
    return bool(details.get("proration"))


def _within(at: int | None, since: int, until: int) -> bool:
    return at is not None and since <= at < until
