"""A sandbox with one failed renewal, and the gateway on it."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest
import requests
import stripe

from tests.integration.gateway.scripted_stripe import OpenLimiter
from worker.gateway.stripe_gateway import SdkGateway
from worker.gateway.transport import Transport
from worker.rehearsal.sandbox.main import Running, start_thread

STARTED = 1_790_000_000


@dataclass
class Renewal:
    """A monthly subscription whose second invoice the customer's card just declined."""

    base_url: str
    client: stripe.StripeClient
    clock_id: str
    customer_id: str
    method_id: str
    subscription_id: str
    gateway: SdkGateway
    invoice_id: str = ""
    declined: dict[str, str] = field(default_factory=dict)

    def control(self, route: str, **body: Any) -> Any:
        """Use the sandbox's control routes."""
        answer = requests.post(f"{self.base_url}/_sandbox/{route}", json=body, timeout=5)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def script(self, *outcomes: Any) -> None:
        """Say what the card answers from now on."""
        self.control("cards", payment_method=self.method_id, outcomes=list(outcomes))

    def requests_since(self, number: int) -> list[dict[str, Any]]:
        """Return the sandbox's own log of what it was asked."""
        url = f"{self.base_url}/_sandbox/requests?since={number}"
        answered = requests.get(url, timeout=5).json()["requests"]
        return [one for one in answered if one["path"].startswith("/v1")]

    def advance(self, to: int) -> None:
        """Move the clock and wait until it is ready."""
        clocks = self.client.v1.test_helpers.test_clocks
        clocks.advance(self.clock_id, {"frozen_time": to})
        while clocks.retrieve(self.clock_id).status != "ready":
            pass


@pytest.fixture(scope="module")
def box() -> Iterator[Running]:
    """Give a sandbox for this file's tests; each makes customers of its own in it."""
    with start_thread(seed="contract") as running:
        yield running


@pytest.fixture
def renewal(box: Running) -> Renewal:
    """Give a failed renewal on a clock of its own, three hours after the period's end."""
    client = stripe.StripeClient("sk_test_contract", base_addresses={"api": box.base_url})
    clock = client.v1.test_helpers.test_clocks.create({"frozen_time": STARTED})
    customer = client.v1.customers.create(
        {
            "test_clock": clock.id,
            "email": "a@example.com",
            "payment_method": "pm_card_mastercard",
            "invoice_settings": {"default_payment_method": "pm_card_mastercard"},
        }
    )
    method = customer.invoice_settings.default_payment_method if customer.invoice_settings else None
    assert isinstance(method, str)
    product = client.v1.products.create({"name": "Plan"})
    price = client.v1.prices.create(
        {
            "product": product.id,
            "unit_amount": 1200,
            "currency": "eur",
            "recurring": {"interval": "month"},
        }
    )
    subscription = client.v1.subscriptions.create(
        {"customer": customer.id, "items": [{"price": price.id}]}
    )
    gateway = SdkGateway(
        Transport(
            api_key="rk_test_contract",
            api_base=box.base_url,
            limiter=OpenLimiter(),
            read_timeout_seconds=1,
        ),
        test_clock_id=clock.id,
    )
    ready = Renewal(box.base_url, client, clock.id, customer.id, method, subscription.id, gateway)
    ready.declined = {
        "decline_code": "insufficient_funds",
        "advice_code": "try_again_later",
        "network_decline_code": "51",
        "network_advice_code": "25",
    }
    ready.script(ready.declined)
    period_end_at = gateway.read_subscription(subscription.id).period_end_at
    assert period_end_at is not None
    ready.advance(int(period_end_at.timestamp()) + 3 * 3600)
    open_now = [one for page in gateway.open_invoice_pages() for one in page]
    assert len(open_now) == 1
    ready.invoice_id = str(open_now[0]["id"])
    return ready
