"""Shortcuts for tests that drive the sandbox through the SDK and its control routes."""

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import requests
import stripe

HOUR, DAY = 3600, 86_400
START = int(datetime(2026, 1, 31, 10, tzinfo=UTC).timestamp())


@dataclass
class Subscriber:
    """A customer on a clock with a card and a subscription."""

    clock: str
    customer: str
    method: str
    subscription: str


@dataclass
class Driver:
    """One emptied sandbox."""

    base_url: str
    client: stripe.StripeClient

    def control(self, route: str, **body: Any) -> dict[str, Any]:
        """Call a control route and return its answer."""
        answer = requests.post(f"{self.base_url}/_sandbox/{route}", json=body, timeout=10)
        assert answer.status_code == 200, answer.text
        result: dict[str, Any] = answer.json()
        return result

    def read(self, route: str, **query: Any) -> dict[str, Any]:
        """Read a control route."""
        answer = requests.get(f"{self.base_url}/_sandbox/{route}", params=query, timeout=10)
        assert answer.status_code == 200, answer.text
        result: dict[str, Any] = answer.json()
        return result

    def raw(self, method: str, path: str, key: str = "sk_test_x", **more: Any) -> requests.Response:
        """Send a request without the SDK."""
        headers = {"Authorization": f"Bearer {key}", **more.pop("headers", {})}
        url = self.base_url + path
        return requests.request(method, url, headers=headers, timeout=10, **more)

    def clock(self, at: int = START) -> str:
        """Return a new clock."""
        return self.client.v1.test_helpers.test_clocks.create({"frozen_time": at}).id

    def now(self, clock: str) -> int:
        """Return a clock's time."""
        return self.client.v1.test_helpers.test_clocks.retrieve(clock).frozen_time

    def advance(self, clock: str, to: int) -> None:
        """Move a clock, in steps Stripe allows, and wait until it is ready."""
        clocks = self.client.v1.test_helpers.test_clocks
        clocks.advance(clock, {"frozen_time": to})
        for _ in range(1000):
            status = clocks.retrieve(clock).status
            if status != "advancing":
                assert status == "ready"
                return
        raise AssertionError("the clock did not become ready")

    def price(self, amount: int = 1200, interval: str = "month", currency: str = "eur") -> str:
        """Return a new recurring price."""
        given: Any = {
            "unit_amount": amount,
            "currency": currency,
            "recurring": {"interval": interval},
            "product_data": {"name": "Gold"},
        }
        return self.client.v1.prices.create(given).id

    def customer(self, clock: str | None, method: str = "pm_card_visa") -> tuple[str, str]:
        """Return a customer with a default method."""
        given: Any = {
            "email": "ann@example.com",
            "name": "Ann",
            "address": {"country": "DE"},
            "invoice_settings": {"default_payment_method": method},
        }
        if clock:
            given["test_clock"] = clock
        made = self.client.v1.customers.create(given)
        assert made.invoice_settings is not None
        return made.id, str(made.invoice_settings.default_payment_method)

    def subscriber(
        self, method: str = "pm_card_visa", *, price: str | None = None, **more: Any
    ) -> Subscriber:
        """Return a subscriber on a clock of its own."""
        clock = self.clock()
        customer, card = self.customer(clock, method)
        given: Any = {"customer": customer, "items": [{"price": price or self.price()}], **more}
        made = self.client.v1.subscriptions.create(given)
        return Subscriber(clock, customer, card, made.id)

    def script(self, method: str, *outcomes: Any, **more: Any) -> None:
        """Say what a method answers."""
        self.control("cards", payment_method=method, outcomes=list(outcomes), **more)

    def status(self, subscriber: Subscriber) -> str:
        """Return the subscription's status."""
        return self.client.v1.subscriptions.retrieve(subscriber.subscription).status

    def invoice(self, subscriber: Subscriber) -> stripe.Invoice:
        """Return the subscription's newest invoice, with its payments."""
        given: Any = {
            "subscription": subscriber.subscription,
            "limit": 1,
            "expand": ["data.payments.data.payment.payment_intent"],
        }
        return self.client.v1.invoices.list(given).data[0]

    def event_types(self) -> list[str]:
        """Return all event types, oldest first."""
        page = self.client.v1.events.list({"limit": 100})
        return [str(event.type) for event in page.auto_paging_iter()][::-1]
