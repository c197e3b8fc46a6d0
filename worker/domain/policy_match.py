"""Which policy serves a failed invoice: the first of the list whose conditions all hold."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime

from worker.domain.money import Money
from worker.domain.policy import AmountRange, BillingInterval, DunningRules, Match, Policy
from worker.domain.readings import (
    SEND_INVOICE,
    CustomerReading,
    InvoiceReading,
    SubscriptionReading,
    default_method,
)


@dataclass(frozen=True, slots=True)
class Traits:
    """What is known of an invoice and its customer when a case opens; empty is not known."""

    amount_minor: int
    currency: str
    collection_method: str
    now: datetime
    interval: BillingInterval | None = None
    price_ids: tuple[str, ...] = ()
    product_ids: tuple[str, ...] = ()
    country: str = ""
    method_type: str = ""
    brand: str = ""
    customer_created_at: datetime | None = None
    metadata: Mapping[str, str] = field(default_factory=dict)


def choose_policy(rules: DunningRules, traits: Traits) -> Policy | None:
    """Return the first policy that serves *traits*; where none says so, the last of the list.

    Sent invoices are served by policies of their own alone, and by nobody where none matches.
    """
    sent = traits.collection_method == SEND_INVOICE
    policies = [policy for policy in rules.policies if policy.for_sent_invoices == sent]
    for policy in policies:
        match = rules.matches.get(policy.name)
        if match is None or serves(match, traits):
            return policy
    return None if sent else policies[-1]


def serves(match: Match, traits: Traits) -> bool:
    """Return whether every condition of *match* holds."""
    return all(_conditions(match, traits))


def traits_of(
    invoice: InvoiceReading,
    *,
    subscription: SubscriptionReading | None,
    customer: CustomerReading | None,
    now: datetime,
) -> Traits:
    """Return what the mirrors know of a failed invoice; None where they know nothing."""
    return traits_around(
        Money(invoice.amount_remaining_minor, invoice.currency),
        invoice.collection_method,
        subscription=subscription,
        customer=customer,
        now=now,
    )


def traits_around(
    amount: Money,
    collection_method: str,
    *,
    subscription: SubscriptionReading | None,
    customer: CustomerReading | None,
    now: datetime,
) -> Traits:
    """Return what the mirrors know of whoever owes *amount*; None where they know nothing.

    The method is the one that Stripe would charge. The subscription's metadata outranks the
    customer's. An interval is the first item's, as everywhere (mirror_tables).
    """
    method = default_method(subscription, customer)
    items = subscription.items if subscription is not None else ()
    interval = standard_interval(items[0].interval, items[0].interval_count) if items else None
    return Traits(
        amount_minor=amount.amount_minor,
        currency=amount.currency,
        collection_method=collection_method,
        now=now,
        interval=interval,
        price_ids=_known(item.price_id for item in items),
        product_ids=_known(item.product_id for item in items),
        country=customer.country.upper() if customer is not None else "",
        method_type=method.type if method is not None else "",
        brand=method.brand if method is not None else "",
        customer_created_at=customer.created_at if customer is not None else None,
        metadata={
            **(customer.metadata if customer is not None else {}),
            **(subscription.metadata if subscription is not None else {}),
        },
    )


def standard_interval(unit: str, count: int) -> BillingInterval | None:
    """Return an interval in its largest unit, since 12 months are a year; None is not known."""
    if not unit or count < 1:
        return None
    for small, size, large in (("day", 7, "week"), ("month", 12, "year")):
        if unit == small and not count % size:
            return BillingInterval(large, count // size)
    return BillingInterval(unit, count)


def _conditions(match: Match, traits: Traits) -> Iterator[bool]:
    """Yield whether each condition holds; one that is not given yields nothing."""
    if match.price_ids:
        yield bool(set(match.price_ids) & set(traits.price_ids))
    if match.product_ids:
        yield bool(set(match.product_ids) & set(traits.product_ids))
    one_of: tuple[tuple[tuple[object, ...], object], ...] = (
        (match.intervals, traits.interval),
        (match.countries, traits.country),
        (match.currencies, traits.currency),
        (match.method_types, traits.method_type),
        (match.brands, traits.brand),
    )
    for wanted, known in one_of:
        if wanted:
            yield known in wanted
    if match.amounts:
        yield any(_within(each, traits) for each in match.amounts)
    if match.collection_method:
        yield match.collection_method == traits.collection_method
    for key, values in match.metadata.items():
        yield traits.metadata.get(key) in values
    created_at, now = traits.customer_created_at, traits.now
    if match.customer_age_min is not None:
        yield created_at is not None and now - created_at >= match.customer_age_min
    if match.customer_age_below is not None:
        yield created_at is not None and now - created_at < match.customer_age_below


def _within(amounts: AmountRange, traits: Traits) -> bool:
    if amounts.currency != traits.currency or traits.amount_minor < amounts.least_minor:
        return False
    return amounts.most_minor is None or traits.amount_minor <= amounts.most_minor


def _known(ids: Iterable[str]) -> tuple[str, ...]:
    return tuple(each for each in ids if each)
