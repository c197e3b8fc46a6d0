"""Taxes inside a price that Stripe computes itself: what a subscription's invoices show of them.

Neither the subscription nor its price tells the rate of Stripe's automatic tax; the lines of its
invoices do (docs.stripe.com/tax/subscriptions, docs.stripe.com/api/invoice-line-item/object).
"""

from dataclasses import dataclass, replace
from datetime import UTC, datetime
from fractions import Fraction

from worker.domain.readings import SubscriptionReading

ALWAYS = datetime(1970, 1, 1, tzinfo=UTC)
"""From when on the first share that is known of a subscription holds."""
STEPS = (Fraction(1), Fraction(1, 2), Fraction(1, 10), Fraction(1, 100), Fraction(1, 1000))
"""How finely rates are written, in percent; of the plain ones VAT has mostly wholes and halves."""


@dataclass(frozen=True, slots=True)
class TaxedLine:
    """One line of an invoice, after its discounts; amounts in minor units."""

    price_id: str
    tax_minor: int
    """The taxes inside it."""
    net_minor: int
    """What is left without them."""
    rates: tuple[str, ...] = ()
    """Ids of the tax rates that are inside it."""

    def is_explained_by(self, percent: Fraction) -> bool:
        """Whether this rate gives the line's tax, each tax on it being rounded for itself."""
        exact = (self.tax_minor + self.net_minor) * percent / (100 + percent)
        return abs(exact - self.tax_minor) <= Fraction(max(1, len(self.rates)), 2)

    @property
    def percent(self) -> Fraction:
        """The rate in percent of the net amount: the plainest that the line's rounding explains.

        The nominal rate stands on the tax rate alone, which events do not show. 1.12 of 7.00 would
        be 19.05 %; it is 19 %, which gives 1.12 as well. Where no rate with three decimals does,
        it is the quotient itself.
        """
        exact = Fraction(100 * self.tax_minor, self.net_minor)
        for step in STEPS:
            plain = round(exact / step) * step
            if plain and self.is_explained_by(plain):
                return plain
        return exact


@dataclass(frozen=True, slots=True)
class TaxesShown:
    """What one invoice of a subscription shows."""

    subscription_id: str
    at: datetime
    """Since when: when it was made final, or for a draft, when it was seen."""
    lines: tuple[TaxedLine, ...] = ()
    """Of its prices; none where the invoice comes to nothing or there is none."""
    of_prorations: bool = False
    """Whether no line is of a whole period: parts tell a rate badly, only while none is known."""

    @property
    def telling(self) -> list[TaxedLine]:
        """The lines that tell a rate, the largest first; credits and lines of nothing do not."""
        found = [each for each in self.lines if each.net_minor > 0 and each.tax_minor >= 0]
        return sorted(found, key=lambda each: (-each.net_minor, each.price_id))


@dataclass(frozen=True, slots=True)
class TaxShare:
    """The percentage that was inside a price on an invoice."""

    price_id: str
    at: datetime
    percent: Fraction


@dataclass(frozen=True, slots=True)
class TaxHistory:
    """All that a subscription's invoices ever showed, as far as known; none: nothing is inside."""

    shares: tuple[TaxShare, ...] = ()

    def percent(self, price_id: str, at: datetime) -> Fraction:
        """Return what is inside a price at an instant, in percent of the net price.

        The last invoice until then tells it, and the first one of all what was before it. A price
        that no invoice has shown yet is taxed as the one that was shown last.
        """
        if not self.shares:
            return Fraction()
        at = max(at, self._first_at)
        begun = [each for each in self.shares if each.at <= at]
        own = [each for each in begun if each.price_id == price_id]
        return max(own or begun, key=lambda each: (each.at, each.price_id)).percent

    @property
    def _first_at(self) -> datetime:
        return min(each.at for each in self.shares)

    def changes(self, *, after: datetime, until: datetime) -> list[datetime]:
        """Return the instants in (after, until] from which on anything else is inside a price.

        The first invoice's is one of them: what was told before may not have known it.
        """
        instants = sorted({each.at for each in self.shares})
        found = [
            now
            for before, now in zip([None, *instants], instants, strict=False)
            if before is None or self._all(before) != self._all(now)
        ]
        return [each for each in found if after < each <= until]

    def _all(self, at: datetime) -> list[Fraction]:
        """What is inside each price that was ever shown, and inside any other."""
        prices = sorted({each.price_id for each in self.shares})
        return [self.percent(each, at) for each in ("", *prices)]

    def turned_by(self, share: TaxShare) -> datetime | None:
        """Return from when on *share* changes what is inside a price; None: it says nothing new."""
        if not self.shares:
            return ALWAYS
        after, prices = self.with_share(share), {"", share.price_id}
        if all(after.percent(p, share.at) == self.percent(p, share.at) for p in prices):
            return None
        return ALWAYS if share.at <= self._first_at else share.at

    def shares_of(self, shown: TaxesShown) -> list[TaxShare]:
        """Return what an invoice tells of each of its prices, knowing what is known.

        Of lines with the same tax the largest tells it for all, since a rounding weighs least
        there; and what was known stays where it gives that line's tax as well.
        """
        if shown.of_prorations and self.shares:
            return []
        of_rates: dict[tuple[str, ...], Fraction] = {}
        found: dict[str, TaxShare] = {}
        for line in shown.telling:
            known = of_rates.get(line.rates) if line.rates else None
            if known is None and self.shares:
                known = self.percent(line.price_id, shown.at)
            fits = known is not None and line.is_explained_by(known)
            percent = known if fits and known is not None else line.percent
            of_rates.setdefault(line.rates, percent)
            found.setdefault(line.price_id, TaxShare(line.price_id, shown.at, percent))
        return [found[price_id] for price_id in sorted(found)]

    def with_share(self, share: TaxShare) -> "TaxHistory":
        """Return the history with what was learnt, in whatever order that comes.

        Of equal shares of a price in a row the first and the last are kept: what is learnt late of
        a time between them must not outlast the last.
        """
        others = [
            each for each in self.shares if (each.price_id, each.at) != (share.price_id, share.at)
        ]
        row = sorted((*others, share), key=lambda each: (each.price_id, each.at))
        kept = [
            each
            for before, each, after in zip([None, *row[:-1]], row, [*row[1:], None], strict=True)
            if not (_same(before, each) and _same(each, after))
        ]
        return TaxHistory(tuple(kept))


def _same(one: TaxShare | None, other: TaxShare | None) -> bool:
    if one is None or other is None:
        return False
    return (one.price_id, one.percent) == (other.price_id, other.percent)


def as_taxed(
    subscription: SubscriptionReading, history: TaxHistory, *, at: datetime
) -> SubscriptionReading:
    """Return the subscription with the taxes that Stripe computes into its prices at an instant."""
    if not any(item.taxed_by_stripe for item in subscription.items):
        return subscription
    items = tuple(
        replace(item, inclusive_tax_percent=history.percent(item.price_id, at))
        if item.taxed_by_stripe
        else item
        for item in subscription.items
    )
    return replace(subscription, items=items)
