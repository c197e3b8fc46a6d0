"""The `StripeGateway` of `worker.ports` over HTTP."""

import threading
from collections.abc import Iterator, Sequence
from datetime import datetime
from urllib.parse import quote

from worker.domain.readings import (
    Answer,
    ChargeReading,
    CouponReading,
    DiscountReading,
    InvoiceReading,
    SubscriptionReading,
)
from worker.domain.tax_shares import TaxesShown
from worker.domain.tiers import PriceAmount, PriceWanted
from worker.gateway.answers import answer_to_ending, answer_to_pay
from worker.gateway.invoice_readers import read_invoice, read_subscription
from worker.gateway.limits import Endpoint
from worker.gateway.payment_readers import read_charge
from worker.gateway.price_readers import all_discounts, read_amount, read_coupon, read_discounts
from worker.gateway.raw_fields import child, children, flag, instant, reference, text
from worker.gateway.tax_readers import read_latest_taxes
from worker.gateway.transport import API_VERSION, Params, Transport
from worker.ports import Json

PAGE_SIZE = 100
# Four levels are the most that Stripe expands; an invalid path is a hard 400 (domain.md 1.1).
INVOICE_EXPANDED = (
    "payments.data.payment.payment_intent",
    "parent.subscription_details.subscription.default_payment_method",
    "parent.subscription_details.subscription.discounts",
    "customer.invoice_settings.default_payment_method",
)
SUBSCRIPTIONS_EXPANDED = (
    "data.default_payment_method",
    "data.discounts",
    "data.items.data.discounts",
    "data.latest_invoice",
)
# Part of the parameters that Stripe compares under one idempotency key: change them only together
# with the key's version.
PAY_EXPANDED = ("payments.data.payment.payment_intent",)


class SdkGateway:
    """Stripe as one account sees it; safe to share between threads."""

    def __init__(self, transport: Transport, *, test_clock_id: str = "") -> None:
        """Use *transport*; with *test_clock_id* list only that clock's objects."""
        self._transport = transport
        self._test_clock_id = test_clock_id
        self._account_id = ""
        self._account_lock = threading.Lock()

    def read_invoice(self, invoice_id: str) -> InvoiceReading:
        """Return the invoice with payment, subscription, customer and their default methods."""
        raw = self._transport.read(
            Endpoint.INVOICES_READ,
            f"/v1/invoices/{_id(invoice_id)}",
            {"expand": list(INVOICE_EXPANDED)},
            what=f"read invoice {invoice_id}",
        )
        return read_invoice(raw, API_VERSION)

    def read_subscription(self, subscription_id: str) -> SubscriptionReading:
        """Return the subscription with its default payment method."""
        raw = self._transport.read(
            Endpoint.SUBSCRIPTIONS_READ,
            f"/v1/subscriptions/{_id(subscription_id)}",
            {"expand": ["default_payment_method", "items.data.price.product"]},
            what=f"read subscription {subscription_id}",
        )
        return read_subscription(raw, API_VERSION)

    def read_discounts(self, subscription_id: str) -> tuple[DiscountReading, ...]:
        """Return the discounts that a subscription and its items have now, with their coupons."""
        raw = self._transport.read(
            Endpoint.SUBSCRIPTIONS_READ,
            f"/v1/subscriptions/{_id(subscription_id)}",
            {"expand": ["discounts", "items.data.discounts"]},
            what=f"read discounts of {subscription_id}",
        )
        return all_discounts(raw)

    def read_coupon(self, coupon_id: str) -> CouponReading:
        """Return what a coupon takes off."""
        raw = self._transport.read(
            Endpoint.COUPONS_READ,
            f"/v1/coupons/{_id(coupon_id)}",
            {},
            what=f"read coupon {coupon_id}",
        )
        return read_coupon(raw)

    def read_price(self, wanted: PriceWanted) -> PriceAmount:
        """Return what a price comes to in a subscription's currency."""
        tiers = "tiers"
        expanded = []
        if not wanted.own_currency:
            expanded.append("currency_options")
            tiers = f"currency_options.{wanted.currency}.tiers"
        if wanted.tiered:
            expanded.append(tiers)
        raw = self._transport.read(
            Endpoint.PRICES_READ,
            f"/v1/prices/{_id(wanted.price_id)}",
            {"expand": expanded},
            what=f"read price {wanted.price_id}",
        )
        return read_amount(raw, wanted)

    def read_taxes(self, subscription_id: str) -> TaxesShown | None:
        """Return the taxes that a subscription's latest invoice shows inside its prices."""
        raw = self._transport.read(
            Endpoint.SUBSCRIPTIONS_READ,
            f"/v1/subscriptions/{_id(subscription_id)}",
            {"expand": ["latest_invoice"]},
            what=f"read taxes of {subscription_id}",
        )
        return read_latest_taxes(raw)

    def read_charge(self, charge_id: str) -> ChargeReading:
        """Return one charge with its outcome."""
        raw = self._transport.read(
            Endpoint.CHARGES_READ,
            f"/v1/charges/{_id(charge_id)}",
            {},
            what=f"read charge {charge_id}",
        )
        return read_charge(raw)

    def take_charge_slot(self) -> bool:
        """Reserve the right to one `pay_invoice` call; False when none came free within 10 s."""
        return self._transport.take(Endpoint.INVOICES_PAY)

    def pay_invoice(self, invoice_id: str, *, payment_method_id: str, key: str) -> Answer:
        """Charge what remains, off session, to *payment_method_id*; the SDK retries nothing."""
        reply = self._transport.write(
            Endpoint.INVOICES_PAY,
            "post",
            f"/v1/invoices/{_id(invoice_id)}/pay",
            {
                "payment_method": payment_method_id,
                "off_session": True,
                "expand": list(PAY_EXPANDED),
            },
            key=key,
            slot_taken=True,
        )
        return answer_to_pay(reply)

    def cancel_subscription(self, subscription_id: str) -> Answer:
        """Cancel now (DELETE, which has no key: an UNKNOWN is settled by a read)."""
        reply = self._transport.write(
            Endpoint.SUBSCRIPTIONS_CANCEL,
            "delete",
            f"/v1/subscriptions/{_id(subscription_id)}",
            {},
        )
        return answer_to_ending(reply, done=text(reply.body, "status") == "canceled")

    def cancel_at_period_end(self, subscription_id: str, *, key: str) -> Answer:
        """Let the subscription run out at its period's end."""
        reply = self._transport.write(
            Endpoint.SUBSCRIPTIONS_UPDATE,
            "post",
            f"/v1/subscriptions/{_id(subscription_id)}",
            {"cancel_at_period_end": True},
            key=key,
        )
        return answer_to_ending(reply, done=flag(reply.body, "cancel_at_period_end"))

    def pause_subscription(self, subscription_id: str, *, key: str) -> Answer:
        """Pause it: no invoices, no periods, and no credit for time that nobody paid.

        Stripe credits unused time unless told not to (docs.stripe.com/api/subscriptions/pause), and
        only pauses subscriptions with flexible billing and without a schedule.
        """
        reply = self._transport.write(
            Endpoint.SUBSCRIPTIONS_PAUSE,
            "post",
            f"/v1/subscriptions/{_id(subscription_id)}/pause",
            {"type": "subscription", "bill_for": {"unused_time_from": {"type": "none"}}},
            key=key,
        )
        return answer_to_ending(reply, done=text(reply.body, "status") == "paused")

    def hold_invoices(self, subscription_id: str, *, key: str) -> Answer:
        """Keep its new invoices as drafts until somebody lifts that; what is open stays open."""
        reply = self._transport.write(
            Endpoint.SUBSCRIPTIONS_UPDATE,
            "post",
            f"/v1/subscriptions/{_id(subscription_id)}",
            {"pause_collection": {"behavior": "keep_as_draft"}},
            key=key,
        )
        kept = text(child(reply.body, "pause_collection"), "behavior") == "keep_as_draft"
        return answer_to_ending(reply, done=kept)

    def change_price(
        self, subscription_id: str, *, item_id: str, price_id: str, key: str
    ) -> Answer:
        """Move one item to another price, without invoice or credit for the present period."""
        reply = self._transport.write(
            Endpoint.SUBSCRIPTIONS_UPDATE,
            "post",
            f"/v1/subscriptions/{_id(subscription_id)}",
            {
                "items": [{"id": item_id, "price": price_id}],
                "proration_behavior": "none",
            },
            key=key,
        )
        prices = {text(child(item, "price"), "id") for item in children(reply.body, "items")}
        return answer_to_ending(reply, done=prices == {price_id})

    def add_coupon(
        self, subscription_id: str, *, coupon_id: str, kept: Sequence[str], key: str
    ) -> Answer:
        """Put a coupon on a subscription beside its discounts of the ids in *kept*.

        Stripe replaces the whole list (docs.stripe.com/api/subscriptions/update#discounts).
        """
        reply = self._transport.write(
            Endpoint.SUBSCRIPTIONS_UPDATE,
            "post",
            f"/v1/subscriptions/{_id(subscription_id)}",
            {
                "discounts": [*({"discount": each} for each in kept), {"coupon": coupon_id}],
                "expand": ["discounts"],
            },
            key=key,
        )
        shown = {each.coupon_id for each in read_discounts(reply.body)}
        return answer_to_ending(reply, done=coupon_id in shown)

    def mark_uncollectible(self, invoice_id: str, *, key: str) -> Answer:
        """Write the invoice off as uncollectible."""
        reply = self._transport.write(
            Endpoint.INVOICES_MARK_UNCOLLECTIBLE,
            "post",
            f"/v1/invoices/{_id(invoice_id)}/mark_uncollectible",
            {},
            key=key,
        )
        return answer_to_ending(reply, done=text(reply.body, "status") == "uncollectible")

    def void_invoice(self, invoice_id: str, *, key: str) -> Answer:
        """Void the invoice, as if it had never been due."""
        reply = self._transport.write(
            Endpoint.INVOICES_VOID, "post", f"/v1/invoices/{_id(invoice_id)}/void", {}, key=key
        )
        return answer_to_ending(reply, done=text(reply.body, "status") == "void")

    def event_pages(self, *, from_at: datetime, to_at: datetime) -> Iterator[list[Json]]:
        """Yield pages of raw events created in [from_at, to_at], newest first, no type filter.

        Stripe's list knows no test clock; the feed drops what belongs to another one.
        """
        created = {"gte": int(from_at.timestamp()), "lte": int(to_at.timestamp())}
        yield from self._pages(Endpoint.EVENTS_LIST, "/v1/events", {"created": created})

    def undelivered_pages(self, *, from_at: datetime, to_at: datetime) -> Iterator[list[Json]]:
        """Yield pages of raw events that not every webhook endpoint has taken, newest first."""
        created = {"gte": int(from_at.timestamp()), "lte": int(to_at.timestamp())}
        missed: dict[str, object] = {"created": created, "delivery_success": False}
        yield from self._pages(Endpoint.EVENTS_LIST, "/v1/events", missed)

    def subscription_pages(self) -> Iterator[list[Json]]:
        """Yield pages of raw subscriptions of every status, with default method and discounts."""
        params: dict[str, object] = {"status": "all", "expand": list(SUBSCRIPTIONS_EXPANDED)}
        yield from self._pages(
            Endpoint.SUBSCRIPTIONS_LIST, "/v1/subscriptions", params | self._clock_filter()
        )

    def open_invoice_pages(self) -> Iterator[list[Json]]:
        """Yield pages of raw open invoices, for the backfill and reconciliation.

        Stripe cannot filter invoices by test clock: with one set, the customer is expanded and
        other clocks' invoices are dropped here.
        """
        params: dict[str, object] = {"status": "open"}
        if not self._test_clock_id:
            yield from self._pages(Endpoint.INVOICES_LIST, "/v1/invoices", params)
            return
        params["expand"] = ["data.customer"]
        for page in self._pages(Endpoint.INVOICES_LIST, "/v1/invoices", params):
            yield [invoice for invoice in page if self._is_on_clock(invoice)]

    def customer_pages(self) -> Iterator[list[Json]]:
        """Yield pages of raw customers with their default payment method expanded."""
        params: dict[str, object] = {"expand": ["data.invoice_settings.default_payment_method"]}
        yield from self._pages(
            Endpoint.CUSTOMERS_LIST, "/v1/customers", params | self._clock_filter()
        )

    def test_clock_now(self) -> datetime | None:
        """Return the frozen time of STRIPE_TEST_CLOCK, or None while it advances or without one."""
        if not self._test_clock_id:
            return None
        raw = self._transport.read(
            Endpoint.CLOCKS_READ,
            f"/v1/test_helpers/test_clocks/{_id(self._test_clock_id)}",
            {},
            what=f"read test clock {self._test_clock_id}",
        )
        return instant(raw, "frozen_time") if text(raw, "status") == "ready" else None

    def account_id(self) -> str:
        """Return the account's id, read once per process."""
        with self._account_lock:
            if not self._account_id:
                raw = self._transport.read(
                    Endpoint.ACCOUNT_READ, "/v1/account", {}, what="read the account"
                )
                self._account_id = text(raw, "id")
            return self._account_id

    def _pages(self, endpoint: Endpoint, path: str, params: Params) -> Iterator[list[Json]]:
        after: dict[str, object] = {}
        while True:
            raw = self._transport.read(
                endpoint,
                path,
                {"limit": PAGE_SIZE, **params, **after},
                what=f"list {path.rpartition('/')[2]}",
            )
            page = children(raw, "data")
            if page:
                yield page
            if not page or not flag(raw, "has_more"):
                return
            after = {"starting_after": text(page[-1], "id")}

    def _clock_filter(self) -> dict[str, object]:
        return {"test_clock": self._test_clock_id} if self._test_clock_id else {}

    def _is_on_clock(self, invoice: Json) -> bool:
        customer = invoice.get("customer")
        on_clock = reference(customer, "test_clock") if isinstance(customer, dict) else ""
        return on_clock == self._test_clock_id


def _id(stripe_id: str) -> str:
    """An id as part of a path: nothing in it may lead to another path."""
    return quote(stripe_id, safe="")
