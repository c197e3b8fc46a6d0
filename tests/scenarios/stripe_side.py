"""The Stripe side of a story: customers with scripted cards, what people do, what was charged."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from types import MappingProxyType
from typing import Any

from worker.rehearsal.driver_sandbox import SandboxClient

START = datetime(2026, 12, 1, 7, tzinfo=UTC)
"""A Tuesday, eight in the morning in Berlin."""

HOUR, DAY = timedelta(hours=1), timedelta(days=1)

WORKER_KEY = "sk_test_worker"

ALL_BUT_SUBSCRIPTIONS = [
    f"{name}_read"
    for name in ("subscription", "customer", "payment_method", "charge", "event", "test_clock")
] + ["invoice_write", "payment_intent_read", "price_read", "product_read"]
"""Rights of a key that may end no subscription."""

Outcome = str | Mapping[str, Any]
"""What a card answers to one try: `approve`, a decline code, or a whole outcome."""

SHORTEST_ADVANCE = timedelta(days=13)
"""Stripe moves a test clock at most two intervals of the shortest subscription; ours is a week."""


@dataclass
class Customer:
    """One customer with one payment method, and the subscriptions it pays for."""

    name: str
    id: str
    email: str
    method: str
    subscriptions: list[str] = field(default_factory=list)

    @property
    def subscription(self) -> str:
        """The first (mostly the only) subscription."""
        return self.subscriptions[0]


class StripeSide:
    """The sandbox with one test clock, and everything that is not the worker's own doing."""

    def __init__(self, base_url: str, *, start_at: datetime = START) -> None:
        """Empty the sandbox and start a clock at *start_at*."""
        self.base_url = base_url
        self.client = SandboxClient(base_url)
        self.client.control("/_sandbox/reset", {})
        self.now = start_at
        self.clock = self.client.post(
            "/v1/test_helpers/test_clocks", {"frozen_time": int(start_at.timestamp())}
        )["id"]
        self._cards = 0
        self._prices: dict[tuple[int, str, str], str] = {}

    def close(self) -> None:
        """Hang up."""
        self.client.close()

    # Time

    def next_due_at(self) -> datetime | None:
        """Return when Stripe next does something by itself."""
        due = self.client.get("/_sandbox/next_due", test_clock=self.clock)["next_due_at"]
        return datetime.fromtimestamp(due, UTC) if due is not None else None

    def move_clock(self, to: datetime) -> None:
        """Advance the test clock, in strides Stripe allows."""
        while self.now < to:
            self.now = min(to, self.now + SHORTEST_ADVANCE)
            path = f"/v1/test_helpers/test_clocks/{self.clock}"
            self.client.post(f"{path}/advance", {"frozen_time": int(self.now.timestamp())})
            for _ in range(2000):
                if self.client.get(path)["status"] == "ready":
                    break
            else:
                raise AssertionError("the test clock did not become ready")

    # Customers and cards

    def card(
        self,
        *outcomes: Outcome,
        brand: str = "visa",
        expires: tuple[int, int] = (2034, 12),
        then: Outcome | None = None,
    ) -> str:
        """Return a new card that answers *outcomes*, the last one for ever unless *then* is given.

        Args: expires: year and month.
        """
        self._cards += 1
        number = _luhn_number({"visa": "4711", "mastercard": "5411"}[brand], self._cards)
        card = {"number": number, "exp_year": expires[0], "exp_month": expires[1]}
        made = self.client.post("/v1/payment_methods", {"type": "card", "card": card})
        self.script(made["id"], *outcomes, then=then)
        return str(made["id"])

    def bank_account(self, *outcomes: Outcome) -> str:
        """Return a new account for SEPA debits, which take days to come to *outcomes*."""
        debit = {"type": "sepa_debit", "sepa_debit": {"iban": "DE89370400440532013000"}}
        made = self.client.post("/v1/payment_methods", debit)
        self.script(made["id"], *outcomes)
        return str(made["id"])

    def attach(self, customer: Customer, method: str) -> None:
        """Let the staff attach a payment method without making it anybody's default."""
        self.staff(f"payment_methods/{method}/attach", customer=customer.id)

    def script(self, method: str, *outcomes: Outcome, then: Outcome | None = None) -> None:
        """Say what a payment method answers from now on."""
        body: dict[str, Any] = {"payment_method": method, "outcomes": list(outcomes)}
        if then is not None:
            body["then"] = then
        self.client.control("/_sandbox/cards", body)

    def customer(
        self,
        name: str,
        *,
        cards: Sequence[Outcome] = (),
        method: str = "",
        email: str | None = None,
        brand: str = "visa",
        country: str = "DE",
        zone: str = "",
        metadata: Mapping[str, str] = MappingProxyType({}),
    ) -> Customer:
        """Return a customer without a subscription; *cards* is what the card answers in turn."""
        method = method or self.card(*cards, brand=brand)
        email = f"{name}@customers.example" if email is None else email
        given: dict[str, Any] = {
            "name": name.title(),
            "address": {"country": country},
            "payment_method": method,
            "invoice_settings": {"default_payment_method": method},
        }
        if self.clock:
            given["test_clock"] = self.clock
        if email:
            given["email"] = email
        if zone or metadata:
            given["metadata"] = dict(metadata) | ({"time_zone": zone} if zone else {})
        made = self.client.post("/v1/customers", given)
        return Customer(name, made["id"], email, method)

    def price(self, amount_minor: int, *, currency: str = "eur", interval: str = "month") -> str:
        """Return the id of a recurring price."""
        name = (amount_minor, currency, interval)
        if name not in self._prices:
            given = {
                "currency": currency,
                "unit_amount": amount_minor,
                "recurring": {"interval": interval},
                "product_data": {"name": "Team"},
            }
            self._prices[name] = self.client.post("/v1/prices", given)["id"]
        return self._prices[name]

    def subscribe(
        self,
        customer: Customer,
        *,
        first_charge_at: datetime,
        amount_minor: int = 4900,
        currency: str = "eur",
        interval: str = "month",
        trial: bool = False,
        own_card: bool = False,
        days_until_due: int = 0,
        billing: str = "flexible",
    ) -> str:
        """Subscribe a customer; its first invoice is a renewal at *first_charge_at*.

        Args: own_card: the subscription keeps the card itself, above the customer's default;
        days_until_due: its invoices are sent to be paid by hand; that renewal is final then;
        billing: `classic` subscriptions cannot be paused.
        """
        price = self.price(amount_minor, currency=currency, interval=interval)
        given: dict[str, Any] = {
            "customer": customer.id,
            "items": [{"price": price}],
            "billing_mode": {"type": billing},
        }
        anchor = int(first_charge_at.timestamp()) - 3600  # the draft's hour comes before
        if trial:
            given["trial_end"] = anchor
        else:
            given |= {"billing_cycle_anchor": anchor, "proration_behavior": "none"}
        if own_card:
            given["default_payment_method"] = customer.method
        if days_until_due:
            given |= {"collection_method": "send_invoice", "days_until_due": days_until_due}
        made = self.client.post("/v1/subscriptions", given)
        customer.subscriptions.append(made["id"])
        return str(made["id"])

    # What people do

    def save_card(self, customer: Customer, method: str) -> None:
        """Let the customer put another card on file, on the portal page."""
        self.client.post(f"/_sandbox/portal/{customer.id}", {"payment_method": method})

    def pay_by_hand(self, invoice: str, method: str = "", *, remember: bool = True) -> None:
        """Let the customer pay on the hosted page, with the card on file or another one."""
        form = {"payment_method": method} if method else {}
        if not remember:
            form["remember"] = "no"
        self.client.post(f"/_sandbox/pay/{invoice}", form)

    def pay_elsewhere(self, invoice: str) -> None:
        """Let the staff record that an invoice was paid outside of Stripe."""
        self.staff(f"invoices/{invoice}/pay", paid_out_of_band="true")

    def cancel(self, customer: Customer, *, when: str) -> None:
        """Let the customer cancel on the portal page, `now` or at `period_end`."""
        form = {"action": "cancel", "subscription": customer.subscription, "when": when}
        self.client.post(f"/_sandbox/portal/{customer.id}", form)

    def act(self, act: str, **body: Any) -> dict[str, Any]:
        """Let a customer, bank or network do something: see the sandbox's `/_sandbox/act`."""
        return self.client.control("/_sandbox/act", {"act": act, **body})

    def staff(self, path: str, **params: Any) -> dict[str, Any]:
        """Let the merchant's staff use Stripe's API: `staff("invoices/in_1/void")`."""
        return self.client.post(f"/v1/{path}", params)

    def delete(self, path: str) -> dict[str, Any]:
        """Let the merchant's staff delete something."""
        return self.client.delete(f"/v1/{path}")

    def faults(self, *rules: Mapping[str, Any]) -> None:
        """Replace what fails; nothing given heals everything."""
        self.client.control("/_sandbox/faults", {"faults": list(rules)} if rules else {})

    def rights(self, *rights: str) -> None:
        """Leave the worker's key only these rights; nothing given lifts the restriction."""
        self.client.control("/_sandbox/keys", {"key": WORKER_KEY, "rights": list(rights) or None})

    def settings(self, **settings: Any) -> None:
        """Change the account's settings."""
        self.client.control("/_sandbox/settings", settings)

    # What was seen

    def get(self, path: str, **query: Any) -> dict[str, Any]:
        """Read an object or a list."""
        return self.client.get(f"/v1/{path}", **query)

    def invoice(self, customer: Customer) -> dict[str, Any]:
        """Return the customer's newest invoice."""
        newest: dict[str, Any] = self.get("invoices", customer=customer.id, limit=1)["data"][0]
        return newest

    def invoices(self, customer: Customer) -> list[dict[str, Any]]:
        """Return the customer's invoices, oldest first."""
        return list(self.client.every("/v1/invoices", customer=customer.id))[::-1]

    def charges(self, customer: Customer | None = None, *, by: str = "") -> list[dict[str, Any]]:
        """Return the charge tries in order, of a customer and by `api`, `customer`, `stripe`."""
        tries = self.client.get("/_sandbox/charges")["charges"]
        return [
            one
            for one in tries
            if (customer is None or one["customer"] == customer.id) and by in {"", one["by"]}
        ]

    def tries(self, customer: Customer) -> list[dict[str, Any]]:
        """Return a customer's charge tries without the later settlements of debits."""
        return [one for one in self.charges(customer) if not one["settles"]]

    def requests(self, method: str = "", path: str = "") -> list[dict[str, Any]]:
        """Return what Stripe was asked through the API, in order."""
        found = self.client.get("/_sandbox/requests")["requests"]
        return [
            one
            for one in found
            if one["by"] == "api" and method in {"", one["method"]} and path in one["path"]
        ]

    def pay_requests(self) -> list[dict[str, Any]]:
        """Return the requests to pay an invoice through the API, answered or not, in order."""
        return [one for one in self.requests("POST") if one["path"].endswith("/pay")]

    def paid_twice(self) -> list[str]:
        """Return the invoices with more than one successful charge; must be empty, always."""
        won = [one["invoice"] for one in self.charges() if one["status"] == "succeeded"]
        return sorted({invoice for invoice in won if won.count(invoice) > 1})


def _luhn_number(prefix: str, count: int) -> str:
    """Return a sixteen-digit card number that no other card of this story has."""
    body = f"{prefix}{count:0{15 - len(prefix)}d}"
    total = 0
    for place, digit in enumerate(reversed(body)):
        value = int(digit) * (1 if place % 2 else 2)
        total += value - 9 if value > 9 else value
    return f"{body}{-total % 10}"
