"""Check daily that the facts of revenue tie out: with themselves, Stripe's objects and its money.

Nothing is corrected here. What differs is said with the subscriptions' names, and cured by reading
Stripe again (`dunning reconcile`) or by looking at the facts of the subscriptions named.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from worker.domain.customer_discount import Timeline
from worker.domain.metrics_rules import MetricsRules
from worker.domain.readings import SubscriptionReading
from worker.domain.revenue_chain import Replayed, replay
from worker.domain.subscription_story import expected_mrr
from worker.domain.tax_shares import TaxHistory
from worker.ports import JobLog, Ledger, Tx
from worker.services.fold_facts import FOLDED
from worker.services.subscription_value import Valuer

NAMED_MAX = 5
"""Subscriptions named in one line of the log."""


@dataclass(frozen=True, slots=True)
class TiedOut:
    """What one check found; each is a list of subscriptions, by id."""

    checked: int
    chains: tuple[str, ...]
    """Their facts do not add up, or a place is missing."""
    states: tuple[str, ...]
    """Their facts tell another MRR than what Stripe shows of them."""
    payments: tuple[str, ...]
    """A renewal tells another amount than its invoice, or a paid invoice was not told."""


def tie_out(*, ledger: Ledger, log: JobLog, rules: MetricsRules, now: datetime) -> TiedOut:
    """Compare all facts of revenue with the mirrors and say what differs.

    What was seen behind the watermark alone is compared: the facts cannot know the rest yet.
    """
    with ledger.begin() as tx:
        until = tx.control.cursor(FOLDED)
        if until is None:
            return TiedOut(0, (), (), ())
        told = {name: replay(links) for name, links in tx.revenue.all_links()}
        shown = tx.revenue.mirrored(seen_until=until)
        states = _differing(tx, told, shown, rules, until)
        payments = tuple(tx.revenue.payments_differing(seen_until=until))
    chains = tuple(sorted(name for name, each in told.items() if not each.adds_up))
    result = TiedOut(len(told), chains, states, payments)
    for what, names in (("chain", chains), ("state", states), ("payment", payments)):
        if names:
            log.error(
                "revenue.differs",
                cause=what,
                count=len(names),
                subscription=", ".join(names[:NAMED_MAX]),
                do="dunning reconcile; if it stays, report it with these subscriptions' facts",
            )
    if not (chains or states or payments):
        log.info("revenue", checked=len(told), differences=0, business_at=now)
    return result


def _differing(
    tx: Tx,
    told: Mapping[str, Replayed],
    shown: list[SubscriptionReading],
    rules: MetricsRules,
    until: datetime,
) -> tuple[str, ...]:
    """Return those of which facts tell another MRR than their present state is worth."""
    found = []
    timelines = {each.customer_id: Timeline() for each in shown}
    taxes = {each.id: TaxHistory() for each in shown}
    timelines |= tx.customer_discounts.begun_by(until)
    taxes |= tx.taxes.histories()
    valuer = Valuer(tx, rules, timelines, taxes)
    for each in shown:
        expected = expected_mrr(each, valuer.value(each, at=until), rules)
        balance = told.get(each.id, Replayed())
        if expected is not None and balance.mrr_minor not in expected:
            found.append(each.id)
    return tuple(sorted(found))
