"""Keep which discount customers have, and when: what facts of their subscriptions need.

Stripe tells of them twice, with `customer.discount.*` and on the customer; either suffices, in
whatever order they come.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from worker.domain.customer_discount import CustomerDiscount
from worker.domain.readings import DiscountReading
from worker.ports import InboxEvent, Json, ObjectReader, Tx

ON_CUSTOMER = frozenset(("customer.created", "customer.updated"))


@dataclass(slots=True)
class SeenDiscounts:
    """What was seen of customers' discounts, gathered before anything is written."""

    found: list[CustomerDiscount] = field(default_factory=list)
    coupons: list[DiscountReading] = field(default_factory=list)
    without: dict[datetime, set[str]] = field(default_factory=dict)
    """When -> the customers that were seen to have none."""

    def hear(
        self, event: InboxEvent, raw: Json, before: Mapping[str, Any], reader: ObjectReader
    ) -> None:
        """Take in what an event tells."""
        if event.type.startswith("customer.discount."):
            gone = event.type == "customer.discount.deleted"
            self._see(raw, reader, at=event.created_at, gone=gone)
        elif event.type in ON_CUSTOMER and (raw.get("discount") or "discount" in before):
            # The others show none and had none before: they say nothing new.
            self.read(raw, reader, at=event.created_at)

    def read(self, customer: Json, reader: ObjectReader, *, at: datetime) -> None:
        """Take in what a customer shows.

        Args: at: who shows none has had none since then, if not for longer.
        """
        discount = customer.get("discount", {})
        if discount is None:
            self.without.setdefault(at, set()).add(str(customer["id"]))
        elif isinstance(discount, Mapping) and discount:
            self._see({"customer": customer["id"], **discount}, reader, at=at, gone=False)

    def _see(self, raw: Json, reader: ObjectReader, *, at: datetime, gone: bool) -> None:
        found = reader.customer_discount(raw, seen_at=at)
        if found is not None:
            self.found.append(replace(found, closed_at=at) if gone else found)
            self.coupons.append(reader.discount(raw))

    def put(self, tx: Tx) -> None:
        """Write it to the mirror."""
        tx.discounts.put_discounts([each for each in self.coupons if each.coupon_id])
        tx.customer_discounts.put(self.found)
        for at in sorted(self.without):
            tx.customer_discounts.close(self.without[at], at=at)
