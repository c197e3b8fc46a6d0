"""What a subscription is worth at an instant, with all that stands elsewhere than on itself.

Discounts of its customer and taxes inside its prices change without any event of the subscription;
prices in tiers, or in another currency, never do.
"""

from dataclasses import dataclass, field
from datetime import datetime

from worker.domain.customer_discount import Timeline, as_billed
from worker.domain.metrics_rules import MetricsRules
from worker.domain.mrr import subscription_mrr
from worker.domain.readings import SubscriptionReading
from worker.domain.tax_shares import TaxHistory, as_taxed
from worker.ports import Tx


@dataclass(slots=True)
class Valuer:
    """Values subscriptions within one transaction; it asks the ledger for what it has not got."""

    tx: Tx
    rules: MetricsRules
    timelines: dict[str, Timeline] = field(default_factory=dict)
    """Customer -> their discounts."""
    taxes: dict[str, TaxHistory] = field(default_factory=dict)
    """Subscription -> what is inside its prices."""

    def value(self, subscription: SubscriptionReading, *, at: datetime) -> int:
        """Return its monthly value in minor units as if it counted, whatever its status is."""
        billed = as_billed(subscription, self._timeline(subscription.customer_id), at=at)
        if any(item.taxed_by_stripe for item in billed.items):
            billed = as_taxed(billed, self._taxes(subscription.id), at=at)
        own = (each.id for each in billed.discounts)
        of_items = (each.id for item in billed.items for each in item.discounts)
        return subscription_mrr(
            billed,
            self.tx.discounts.coupons_of([*own, *of_items]),
            self.tx.prices.amounts_of(subscription),
            temporary_count=self.rules.temporary_discounts_count,
        )

    def changes(
        self, subscription_id: str, customer_id: str, *, after: datetime, until: datetime
    ) -> dict[datetime, str]:
        """Return the instants in (after, until], in order, at which something else than itself may
        change its value, each with what that is."""
        found = {
            at: f"tax inside {at.isoformat()}"
            for at in self._taxes(subscription_id).changes(after=after, until=until)
        }
        for at in self._timeline(customer_id).changes(after=after, until=until):
            found[at] = f"customer's discount {at.isoformat()}"
        return dict(sorted(found.items()))

    def _timeline(self, customer_id: str) -> Timeline:
        if customer_id not in self.timelines:
            self.timelines[customer_id] = self.tx.customer_discounts.of(customer_id)
        return self.timelines[customer_id]

    def _taxes(self, subscription_id: str) -> TaxHistory:
        if subscription_id not in self.taxes:
            self.taxes[subscription_id] = self.tx.taxes.of(subscription_id)
        return self.taxes[subscription_id]
