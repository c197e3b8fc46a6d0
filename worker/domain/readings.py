"""What Stripe told us, as values: the only shapes of Stripe's objects that the engine sees.

The gateway builds them from answers and the feed builds them from event payloads, so shapes of
different API versions end here. All instants are aware UTC; all amounts are integer minor units
of `currency`. Statuses are plain strings, since Stripe's enums are open (SDK 16).
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from fractions import Fraction

from worker.domain.money import Money


@dataclass(frozen=True, slots=True)
class DeclineSignals:
    """Everything a failed payment says about why; empty strings where Stripe says nothing.

    Source: PaymentIntent.last_payment_error and Charge.outcome (domain.md 1.4).
    """

    code: str = ""
    decline_code: str = ""
    advice_code: str = ""
    network_decline_code: str = ""
    network_advice_code: str = ""
    outcome_type: str = ""
    """`issuer_declined`, `blocked`, `invalid`, `authorized`, ... of Charge.outcome."""
    network_status: str = ""
    """`declined_by_network`, `not_sent_to_network`, `reversed_after_approval`, ..."""
    reason: str = ""
    """Charge.outcome.reason, for example `highest_risk_level`."""


NOTHING_SAID = DeclineSignals()
"""Stripe says nothing about why, or nothing failed."""


@dataclass(frozen=True, slots=True)
class PaymentMethodReading:
    """One payment method; card fields are empty or 0 for other types."""

    id: str
    type: str
    brand: str = ""
    last4: str = ""
    exp_month: int = 0
    exp_year: int = 0
    fingerprint: str = ""
    country: str = ""
    customer_id: str = ""
    created_at: datetime | None = None
    mandate_status: str = ""
    """Of a bank debit, as far as `mandate.updated` told: `active`, `inactive`, ...; else empty."""


@dataclass(frozen=True, slots=True)
class PaymentReading:
    """The invoice's default payment: its PaymentIntent, as far as decisions need it."""

    payment_intent_id: str
    status: str
    latest_charge_id: str = ""
    payment_method_id: str = ""
    """The method of the last failure, or the one in use."""
    payment_method: PaymentMethodReading | None = None
    """That method where Stripe sent it whole, as it does with every failure."""
    signals: DeclineSignals | None = None
    """None where the last try did not fail."""


@dataclass(frozen=True, slots=True)
class ChargeReading:
    """One charge: what the network did with one try."""

    id: str
    status: str
    payment_intent_id: str
    payment_method_id: str
    amount_minor: int
    currency: str
    created_at: datetime
    signals: DeclineSignals
    brand: str = ""
    fingerprint: str = ""
    country: str = ""
    payment_method_type: str = ""
    customer_id: str = ""
    """Empty where nobody's card was charged, as in a guest's payment."""


@dataclass(frozen=True, slots=True)
class CouponReading:
    """What a coupon takes off each invoice of whom it is given to."""

    id: str
    percent_off: Fraction = Fraction()
    """Of 100."""
    amount_off_minor: int = 0
    """In `currency`; off other currencies' invoices it takes nothing."""
    currency: str = ""
    lasting: bool = False
    """Whether it stays until somebody takes it away (Stripe's duration `forever`)."""


@dataclass(frozen=True, slots=True)
class DiscountReading:
    """A discount on a subscription or on one of its items."""

    id: str
    coupon_id: str = ""
    """Empty where the discount was not expanded."""


@dataclass(frozen=True, slots=True)
class PriceReading:
    """One item of a subscription: its recurring price and quantity."""

    unit_amount_minor: int
    currency: str
    interval: str
    """`day`, `week`, `month` or `year`."""
    interval_count: int
    quantity: int
    metered: bool = False
    product_id: str = ""
    product_name: str = ""
    """Empty where the product was not read with the subscription."""
    price_id: str = ""
    item_id: str = ""
    """Of the subscription's item; empty in a reading from the mirror, where one stands for all."""
    unit_amount_exact: Fraction | None = None
    """The price in minor units where it is no whole number of them; else None."""
    inclusive_tax_percent: Fraction = Fraction()
    """Taxes that are inside the price, as far as tax rates at the item or subscription tell."""
    taxed_by_stripe: bool = False
    """Whether Stripe computes its tax, not on top of it: only invoices tell what is inside."""
    discounts: tuple[DiscountReading, ...] = ()
    """Of this item alone."""
    tiered: bool = False
    """Whether tiers tell the amount, which the subscription does not show."""

    def is_priced_elsewhere(self, currency: str) -> bool:
        """Whether the price itself tells what a subscription in *currency* pays, not this item."""
        return self.tiered or bool(currency and self.currency and self.currency != currency)


@dataclass(frozen=True, slots=True)
class SubscriptionReading:
    """A subscription's present state."""

    id: str
    customer_id: str
    status: str
    created_at: datetime
    currency: str
    items: tuple[PriceReading, ...] = ()
    started_at: datetime | None = None
    period_start_at: datetime | None = None
    period_end_at: datetime | None = None
    """Earliest end over the items (they may differ since 2025-03-31)."""
    trial_start_at: datetime | None = None
    trial_end_at: datetime | None = None
    cancel_at: datetime | None = None
    cancel_at_period_end: bool = False
    canceled_at: datetime | None = None
    ended_at: datetime | None = None
    cancellation_reason: str = ""
    cancellation_feedback: str = ""
    collection_paused: bool = False
    pause_behavior: str = ""
    """How new invoices are treated while collection is paused: `keep_as_draft`, ...; empty where
    it is not paused, or the reading comes from the mirror."""
    paused_because: str = ""
    """Stripe's type of a status `paused`: `pause_requested`, `final_payment_failure`, ..."""
    collection_method: str = "charge_automatically"
    default_payment_method: PaymentMethodReading | None = None
    default_payment_method_id: str = ""
    latest_invoice_id: str = ""
    test_clock_id: str = ""
    metadata: Mapping[str, str] = field(default_factory=dict)
    discounts: tuple[DiscountReading, ...] = ()
    adjusted: bool = False
    """A discount or a tax changes what its prices add up to."""

    @property
    def next_amount(self) -> Money | None:
        """What the next invoice takes, or None where only Stripe can tell: metered, adjusted,
        in tiers or in another currency than the price's own."""
        uncertain = self.adjusted or any(
            item.metered or item.is_priced_elsewhere(self.currency) for item in self.items
        )
        if uncertain or not self.items:
            return None
        total = sum(item.unit_amount_minor * item.quantity for item in self.items)
        return Money(total, self.currency)

    @property
    def plan_name(self) -> str:
        """The products' names, as a letter shows them; empty where they were not read."""
        return ", ".join(item.product_name for item in self.items if item.product_name)


@dataclass(frozen=True, slots=True)
class CustomerReading:
    """A customer; contact fields are personal data and go nowhere but into letters."""

    id: str
    deleted: bool = False
    email: str = field(default="", repr=False)
    name: str = field(default="", repr=False)
    locales: tuple[str, ...] = ()
    country: str = ""
    default_payment_method: PaymentMethodReading | None = None
    default_payment_method_id: str = ""
    test_clock_id: str = ""
    created_at: datetime | None = None
    metadata: Mapping[str, str] = field(default_factory=dict)


SEND_INVOICE = "send_invoice"
"""Stripe's collection method of invoices that the customer pays by hand until a due date."""

UNDER_WAY = frozenset(("processing", "requires_capture"))
"""Statuses of a PaymentIntent that was confirmed and has no outcome yet."""


@dataclass(frozen=True, slots=True)
class InvoiceReading:
    """An invoice's present state; a fresh read also carries its payment, subscription, customer."""

    id: str
    customer_id: str
    subscription_id: str
    """Empty for an invoice without a subscription."""
    status: str
    """`draft`, `open`, `paid`, `uncollectible`, `void`, or one Stripe adds later."""
    billing_reason: str
    collection_method: str
    currency: str
    amount_due_minor: int
    amount_paid_minor: int
    amount_remaining_minor: int
    attempted: bool
    attempt_count: int
    """Stripe's own count; never used as truth (domain.md 0.3, 0.4)."""
    created_at: datetime
    number: str = ""
    hosted_invoice_url: str = ""
    auto_advance: bool = False
    next_payment_attempt_at: datetime | None = None
    due_at: datetime | None = None
    paid_at: datetime | None = None
    period_start_at: datetime | None = None
    period_end_at: datetime | None = None
    payment: PaymentReading | None = None
    other_payment_under_way: bool = False
    """Another payment of this invoice than `payment` is being processed or waits for capture."""
    subscription: SubscriptionReading | None = None
    customer: CustomerReading | None = None

    @property
    def is_sent(self) -> bool:
        """Whether it is sent to be paid by hand until `due_at`, and so never charged."""
        return self.collection_method == SEND_INVOICE

    @property
    def debt(self) -> str:
        """What is owed, as tries name it: the PaymentIntent, else the invoice."""
        named = self.payment.payment_intent_id if self.payment is not None else ""
        return named or self.id

    @property
    def payment_under_way(self) -> bool:
        """Whether money may still come in through any of its payments without a new charge."""
        shown = self.payment is not None and self.payment.status in UNDER_WAY
        return shown or self.other_payment_under_way


def method_in_use(invoice: InvoiceReading) -> PaymentMethodReading | None:
    """Return the payment method Stripe would charge for an invoice (default_method)."""
    return default_method(invoice.subscription, invoice.customer)


def default_method(
    subscription: SubscriptionReading | None, customer: CustomerReading | None
) -> PaymentMethodReading | None:
    """Return the payment method Stripe would charge: the subscription's, else the customer's.

    Source: docs.stripe.com/billing/revenue-recovery/smart-retries (domain.md 1.2, "Where a new
    card must go").
    """
    if subscription is not None and subscription.default_payment_method is not None:
        return subscription.default_payment_method
    return customer.default_payment_method if customer is not None else None


class AnswerKind(StrEnum):
    """The closed list of what one request that moves money or ends something can come to."""

    DONE = "done"
    """Paid, cancelled, voided, marked: Stripe shows the wanted state."""
    DECLINED = "declined"
    PROCESSING = "processing"
    """A bank debit is under way; the outcome arrives in days."""
    ACTION_REQUIRED = "action_required"
    """3-D Secure: only the customer can go on."""
    UNKNOWN = "unknown"
    """No answer, 5xx, 409 or 429: perhaps it happened. Same key or a read, never a new key."""
    REFUSED = "refused"
    """Another 4xx: the object's state forbids it, or we sent nonsense. Read before going on."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What Stripe answered to a request that writes."""

    kind: AnswerKind
    status: int = 0
    """HTTP status; 0 where no answer came."""
    code: str = ""
    """Stripe's error code, or our word for a missing answer (`timeout`, `connection`)."""
    replayed: bool = False
    """`Idempotent-Replayed: true` was on the answer."""
    request_id: str = ""
    charge_id: str = ""
    payment_method_id: str = ""
    payment_method: PaymentMethodReading | None = None
    """The method that was declined, for its brand and type; None where Stripe did not send it."""
    signals: DeclineSignals | None = None
    amount_paid_minor: int = 0
    """What this payment paid, without others of the invoice; 0 where Stripe does not say."""
