"""The inbox of Stripe's events and the mirrors of its objects."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from worker.domain.network_rules import MadeBy
from worker.domain.readings import (
    ChargeReading,
    CustomerReading,
    InvoiceReading,
    PaymentMethodReading,
    SubscriptionReading,
)
from worker.ports.stripe import Json


@dataclass(frozen=True, slots=True)
class InboxEvent:
    """One of Stripe's events, as stored."""

    seq: int
    event_id: str
    type: str
    created_at: datetime
    api_version: str
    payload: Json


class InboxBook(Protocol):
    """Each of Stripe's events once."""

    def add(self, raw_events: Sequence[Json], *, wall_now: datetime) -> list[InboxEvent]:
        """Store events, oldest first, and return those to apply: new, waiting, or overtaken.

        Overtaken is what Stripe's list shows, within one second, behind an event that came later.
        """

    def keep(self, raw: Json, *, wall_now: datetime) -> bool:
        """Store an event that waits to be applied; False where it is there already."""

    def waiting(self, *, until: datetime, arrived_by: datetime, limit: int) -> list[Json]:
        """Return kept events that nobody has applied yet, oldest first.

        *until* is about when they happened, *arrived_by* about when they were kept (wall time).
        """

    def of_lost_requests(self) -> dict[str, list[InboxEvent]]:
        """Return our idempotency keys -> their events, oldest first, where no attempt has an end.

        Either the ledger does not know the key, or it waits for an answer under it.
        """

    def park(self, event_id: str, *, error: str) -> None:
        """Put an event aside that cannot be applied; it is counted and shown."""

    def parked(self) -> int:
        """Return how many events are parked."""

    def unfolded(self, *, until: datetime, limit: int) -> list[InboxEvent]:
        """Return events not yet folded into facts, in order of (created, arrival)."""

    def looks(self, subscription_id: str, *, since: datetime) -> list[InboxEvent]:
        """Return the folded events that show a subscription, from *since* on, in their order."""

    def mark_folded(self, event_ids: Sequence[str], *, wall_now: datetime) -> None:
        """Remember that these events are in the facts."""


class MirrorBook(Protocol):
    """Narrow mirrors of Stripe's objects; the newer `seen_at` wins."""

    def put_invoices(self, rows: Sequence[tuple[InvoiceReading, datetime]]) -> None:
        """Upsert invoices in one statement, sorted by id; terminal states stay."""

    def put_subscriptions(self, rows: Sequence[tuple[SubscriptionReading, datetime]]) -> None:
        """Upsert subscriptions."""

    def put_customers(self, rows: Sequence[tuple[CustomerReading, datetime]]) -> None:
        """Upsert customers."""

    def put_payment_methods(
        self, rows: Sequence[tuple[PaymentMethodReading, datetime, bool]]
    ) -> None:
        """Upsert payment methods; the flag says that the card itself changed."""

    def known_customers(self, ids: Iterable[str]) -> set[str]:
        """Return those of *ids* that are customers in the mirror."""

    def known_invoices(self, ids: Iterable[str]) -> set[str]:
        """Return those of *ids* that are invoices in the mirror."""

    def put_dispute(
        self, *, dispute_id: str, charge_id: str, status: str, seen_at: datetime
    ) -> str:
        """Upsert one dispute and return the customer of its charge, as far as known.

        Where it is not, the charge is among what is `stale`.
        """

    def name_disputes(self, charge_id: str, *, customer_id: str) -> None:
        """Remember whose charge it is that is disputed."""

    def put_charge(
        self,
        charge: ChargeReading,
        *,
        customer_id: str,
        at: datetime,
        made_by: MadeBy | None,
        now: datetime,
        key: str = "",
        may_be_of: str = "",
    ) -> None:
        """Record that a charge was made, by whomever, once per charge.

        Args: made_by: None where only its event will tell, which sets the instant right too. now:
        business time at which this is learnt. key: our idempotency key that its event names, if
        any; one told before stays. may_be_of: the key of our attempt that it may be: it is not
        counted beside that one, and yet what it says of the card holds.
        """

    def mark_default_changed(self, customer_id: str, *, at: datetime) -> None:
        """Remember when a customer's default payment method was last changed."""

    def mark_mandate(self, payment_method_id: str, *, status: str) -> None:
        """Remember whether a bank debit may still be collected from a payment method."""

    def charge(self, charge_id: str) -> ChargeReading | None:
        """Return a charge as its event or a read told of it, or None while it is not known."""

    def mark_failed(self, invoice_id: str, *, at: datetime) -> None:
        """Remember the first failure of an invoice."""

    def failed_before(self, invoice_id: str) -> bool:
        """Return whether a payment of the invoice was ever seen failing."""

    def customer(self, customer_id: str) -> CustomerReading | None:
        """Return what is known of a customer, or None."""

    def payment_method(self, payment_method_id: str) -> PaymentMethodReading | None:
        """Return what is known of a payment method, or None."""

    def subscription(self, subscription_id: str) -> SubscriptionReading | None:
        """Return what is known of a subscription, or None."""

    def renewing(self, *, from_at: datetime, to_at: datetime) -> list[SubscriptionReading]:
        """Return live subscriptions whose period ends in [from_at, to_at), by id."""

    def trials_ending(self, *, from_at: datetime, to_at: datetime) -> list[SubscriptionReading]:
        """Return trials that end in [from_at, to_at), by id."""

    def cards_in_use(
        self, *, expiring_from: tuple[int, int], expiring_to: tuple[int, int]
    ) -> list[tuple[PaymentMethodReading, SubscriptionReading]]:
        """Return cards that live subscriptions use and that expire in the (year, month) range."""

    def stale(self, *, limit: int) -> list[tuple[str, str]]:
        """Return (kind, id) of what must be read again: `invoice`, `subscription`, `charge`."""

    def doubt_ended(self) -> int:
        """Ask for a fresh read of invoices whose closed case came out otherwise; return how many.

        Their events were lost, or came to nobody: the sweep reads them.
        """

    def settled(self, kind: str, object_id: str) -> None:
        """Remember that what was stale is certain again, or gone."""
