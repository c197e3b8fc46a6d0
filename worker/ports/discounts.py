"""Discounts of subscriptions and the coupons behind them: what they take off."""

from collections.abc import Iterable, Sequence
from typing import Protocol

from worker.domain.readings import CouponReading, DiscountReading


class DiscountBook(Protocol):
    """Mirrors of discounts and coupons; what a coupon takes off never changes at Stripe."""

    def put_discounts(self, found: Sequence[DiscountReading]) -> None:
        """Keep which coupon each discount gives."""

    def put_coupons(self, found: Sequence[CouponReading]) -> None:
        """Keep what coupons take off."""

    def coupons_of(self, discount_ids: Iterable[str]) -> dict[str, CouponReading]:
        """Return discount -> its coupon; what is not known is left out."""

    def unknown_on(self) -> list[str]:
        """Return subscriptions whose unfolded events name discounts that are not known."""

    def unknown_in_events(self) -> list[str]:
        """Return discounts that unfolded events name and nothing has told of."""

    def coupons_to_read(self) -> list[str]:
        """Return coupons that discounts give and nothing has told of."""
