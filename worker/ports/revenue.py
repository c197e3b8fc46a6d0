"""How far the story of each subscription has been told in facts."""

from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from typing import Protocol

from worker.domain.readings import SubscriptionReading
from worker.domain.revenue_chain import ChainState, Link


class RevenueBook(Protocol):
    """The chains of facts, one per subscription."""

    def load(self, subscription_ids: Iterable[str]) -> dict[str, ChainState]:
        """Return how far these have been told; one without any fact is left out."""

    def keep(self, states: Mapping[str, ChainState]) -> None:
        """Remember how far these have been told now."""

    def links(self, subscription_id: str, *, after_no: int) -> list[Link]:
        """Return the booked facts behind a place, in order of their places."""

    def all_links(self) -> Iterator[tuple[str, list[Link]]]:
        """Yield each subscription with all its booked facts, in order of their places."""

    def mirrored(self, *, seen_until: datetime) -> list[SubscriptionReading]:
        """Return the subscriptions of which nothing newer was seen, with what they cost."""

    def of_customers(self, customer_ids: Iterable[str]) -> list[str]:
        """Return the subscriptions of these customers of which anything was told, by id."""

    def payments_differing(self, *, seen_until: datetime) -> list[str]:
        """Return subscriptions whose renewals tell another amount than their invoices, or of
        which a paid invoice was not told."""

    def owing(self, *, since: datetime) -> dict[str, ChainState]:
        """Return those that count, and have owed without a break since before *since*."""
