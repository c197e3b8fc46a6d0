"""The customers of the sandbox as the first page shows them, read from Stripe's side.

The page must show what is so at Stripe, not what the worker believes of it.
"""

from collections.abc import Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from worker.domain.money import Money
from worker.rehearsal.driver_sandbox import SandboxClient

DEAD = frozenset(("canceled", "incomplete_expired"))


@dataclass(frozen=True, slots=True)
class Plan:
    """One subscription: what it costs, how it stands and when it is next charged."""

    id: str
    price: Money
    interval: str
    status: str
    next_charge_at: datetime | None
    """None where nothing will be charged any more."""


@dataclass(frozen=True, slots=True)
class Owed:
    """An open invoice and the page on which it is paid."""

    id: str
    number: str
    owed: Money
    pay_url: str


@dataclass(frozen=True, slots=True)
class Person:
    """One customer."""

    id: str
    name: str
    email: str
    card: str
    """As people name it, such as `Visa ..4242 12/2034`; empty where there is none."""
    method_id: str
    portal_url: str
    plans: tuple[Plan, ...]
    owed: tuple[Owed, ...]

    @property
    def next_charge_at(self) -> datetime | None:
        """When the next of the plans is charged."""
        coming = [plan.next_charge_at for plan in self.plans if plan.next_charge_at is not None]
        return min(coming, default=None)


def read_people(base_url: str, test_clock: str) -> list[Person]:
    """Return everybody on *test_clock*, those who are charged next first.

    Raises: ServiceUnavailable: the sandbox gave no answer.
    """
    with closing(SandboxClient(base_url)) as client:
        people = list(
            client.every(
                "/v1/customers",
                test_clock=test_clock,
                **{"expand[]": "data.invoice_settings.default_payment_method"},
            )
        )
        subscriptions = list(client.every("/v1/subscriptions", test_clock=test_clock, status="all"))
        invoices = list(client.every("/v1/invoices", status="open"))
    found = [_person(base_url, row, subscriptions, invoices) for row in people]
    last = datetime.max.replace(tzinfo=UTC)
    return sorted(found, key=lambda one: (one.next_charge_at or last, one.id))


def _person(
    base_url: str,
    row: Mapping[str, Any],
    subscriptions: Sequence[Mapping[str, Any]],
    invoices: Sequence[Mapping[str, Any]],
) -> Person:
    method = row["invoice_settings"]["default_payment_method"]
    return Person(
        id=row["id"],
        name=row["name"] or "",
        email=row["email"] or "",
        card=_card(method),
        method_id=method["id"] if method else "",
        portal_url=f"{base_url}/_sandbox/portal/{row['id']}",
        plans=tuple(_plan(one) for one in subscriptions if one["customer"] == row["id"]),
        owed=tuple(
            Owed(
                one["id"],
                one["number"] or one["id"],
                Money(one["amount_remaining"], one["currency"]),
                one["hosted_invoice_url"],
            )
            for one in reversed(invoices)
            if one["customer"] == row["id"]
        ),
    )


def _card(method: Mapping[str, Any] | None) -> str:
    if method is None:
        return ""
    details = method[method["type"]]
    name = str(details.get("brand") or method["type"]).replace("_", " ").title()
    ends = f" {details['exp_month']:02d}/{details['exp_year']}" if "exp_year" in details else ""
    return f"{name} ..{details['last4']}{ends}"


def _plan(row: Mapping[str, Any]) -> Plan:
    item = row["items"]["data"][0]
    price = item["price"]
    goes_on = row["status"] not in DEAD and not row["cancel_at_period_end"]
    ends_at = row["trial_end"] if row["status"] == "trialing" else item["current_period_end"]
    return Plan(
        id=row["id"],
        price=Money(price["unit_amount"] * item["quantity"], price["currency"]),
        interval=price["recurring"]["interval"],
        status=row["status"],
        next_charge_at=datetime.fromtimestamp(ends_at, UTC) if goes_on else None,
    )
