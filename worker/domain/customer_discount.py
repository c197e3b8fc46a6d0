"""The discount that a customer has: it serves those subscriptions that have none of their own.

Source: docs.stripe.com/billing/subscriptions/coupons and docs.stripe.com/api/customers/object
(`discount`): a customer has one at a time, and a subscription's own take its place. Discounts of
single items are taken off beside it, as they are beside the subscription's own.
"""

from dataclasses import dataclass, replace
from datetime import datetime

from worker.domain.readings import DiscountReading, SubscriptionReading


@dataclass(frozen=True, slots=True)
class CustomerDiscount:
    """One discount of a customer, from `start_at` until it is over."""

    id: str
    customer_id: str
    start_at: datetime
    end_at: datetime | None = None
    """When it ends by itself."""
    closed_at: datetime | None = None
    """When it was taken away."""

    @property
    def over_at(self) -> datetime | None:
        """Since when it takes nothing off any more; None while that is open."""
        ends = [each for each in (self.end_at, self.closed_at) if each is not None]
        return min(ends, default=None)


@dataclass(frozen=True, slots=True)
class Timeline:
    """All discounts that a customer ever had, as far as known; a new one ends the one before."""

    discounts: tuple[CustomerDiscount, ...] = ()

    def at(self, at: datetime) -> CustomerDiscount | None:
        """Return the discount in force at an instant."""
        begun = [each for each in self.discounts if each.start_at <= at]
        last = max(begun, key=lambda each: (each.start_at, each.id), default=None)
        over = last is not None and last.over_at is not None and last.over_at <= at
        return None if over else last

    def changes(self, *, after: datetime, until: datetime) -> list[datetime]:
        """Return the instants in (after, until] at which another discount, or none, begins."""
        instants = {each.start_at for each in self.discounts}
        instants |= {each.over_at for each in self.discounts if each.over_at is not None}
        return sorted(each for each in instants if after < each <= until)


def as_billed(
    subscription: SubscriptionReading, timeline: Timeline, *, at: datetime
) -> SubscriptionReading:
    """Return the subscription with the discounts that its invoices have at an instant."""
    if subscription.discounts:
        return subscription
    found = timeline.at(at)
    if found is None:
        return subscription
    return replace(subscription, discounts=(DiscountReading(found.id),))
