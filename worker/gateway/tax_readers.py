"""Readings of the taxes inside invoices' lines, from the shapes before and after API 2025-03-31.

Since then (basil) a line has `taxes` with `tax_behavior`; before, it had `tax_amounts` with
`inclusive` (docs.stripe.com/api/invoice-line-item/object).
"""

from datetime import datetime

from worker.domain.tax_shares import TaxedLine, TaxesShown
from worker.gateway.raw_fields import (
    child,
    children,
    created_at,
    flag,
    instant,
    reference,
    text,
    whole,
)
from worker.ports import Json

COMPUTED = "complete"
"""Status of an invoice whose lines show its automatic tax; with others, or none, it is open yet."""


def read_taxes(invoice: Json, subscription_id: str, *, seen_at: datetime) -> TaxesShown | None:
    """Return what an invoice shows of taxes that Stripe computed; None where it computed none.

    Events show the first ten lines alone: prices on later ones are taxed like those billed last.
    Args: seen_at: since when a draft shows it; a final invoice never changes.
    """
    computed = child(invoice, "automatic_tax")
    if not subscription_id or not flag(computed, "enabled"):
        return None
    if text(computed, "status") != COMPUTED:
        return None
    lines = [each for each in children(invoice, "lines") if _tells(each)]
    whole_periods = [each for each in lines if not is_proration(each) and whole(each, "amount") > 0]
    final_at = instant(child(invoice, "status_transitions"), "finalized_at")
    return TaxesShown(
        subscription_id,
        final_at or seen_at,
        tuple(_line(each) for each in whole_periods or lines),
        of_prorations=not whole_periods,
        place=_place(invoice),
    )


def read_latest_taxes(subscription: Json) -> TaxesShown | None:
    """Return what the latest invoice of a subscription shows, empty where it has none that tells;
    None where Stripe does not compute its taxes. The invoice must be expanded."""
    if not is_taxed_by_stripe(subscription):
        return None
    invoice, subscription_id = child(subscription, "latest_invoice"), text(subscription, "id")
    seen_at = created_at(invoice)
    shown = read_taxes(invoice, subscription_id, seen_at=seen_at)
    return shown or TaxesShown(subscription_id, seen_at)


def is_taxed_by_stripe(subscription: Json) -> bool:
    """Return whether Stripe computes the taxes of a subscription."""
    return flag(child(subscription, "automatic_tax"), "enabled")


def is_proration(line: Json) -> bool:
    """Return whether an invoice's line bills, or credits, a part of a period."""
    parent = child(line, "parent")
    places = (
        line,
        child(parent, "subscription_item_details"),
        child(parent, "invoice_item_details"),
    )
    return any(flag(each, "proration") for each in places)


def _place(invoice: Json) -> str:
    """Where Stripe taxes the customer, and with which exemption: the address it is shipped to comes
    first (docs.stripe.com/tax/customer-locations); none where the invoice shows no address."""
    addresses = [child(invoice, "customer_shipping", "address"), child(invoice, "customer_address")]
    address = next((each for each in addresses if text(each, "country")), {})
    exempt = text(invoice, "customer_tax_exempt")
    parts = (text(address, "country"), text(address, "state"), "" if exempt == "none" else exempt)
    return " ".join(each for each in parts if each)


def _tells(line: Json) -> bool:
    """Whether a line bills a subscription's price, not something sold once or taxed on top."""
    taxes = _taxes(line)
    on_top = any(whole(each, "amount") and not _is_inside(each) for each in taxes)
    if not _price(line) or (on_top and not any(_is_inside(each) for each in taxes)):
        return False
    parent = child(line, "parent")
    places = (
        child(parent, "subscription_item_details"),
        child(parent, "invoice_item_details"),
        line,
    )
    return any(reference(each, "subscription") for each in places)


def _line(line: Json) -> TaxedLine:
    inside = [each for each in _taxes(line) if _is_inside(each)]
    tax = sum(whole(each, "amount") for each in inside)
    # Credits that are granted before tax are listed with the discounts, where Stripe has them.
    off = children(line, "pretax_credit_amounts") or children(line, "discount_amounts")
    left = whole(line, "amount") - sum(whole(each, "amount") for each in off)
    rates = sorted(_rate(each) for each in inside if whole(each, "amount"))
    return TaxedLine(_price(line), tax, left - tax, tuple(rates))


def _taxes(line: Json) -> list[Json]:
    return children(line, "taxes") or children(line, "tax_amounts")


def _is_inside(tax: Json) -> bool:
    return text(tax, "tax_behavior") == "inclusive" or flag(tax, "inclusive")


def _rate(tax: Json) -> str:
    return reference(child(tax, "tax_rate_details"), "tax_rate") or reference(tax, "tax_rate")


def _price(line: Json) -> str:
    details = child(line, "pricing", "price_details")
    for place in (details, line):
        if reference(place, "price"):
            return reference(place, "price")
    return text(child(line, "plan"), "id")
