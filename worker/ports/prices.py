"""Amounts of prices that subscriptions do not show: tiers, and other currencies."""

from collections.abc import Iterable, Sequence
from typing import Protocol

from worker.domain.readings import SubscriptionReading
from worker.domain.tiers import PriceAmount, PriceWanted


class PriceBook(Protocol):
    """What was read of such prices; a price's amounts never change at Stripe."""

    def put(self, found: Sequence[PriceAmount]) -> None:
        """Keep amounts."""

    def amounts_of(self, subscription: SubscriptionReading) -> dict[str, PriceAmount]:
        """Return price -> its amount in the subscription's currency, as far as it is needed."""

    def unknown(self, wanted: Iterable[PriceWanted]) -> list[PriceWanted]:
        """Return those that have not been read."""

    def wanted_by_events(self) -> list[PriceWanted]:
        """Return what unfolded events need; some of it may be known."""
