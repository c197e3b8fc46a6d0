"""Readings of invoices and subscriptions, from the shapes before and after API 2025-03-31.

Since 2025-03-31 (basil) an invoice has no `subscription`, `payment_intent`, `charge` or `paid`, and
a subscription has no period of its own: both live one level deeper (domain.md 1.1). The version
says where to look first; the other place is tried too, since a webhook endpoint, an event and a
fresh read may each speak another version.
"""

from datetime import datetime

from worker.domain.customer_discount import CustomerDiscount
from worker.domain.readings import (
    UNDER_WAY,
    ChargeReading,
    CouponReading,
    CustomerReading,
    DiscountReading,
    InvoiceReading,
    PaymentMethodReading,
    PaymentReading,
    SubscriptionReading,
)
from worker.domain.tax_shares import TaxesShown
from worker.gateway.payment_readers import (
    read_charge,
    read_customer,
    read_payment,
    read_payment_method,
)
from worker.gateway.price_readers import (
    all_discounts,
    coupon_of,
    read_coupon,
    read_customer_discount,
    read_discounts,
    read_items,
)
from worker.gateway.raw_fields import (
    NOTHING,
    child,
    children,
    created_at,
    flag,
    instant,
    metadata,
    reference,
    text,
    whole,
)
from worker.gateway.tax_readers import (
    is_proration,
    is_taxed_by_stripe,
    read_latest_taxes,
    read_taxes,
)
from worker.ports import Json

BASIL = "2025-03-31"


class StripeReader:
    """The `ObjectReader` of `worker.ports`: raw objects of any API version to readings."""

    def invoice(self, raw: Json, api_version: str) -> InvoiceReading:
        """Return the invoice; parts that are not expanded stay None."""
        return read_invoice(raw, api_version)

    def subscription(self, raw: Json, api_version: str) -> SubscriptionReading:
        """Return the subscription."""
        return read_subscription(raw, api_version)

    def customer(self, raw: Json) -> CustomerReading | None:
        """Return the customer, or None for a bare id."""
        return read_customer(raw)

    def payment_method(self, raw: Json) -> PaymentMethodReading | None:
        """Return the payment method, or None for a bare id."""
        return read_payment_method(raw)

    def charge(self, raw: Json) -> ChargeReading:
        """Return the charge."""
        return read_charge(raw)

    def discounts(self, subscription: Json) -> tuple[DiscountReading, ...]:
        """Return the discounts of a subscription and its items, as far as they were expanded."""
        return tuple(each for each in all_discounts(subscription) if each.coupon_id)

    def discount(self, raw: Json) -> DiscountReading:
        """Return the discount."""
        return DiscountReading(text(raw, "id"), coupon_of(raw))

    def customer_discount(self, raw: Json, *, seen_at: datetime) -> CustomerDiscount | None:
        """Return the discount as its customer's own; None where it serves one object of theirs."""
        return read_customer_discount(raw, seen_at=seen_at)

    def taxes(self, invoice: Json, api_version: str, *, seen_at: datetime) -> TaxesShown | None:
        """Return the taxes that an invoice shows inside its subscription's prices."""
        subscription_id, _ = _subscription_of(invoice, api_version)
        return read_taxes(invoice, subscription_id, seen_at=seen_at)

    def latest_taxes(self, subscription: Json) -> TaxesShown | None:
        """Return the taxes that a subscription's latest invoice, expanded, shows."""
        return read_latest_taxes(subscription)

    def coupon(self, raw: Json) -> CouponReading:
        """Return the coupon."""
        return read_coupon(raw)


def is_basil(api_version: str) -> bool:
    """Return whether objects of *api_version* have the shapes since 2025-03-31; empty is yes."""
    return not api_version or api_version[:10] >= BASIL


def read_invoice(raw: Json, api_version: str) -> InvoiceReading:
    """Return the invoice; parts that are not expanded stay None."""
    subscription_id, subscription = _subscription_of(raw, api_version)
    period_start_at, period_end_at = _service_period(raw)
    return InvoiceReading(
        id=text(raw, "id"),
        customer_id=reference(raw, "customer"),
        subscription_id=subscription_id,
        status=_status(raw),
        billing_reason=text(raw, "billing_reason"),
        collection_method=text(raw, "collection_method")
        or text(raw, "billing")
        or "charge_automatically",
        currency=text(raw, "currency"),
        amount_due_minor=whole(raw, "amount_due"),
        amount_paid_minor=whole(raw, "amount_paid"),
        amount_remaining_minor=_remaining(raw),
        attempted=flag(raw, "attempted"),
        attempt_count=whole(raw, "attempt_count"),
        created_at=created_at(raw),
        number=text(raw, "number"),
        hosted_invoice_url=text(raw, "hosted_invoice_url"),
        auto_advance=flag(raw, "auto_advance"),
        next_payment_attempt_at=instant(raw, "next_payment_attempt"),
        due_at=instant(raw, "due_date"),
        paid_at=instant(child(raw, "status_transitions"), "paid_at"),
        period_start_at=period_start_at,
        period_end_at=period_end_at,
        payment=_payment(raw, api_version),
        other_payment_under_way=_another_under_way(raw, api_version),
        subscription=read_subscription(subscription, api_version) if subscription else None,
        customer=read_customer(child(raw, "customer")),
    )


def read_subscription(raw: Json, api_version: str) -> SubscriptionReading:
    """Return the subscription; its default method is None where it is not expanded."""
    start_at, end_at = _subscription_period(raw, api_version)
    details = child(raw, "cancellation_details")
    method_id = reference(raw, "default_payment_method") or reference(raw, "default_source")
    method = read_payment_method(child(raw, "default_payment_method"))
    if method is None and not reference(raw, "default_payment_method"):
        method = read_payment_method(child(raw, "default_source"))
    items = read_items(raw)
    return SubscriptionReading(
        id=text(raw, "id"),
        customer_id=reference(raw, "customer"),
        status=text(raw, "status"),
        created_at=created_at(raw),
        currency=text(raw, "currency") or (items[0].currency if items else ""),
        items=items,
        started_at=instant(raw, "start_date"),
        period_start_at=start_at,
        period_end_at=end_at,
        trial_start_at=instant(raw, "trial_start"),
        trial_end_at=instant(raw, "trial_end"),
        cancel_at=instant(raw, "cancel_at"),
        cancel_at_period_end=flag(raw, "cancel_at_period_end"),
        canceled_at=instant(raw, "canceled_at"),
        ended_at=instant(raw, "ended_at"),
        cancellation_reason=text(details, "reason"),
        cancellation_feedback=text(details, "feedback"),
        collection_paused=raw.get("pause_collection") is not None,
        pause_behavior=text(child(raw, "pause_collection"), "behavior"),
        paused_because=text(child(raw, "status_details", "paused", "subscription"), "type"),
        collection_method=text(raw, "collection_method")
        or text(raw, "billing")
        or "charge_automatically",
        default_payment_method=method,
        default_payment_method_id=method_id,
        latest_invoice_id=reference(raw, "latest_invoice"),
        test_clock_id=reference(raw, "test_clock"),
        metadata=metadata(raw),
        discounts=read_discounts(raw),
        adjusted=_is_adjusted(raw),
    )


def _is_adjusted(raw: Json) -> bool:
    """Whether a discount or a tax changes what the prices add up to."""
    priced = [raw, *children(raw, "items")]
    changed = any(row.get(key) for row in priced for key in ("discounts", "tax_rates", "discount"))
    taxed = is_taxed_by_stripe(raw) or bool(raw.get("default_tax_rates"))
    return changed or taxed


def _subscription_of(raw: Json, api_version: str) -> tuple[str, Json]:
    """The id of the invoice's subscription and the subscription itself where it is expanded."""
    places = [child(raw, "parent", "subscription_details"), raw]
    for place in places if is_basil(api_version) else reversed(places):
        found = reference(place, "subscription")
        if found:
            return found, child(place, "subscription")
    return "", NOTHING


def _payment(raw: Json, api_version: str) -> PaymentReading | None:
    """The default payment; before basil the invoice's PaymentIntent. None if not expanded."""
    intents = [_default_intent(raw), child(raw, "payment_intent")]
    for intent in intents if is_basil(api_version) else reversed(intents):
        if intent:
            return read_payment(intent)
    return None


def _default_intent(raw: Json) -> Json:
    """The PaymentIntent of the default InvoicePayment, else of the newest one that has any."""
    intents = _intents(raw)
    return intents[-1] if intents else NOTHING


def _intents(raw: Json) -> list[Json]:
    """The PaymentIntents of the invoice's payments, the default one last, else the newest."""
    payments = [one for one in children(raw, "payments") if child(one, "payment", "payment_intent")]
    payments.sort(key=lambda one: (flag(one, "is_default"), whole(one, "created")))
    return [child(one, "payment", "payment_intent") for one in payments]


def _another_under_way(raw: Json, api_version: str) -> bool:
    """Whether a payment beside the one that is read as the invoice's has no outcome yet.

    An invoice can have several since basil: with a partial payment, or where somebody attached
    one. Only one of them is the default (docs.stripe.com/invoicing/partial-payments).
    """
    shown = _payment(raw, api_version)
    shown_id = shown.payment_intent_id if shown is not None else ""
    others = (intent for intent in _intents(raw) if text(intent, "id") != shown_id)
    return any(text(intent, "status") in UNDER_WAY for intent in others)


def _status(raw: Json) -> str:
    """The invoice's status; payloads before 2018-11-08 only had flags."""
    if text(raw, "status"):
        return text(raw, "status")
    if flag(raw, "paid"):
        return "paid"
    if flag(raw, "forgiven"):
        return "uncollectible"
    return "void" if flag(raw, "closed") else "open"


def _remaining(raw: Json) -> int:
    if isinstance(raw.get("amount_remaining"), int):
        return whole(raw, "amount_remaining")
    return max(0, whole(raw, "amount_due") - whole(raw, "amount_paid"))


def _service_period(raw: Json) -> tuple[datetime | None, datetime | None]:
    """The period that the invoice pays for.

    An invoice's own period looks back for usage; what is being renewed stands on its lines. Lines
    of a proration cover odd stretches, so others are preferred.
    """
    lines = children(raw, "lines")
    regular = [line for line in lines if not is_proration(line)] or lines
    ends = [(instant(child(line, "period"), "end"), line) for line in regular]
    dated = [(end, line) for end, line in ends if end is not None]
    if not dated:
        return instant(raw, "period_start"), instant(raw, "period_end")
    end_at, line = max(dated, key=lambda pair: pair[0])
    return instant(child(line, "period"), "start"), end_at


def _subscription_period(raw: Json, api_version: str) -> tuple[datetime | None, datetime | None]:
    """The current period: the earliest end over the items, which may differ since basil."""
    places = [*_by_earliest_end(children(raw, "items")), raw]
    if not is_basil(api_version):
        places.reverse()
    for place in places:
        end_at = instant(place, "current_period_end")
        if end_at is not None:
            return instant(place, "current_period_start"), end_at
    return None, None


def _by_earliest_end(items: list[Json]) -> list[Json]:
    dated = [item for item in items if whole(item, "current_period_end")]
    return sorted(dated, key=lambda item: whole(item, "current_period_end"))
