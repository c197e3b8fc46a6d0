"""Taxes inside a price that Stripe computes itself: what a subscription's invoices show of them.

Neither the subscription nor its price tells the rate of Stripe's automatic tax; the lines of its
invoices do (docs.stripe.com/tax/subscriptions, docs.stripe.com/api/invoice-line-item/object).
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
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
    place: str = ""
    """Where, and with which exemption, its customer is taxed: `GB`, `CA ON`, `DE reverse`."""

    @property
    def telling(self) -> list[TaxedLine]:
        """The lines that tell a rate, the largest first; credits and lines of nothing do not."""
        found = [each for each in self.lines if each.net_minor > 0 and each.tax_minor >= 0]
        return sorted(found, key=lambda each: (-each.net_minor, each.price_id))


@dataclass(frozen=True, slots=True)
class TaxShare:
    """The percentage that was inside a price on an invoice, of a customer who was taxed there."""

    price_id: str
    at: datetime
    percent: Fraction
    place: str = ""


@dataclass(frozen=True, slots=True)
class TaxHistory:
    """All that a subscription's invoices ever showed, as far as known; none: nothing is inside."""

    shares: tuple[TaxShare, ...] = ()

    def percent(self, price_id: str, at: datetime) -> Fraction:
        """Return what is inside a price at an instant, in percent of the net price.

        The last invoice until then tells where the customer is taxed, and the last one there that
        bills the price what is inside it; the first one of all tells what was before it. A price
        that no invoice has shown there yet is taxed as the one that was shown there last.
        """
        begun = self._begun(at)
        there = max(begun, key=_when).place if begun else ""
        return _inside(price_id, begun, there) or Fraction()

    def _begun(self, at: datetime) -> list[TaxShare]:
        """What is known at an instant; before the first invoice, that one."""
        if not self.shares:
            return []
        at = max(at, self.instants[0])
        return [each for each in self.shares if each.at <= at]

    def changes(self, *, after: datetime, until: datetime) -> list[datetime]:
        """Return the instants in (after, until] from which on anything else is inside a price.

        The first invoice's is one of them: what was told before may not have known it.
        """
        prices, before = self.prices, list[Fraction]()
        found = list[datetime]()
        for at in self.instants:
            now = self.percents(prices, at)
            if now != before and after < at <= until:
                found.append(at)
            before = now
        return found

    @property
    def instants(self) -> list[datetime]:
        """When invoices showed something, in order."""
        return sorted({each.at for each in self.shares})

    @property
    def prices(self) -> set[str]:
        """All prices that were ever shown, and one that stands for any other."""
        return {"", *(each.price_id for each in self.shares)}

    def percents(self, prices: set[str], at: datetime) -> list[Fraction]:
        """Return what is inside each of the prices at an instant, in order of their ids."""
        return [self.percent(each, at) for each in sorted(prices)]

    def turned_by(self, shares: Sequence[TaxShare]) -> datetime | None:
        """Return from when on what an invoice shows changes what is inside any price; None: it says
        nothing new."""
        if not self.shares:
            return ALWAYS if shares else None
        after = self.with_shares(shares)
        prices = self.prices | after.prices
        for at in sorted({*self.instants, *after.instants}):
            if self.percents(prices, at) != after.percents(prices, at):
                return ALWAYS if at <= self.instants[0] else at
        return None

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
            if known is None:
                known = _inside(line.price_id, self._begun(shown.at), shown.place)
            fits = known is not None and line.is_explained_by(known)
            percent = known if fits and known is not None else line.percent
            of_rates.setdefault(line.rates, percent)
            found.setdefault(line.price_id, TaxShare(line.price_id, shown.at, percent, shown.place))
        return [found[price_id] for price_id in sorted(found)]

    def with_shares(self, shares: Sequence[TaxShare]) -> "TaxHistory":
        """Return the history with what an invoice showed, in whatever order they are learnt.

        Of invoices in a row that show the same the first and the last are kept: what is learnt late
        of a time between them must not outlast the last.
        """
        of_invoices = defaultdict[datetime, dict[str, TaxShare]](dict)
        for each in (*self.shares, *shares):
            of_invoices[each.at][each.price_id] = each
        row = [of_invoices[at] for at in sorted(of_invoices)]
        kept = [
            invoice
            for before, invoice, after in zip([{}, *row], row, [*row[1:], {}], strict=False)
            if not (_same(before, invoice) and _same(invoice, after))
        ]
        return TaxHistory(tuple(each for invoice in kept for each in invoice.values()))


def _when(share: TaxShare) -> tuple[datetime, str]:
    return share.at, share.price_id


def _inside(price_id: str, shares: Sequence[TaxShare], place: str) -> Fraction | None:
    """What is inside a price in a place, or inside any other there; None: nothing was billed.

    A place that an invoice did not show may have been this one.
    """
    there = [each for each in shares if not (place and each.place) or each.place == place]
    own = [each for each in there if each.price_id == price_id]
    return max(own or there, key=_when).percent if there else None


def _same(one: Mapping[str, TaxShare], other: Mapping[str, TaxShare]) -> bool:
    """Whether two invoices show the same of the same prices in the same place."""

    def shown(invoice: Mapping[str, TaxShare]) -> set[tuple[str, Fraction, str]]:
        return {(each.price_id, each.percent, each.place) for each in invoice.values()}

    return shown(one) == shown(other)


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
