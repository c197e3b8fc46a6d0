"""Discounts of customers, with their beginnings and ends."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from worker.domain.customer_discount import CustomerDiscount, Timeline


@dataclass(frozen=True, slots=True)
class ChangedDiscount:
    """A discount of which something was learnt that facts do not tell yet."""

    id: str
    customer_id: str
    changed_from: datetime
    """From when on the customer's subscriptions may be worth something else."""


class CustomerDiscountBook(Protocol):
    """The mirror of customers' discounts; what is known of an end never becomes later."""

    def put(self, found: Sequence[CustomerDiscount]) -> None:
        """Keep discounts, in whatever order they are learnt."""

    def close(self, customer_ids: Collection[str], *, at: datetime) -> None:
        """Keep that these customers have no discount at *at* that began before."""

    def of(self, customer_id: str) -> Timeline:
        """Return all discounts that a customer ever had."""

    def begun_by(self, at: datetime) -> dict[str, Timeline]:
        """Return who has a discount that began by *at* -> all such discounts, over or not."""

    def changing(self, *, after: datetime, until: datetime) -> list[str]:
        """Return the customers one of whose discounts begins or ends in (after, until]."""

    def changed(self) -> list[ChangedDiscount]:
        """Return what was learnt since facts were last told."""

    def told(self, changed: Sequence[ChangedDiscount]) -> None:
        """Remember that facts tell of these; what was learnt meanwhile stays untold."""
