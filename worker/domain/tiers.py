"""Prices whose amount stands elsewhere than on the subscription: tiers, and other currencies.

Events show neither `tiers` nor `currency_options`; both are read once, since Stripe never changes
the amounts of a price (docs.stripe.com/api/prices/update).
"""

from dataclasses import dataclass
from fractions import Fraction

from worker.domain.readings import SubscriptionReading


@dataclass(frozen=True, slots=True)
class Tier:
    """What units up to a number cost, in minor units."""

    up_to: int | None
    """Included; None: all further ones."""
    unit: Fraction
    flat: Fraction = Fraction()


@dataclass(frozen=True, slots=True)
class PriceWanted:
    """A price that is to be read."""

    price_id: str
    currency: str
    """Of the subscription."""
    tiered: bool
    own_currency: bool
    """Whether the price itself is in that currency, and not one of its `currency_options`."""


@dataclass(frozen=True, slots=True)
class PriceAmount:
    """What a price comes to in one currency."""

    price_id: str
    currency: str
    tiers: tuple[Tier, ...] = ()
    """From the lowest; one alone for a price per unit, none where Stripe has no such price."""
    graduated: bool = False
    """Whether each unit costs what its tier says; else all cost what the highest tier says."""

    def of(self, quantity: int) -> Fraction:
        """Return the amount of a period in minor units; of no units, the first tier's flat fee.

        Source: docs.stripe.com/products-prices/pricing-models (graduated and volume pricing).
        """
        total, below = Fraction(), 0
        for tier in self.tiers:
            last = tier.up_to is None or quantity <= tier.up_to
            if self.graduated:
                end = quantity if last or tier.up_to is None else tier.up_to
                total += tier.flat + tier.unit * (end - below)
                below = end
            elif last:
                return tier.flat + tier.unit * quantity
            if last:
                break
        return total


def prices_wanted(subscription: SubscriptionReading) -> tuple[PriceWanted, ...]:
    """Return the prices of a subscription whose amounts it does not show."""
    return tuple(
        PriceWanted(
            item.price_id,
            subscription.currency,
            item.tiered,
            own_currency=item.currency == subscription.currency,
        )
        for item in subscription.items
        if not item.metered and item.price_id and item.is_priced_elsewhere(subscription.currency)
    )
