"""What the services need from Stripe."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Protocol

from worker.domain.customer_discount import CustomerDiscount
from worker.domain.readings import (
    Answer,
    ChargeReading,
    CouponReading,
    CustomerReading,
    DiscountReading,
    InvoiceReading,
    PaymentMethodReading,
    SubscriptionReading,
)
from worker.domain.tax_shares import TaxesShown
from worker.domain.tiers import PriceAmount, PriceWanted

Json = Mapping[str, object]
"""A decoded JSON object as Stripe sent it: plain dicts, lists and scalars, never SDK objects."""


class StripeGateway(Protocol):
    """Stripe, as far as this service uses it. Reads may raise, writes answer with a value.

    Reads raise GatewayUnavailable (wait for the next scan), GatewayRejected (our defect; status
    404 where the object is gone). Writes never raise for what Stripe answered: see Answer.
    Every call waits for its slot of the shared limiter first, at most 10 s, and raises
    GatewayUnavailable when there is none; `pay_invoice` takes none, see `take_charge_slot`.
    """

    def read_invoice(self, invoice_id: str) -> InvoiceReading:
        """Return the invoice with payment, subscription, customer and their default methods."""

    def read_subscription(self, subscription_id: str) -> SubscriptionReading:
        """Return the subscription with its default payment method."""

    def read_discounts(self, subscription_id: str) -> Sequence[DiscountReading]:
        """Return the discounts that a subscription and its items have now, with their coupons."""

    def read_coupon(self, coupon_id: str) -> CouponReading:
        """Return what a coupon takes off."""

    def read_price(self, wanted: PriceWanted) -> PriceAmount:
        """Return what a price comes to in a subscription's currency."""

    def read_taxes(self, subscription_id: str) -> TaxesShown | None:
        """Return the taxes that a subscription's latest invoice shows inside its prices; None
        where Stripe does not compute its taxes."""

    def read_charge(self, charge_id: str) -> ChargeReading:
        """Return one charge with its outcome."""

    def take_charge_slot(self) -> bool:
        """Reserve the right to one `pay_invoice` call; False when none came free within 10 s."""

    def pay_invoice(self, invoice_id: str, *, payment_method_id: str, key: str) -> Answer:
        """Charge what remains, off session, to *payment_method_id*; the SDK retries nothing."""

    def cancel_subscription(self, subscription_id: str) -> Answer:
        """Cancel now (DELETE, which has no key: an UNKNOWN is settled by a read)."""

    def cancel_at_period_end(self, subscription_id: str, *, key: str) -> Answer:
        """Let the subscription run out at its period's end."""

    def pause_subscription(self, subscription_id: str, *, key: str) -> Answer:
        """Pause it: no invoices, no periods, and no credit for time that nobody paid."""

    def hold_invoices(self, subscription_id: str, *, key: str) -> Answer:
        """Keep its new invoices as drafts until somebody lifts that; what is open stays open."""

    def change_price(
        self, subscription_id: str, *, item_id: str, price_id: str, key: str
    ) -> Answer:
        """Move one item to another price, without invoice or credit for the present period."""

    def add_coupon(
        self, subscription_id: str, *, coupon_id: str, kept: Sequence[str], key: str
    ) -> Answer:
        """Put a coupon on a subscription beside its discounts of the ids in *kept*."""

    def mark_uncollectible(self, invoice_id: str, *, key: str) -> Answer:
        """Write the invoice off as uncollectible."""

    def void_invoice(self, invoice_id: str, *, key: str) -> Answer:
        """Void the invoice, as if it had never been due."""

    def event_pages(self, *, from_at: datetime, to_at: datetime) -> Iterator[list[Json]]:
        """Yield pages of raw events created in [from_at, to_at], newest first, no type filter."""

    def undelivered_pages(self, *, from_at: datetime, to_at: datetime) -> Iterator[list[Json]]:
        """Yield pages of raw events that not every webhook endpoint has taken, newest first."""

    def subscription_pages(self) -> Iterator[list[Json]]:
        """Yield pages of raw subscriptions of every status, for the backfill."""

    def open_invoice_pages(self) -> Iterator[list[Json]]:
        """Yield pages of raw open invoices, for the backfill and reconciliation."""

    def customer_pages(self) -> Iterator[list[Json]]:
        """Yield pages of raw customers with their default payment method expanded."""

    def test_clock_now(self) -> datetime | None:
        """Return the frozen time of STRIPE_TEST_CLOCK, or None while it advances."""

    def account_id(self) -> str:
        """Return the account's id, read once."""


class ObjectReader(Protocol):
    """Turns raw objects of an event's API version into readings (shapes before and after basil)."""

    def invoice(self, raw: Json, api_version: str) -> InvoiceReading:
        """Return the invoice; parts that are not expanded stay None."""

    def subscription(self, raw: Json, api_version: str) -> SubscriptionReading:
        """Return the subscription."""

    def customer(self, raw: Json) -> CustomerReading | None:
        """Return the customer, or None for a bare id."""

    def payment_method(self, raw: Json) -> PaymentMethodReading | None:
        """Return the payment method, or None for a bare id."""

    def charge(self, raw: Json) -> ChargeReading:
        """Return the charge."""

    def discounts(self, subscription: Json) -> Sequence[DiscountReading]:
        """Return the discounts of a subscription and its items, as far as they were expanded."""

    def discount(self, raw: Json) -> DiscountReading:
        """Return the discount."""

    def customer_discount(self, raw: Json, *, seen_at: datetime) -> CustomerDiscount | None:
        """Return the discount as its customer's own; None where it serves one object of theirs.

        Args: seen_at: when it began, where that is not said.
        """

    def taxes(self, invoice: Json, api_version: str, *, seen_at: datetime) -> TaxesShown | None:
        """Return the taxes that an invoice shows inside its subscription's prices; None where
        Stripe computed none. Args: seen_at: since when a draft shows it."""

    def latest_taxes(self, subscription: Json) -> TaxesShown | None:
        """Return what a subscription's latest invoice, which must be expanded, shows of them; None
        where Stripe does not compute its taxes."""

    def coupon(self, raw: Json) -> CouponReading:
        """Return the coupon."""
