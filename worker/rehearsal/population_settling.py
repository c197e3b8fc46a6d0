"""Makes a planned population customers of the sandbox, inside its process: hundreds in a second."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from worker.rehearsal.in_process import InProcess
from worker.rehearsal.population import (
    SIGNED_UP_BEFORE,
    START,
    Subscriber,
    Subscription,
    plan_population,
)
from worker.rehearsal.population_cards import Method, unix
from worker.rehearsal.sandbox.app import Sandbox
from worker.rehearsal.sandbox.billing import life
from worker.rehearsal.sandbox.world import Cause

SUBSCRIBERS = 200
ACCOUNT_NAME = "Acme"


def settle_population(sandbox: Sandbox, body: dict[str, Any]) -> dict[str, Any]:
    """Answer POST /_sandbox/population: create the people and say who is who.

    *body* may hold `seed`, `subscribers` and `start_at` (unix seconds). Returns `test_clock` and
    `customers`: name of each subscriber -> `customer`, `payment_method`, `subscriptions`.
    """
    seed = str(body.get("seed", "1"))
    start_at = START
    if "start_at" in body:
        start_at = datetime.fromtimestamp(int(body["start_at"]), UTC)
    population = plan_population(seed, int(body.get("subscribers", SUBSCRIBERS)), start_at)
    sandbox.world.settings.change({"account_name": ACCOUNT_NAME})
    with sandbox.world.acting(Cause("customer")):
        settling = _Settling(sandbox, start_at - SIGNED_UP_BEFORE)
        people = {one.name: settling.settle(one) for one in population.subscribers if not one.trial}
    for _ in life.run_until(sandbox.world, settling.clock_id, unix(start_at)):
        pass
    with sandbox.world.acting(Cause("customer")):
        people |= {one.name: settling.settle(one) for one in population.subscribers if one.trial}
    return {"test_clock": settling.clock_id, "seed": seed, "customers": people}


class _Settling:
    """Calls the sandbox's own handlers, with the checks a request over HTTP would get."""

    def __init__(self, sandbox: Sandbox, clock_at: datetime) -> None:
        self.world = sandbox.world
        self.ask = InProcess(sandbox.world).ask
        self.prices: dict[tuple[str, str, str], str] = {}
        self.products: dict[str, str] = {}
        self.clock_id = self.ask(
            "/v1/test_helpers/test_clocks", frozen_time=unix(clock_at), name="rehearsal"
        )["id"]

    def settle(self, one: Subscriber) -> dict[str, Any]:
        """Create one customer with the payment method and the subscriptions."""
        method_id = self.method(one.method)
        person: dict[str, Any] = {
            "name": one.full_name,
            "address": {"country": one.country.code},
            "preferred_locales": [one.country.locale],
            "metadata": {"rehearsal": one.name},
        }
        if one.email:
            person["email"] = one.email
        if one.zone:
            person["metadata"]["time_zone"] = one.zone
        customer_id = self.ask(
            "/v1/customers",
            test_clock=self.clock_id,
            payment_method=method_id,
            invoice_settings={"default_payment_method": method_id},
            **person,
        )["id"]
        if one.backup is not None:
            path = f"/v1/payment_methods/{self.method(one.backup)}/attach"
            self.ask(path, customer=customer_id)
        own: dict[str, str] = {"default_payment_method": method_id} if one.on_subscription else {}
        subscriptions = [self.subscribe(customer_id, each, own) for each in one.subscriptions]
        return {
            "customer": customer_id,
            "payment_method": method_id,
            "subscriptions": subscriptions,
        }

    def method(self, method: Method) -> str:
        """Create a payment method with its script and return its id."""
        given: dict[str, Any] = {"type": method.kind, method.kind: method.given}
        row = self.ask("/v1/payment_methods", **given)
        if method.outcomes or method.then != "approve":
            # By fingerprint, so that the card answers alike wherever it is entered again.
            mark = row[method.kind]["fingerprint"]
            self.world.scripts.put(mark, [*method.outcomes, method.then])
        if method.country:
            details = {**row[method.kind], "country": method.country}
            self.world.change(row, **{method.kind: details})
        return str(row["id"])

    def subscribe(self, customer_id: str, wanted: Subscription, own: Mapping[str, str]) -> str:
        """Create one subscription with its *own* settings; a first charge follows its anchor."""
        params: dict[str, Any] = {
            **own,
            "customer": customer_id,
            "items": [{"price": self.price(wanted)}],
        }
        if wanted.trial:
            params["trial_end"] = unix(wanted.anchor_at)
        else:
            params["billing_cycle_anchor"] = unix(wanted.anchor_at)
            params["proration_behavior"] = "none"
        return str(self.ask("/v1/subscriptions", **params)["id"])

    def price(self, wanted: Subscription) -> str:
        """Return the id of the price, made when it is first asked for."""
        name = (wanted.plan, wanted.interval, wanted.price.currency)
        if name not in self.prices:
            if wanted.plan not in self.products:
                self.products[wanted.plan] = self.ask("/v1/products", name=wanted.plan)["id"]
            self.prices[name] = self.ask(
                "/v1/prices",
                product=self.products[wanted.plan],
                currency=wanted.price.currency,
                unit_amount=wanted.price.amount_minor,
                recurring={"interval": wanted.interval},
            )["id"]
        return self.prices[name]
