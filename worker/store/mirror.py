"""Mirrors of Stripe's objects: batched, sorted upserts in which the newer state wins."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import (
    Connection,
    String,
    Table,
    and_,
    any_,
    func,
    literal,
    or_,
    select,
    update,
)
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.dialects.postgresql import insert as upsert

from worker.domain.network_rules import MadeBy
from worker.domain.readings import (
    ChargeReading,
    CustomerReading,
    InvoiceReading,
    PaymentMethodReading,
    SubscriptionReading,
)
from worker.store.forgotten import forgotten_among
from worker.store.mirror_calendar import cards_in_use, renewing, trials_ending
from worker.store.mirror_charges import Told, find_charge, put_charge
from worker.store.mirror_tables import (
    customers,
    disputes,
    invoices,
    payment_methods,
    subscriptions,
)
from worker.store.priced_items import priced_of
from worker.store.rows import (
    customer_of,
    payment_method_of,
    subscription_of,
)
from worker.store.stale_objects import doubt_ended, settle_stale, stale_objects
from worker.store.tables import network_attempts

READ_AGAIN = (invoices, subscriptions)
"""Mirrors whose rows are read again where two events of one second differ."""

TERMINAL = ("paid", "void")
"""Statuses of an invoice that Stripe never takes back; what says otherwise is older."""


class Mirror:
    """The mirrors of one account, within one transaction."""

    def __init__(self, connection: Connection, account_id: str) -> None:
        """Work on *connection*, for *account_id*."""
        self._connection = connection
        self._account = account_id

    def _put(self, table: Table, rows: Sequence[dict[str, Any]]) -> None:
        """Upsert *rows*, sorted by id so that two writers cannot deadlock.

        The newer `seen_at` wins, but a terminal invoice stays so. At a tie the later writer wins,
        and where the two differ an invoice or subscription is marked stale, to be read again
        outside of ingest.
        """
        newest: dict[str, dict[str, Any]] = {}
        for row in rows:
            known = newest.get(row["id"])
            if known is None or _outranks(table, row, known):
                newest[row["id"]] = row
        if not newest:
            return
        values = [{"account_id": self._account, **newest[key]} for key in sorted(newest)]
        statement = upsert(table)
        new = statement.excluded
        changed: dict[str, Any] = {
            name: new[name] for name in values[0] if name not in {"account_id", "id"}
        }
        if table in READ_AGAIN:
            differs = or_(*(table.c[name].is_distinct_from(new[name]) for name in changed))
            changed["stale"] = and_(table.c.seen_at == new.seen_at, or_(table.c.stale, differs))
        wins = table.c.seen_at <= new.seen_at
        if table is invoices:
            was, ends = (or_(*(c == one for one in TERMINAL)) for c in (table.c.status, new.status))
            wins = or_(and_(ends, ~was), and_(wins, or_(ends, ~was)))
        statement = statement.on_conflict_do_update(
            index_elements=["account_id", "id"], set_=changed, where=wins
        )
        self._connection.execute(statement, values)

    def put_invoices(self, rows: Sequence[tuple[InvoiceReading, datetime]]) -> None:
        """Upsert invoices."""
        self._put(
            invoices,
            [
                {
                    "id": invoice.id,
                    "customer_id": invoice.customer_id,
                    "subscription_id": invoice.subscription_id,
                    "number": invoice.number,
                    "status": invoice.status,
                    "billing_reason": invoice.billing_reason,
                    "collection_method": invoice.collection_method,
                    "currency": invoice.currency,
                    "amount_due_minor": invoice.amount_due_minor,
                    "amount_paid_minor": invoice.amount_paid_minor,
                    "amount_remaining_minor": invoice.amount_remaining_minor,
                    "attempted": invoice.attempted,
                    "created_at": invoice.created_at,
                    "next_payment_attempt_at": invoice.next_payment_attempt_at,
                    "seen_at": seen_at,
                }
                for invoice, seen_at in rows
            ],
        )

    def put_subscriptions(self, rows: Sequence[tuple[SubscriptionReading, datetime]]) -> None:
        """Upsert subscriptions; those of people who are forgotten without their metadata."""
        gone = self._forgotten(found.customer_id for found, _ in rows)
        self._put(
            subscriptions,
            [
                {
                    "id": found.id,
                    "customer_id": found.customer_id,
                    "status": found.status,
                    "currency": found.currency,
                    "interval": found.items[0].interval if found.items else "",
                    "interval_count": found.items[0].interval_count if found.items else 1,
                    "amount_minor": sum(
                        item.unit_amount_minor * item.quantity
                        for item in found.items
                        if not item.metered
                    ),
                    "period_end_at": found.period_end_at,
                    "trial_start_at": found.trial_start_at,
                    "trial_end_at": found.trial_end_at,
                    "cancel_at": found.cancel_at,
                    "cancel_at_period_end": found.cancel_at_period_end,
                    "collection_paused": found.collection_paused,
                    "collection_method": found.collection_method,
                    "default_payment_method_id": found.default_payment_method_id,
                    "product_id": found.items[0].product_id if found.items else "",
                    "price_ids": [item.price_id for item in found.items if item.price_id],
                    "product_ids": [item.product_id for item in found.items if item.product_id],
                    "metadata": {} if found.customer_id in gone else dict(found.metadata),
                    "priced": priced_of(found),
                    "discount_ids": [each.id for each in found.discounts],
                    "seen_at": seen_at,
                }
                for found, seen_at in rows
            ],
        )

    def put_customers(self, rows: Sequence[tuple[CustomerReading, datetime]]) -> None:
        """Upsert customers; a deletion blanks what it no longer says, and so does forgetting."""
        gone = self._forgotten(customer.id for customer, _ in rows)
        self._put(
            customers,
            [
                {
                    "id": customer.id,
                    "email": "" if customer.id in gone else customer.email,
                    "name": "" if customer.id in gone else customer.name,
                    "country": customer.country,
                    "locales": list(customer.locales),
                    "default_payment_method_id": customer.default_payment_method_id,
                    "deleted": customer.deleted,
                    "created_at": customer.created_at,
                    "metadata": {} if customer.id in gone else dict(customer.metadata),
                    "seen_at": seen_at,
                }
                for customer, seen_at in rows
            ],
        )

    def _forgotten(self, ids: Iterable[str]) -> set[str]:
        return forgotten_among(self._connection, self._account, set(ids))

    def put_payment_methods(
        self, rows: Sequence[tuple[PaymentMethodReading, datetime, bool]]
    ) -> None:
        """Upsert payment methods; the flag says that the card itself changed."""
        self._put(
            payment_methods,
            [
                {
                    "id": method.id,
                    "customer_id": method.customer_id,
                    "type": method.type,
                    "brand": method.brand,
                    "last4": method.last4,
                    "exp_month": method.exp_month,
                    "exp_year": method.exp_year,
                    "fingerprint": method.fingerprint,
                    "country": method.country,
                    "created_at": method.created_at,
                    "seen_at": seen_at,
                }
                for method, seen_at, _ in rows
            ],
        )
        for method, seen_at, changed in rows:
            if changed:
                self._connection.execute(
                    update(payment_methods)
                    .where(
                        payment_methods.c.account_id == self._account,
                        payment_methods.c.id == method.id,
                    )
                    .values(changed_at=func.greatest(payment_methods.c.changed_at, seen_at))
                )

    def known_customers(self, ids: Iterable[str]) -> set[str]:
        """Return those of *ids* that are customers in the mirror."""
        return self._known(customers, ids)

    def known_invoices(self, ids: Iterable[str]) -> set[str]:
        """Return those of *ids* that are invoices in the mirror."""
        return self._known(invoices, ids)

    def _known(self, table: Table, ids: Iterable[str]) -> set[str]:
        wanted = sorted(set(ids) - {""})
        if not wanted:
            return set()
        query = select(table.c.id).where(
            table.c.account_id == self._account, table.c.id == any_(literal(wanted, ARRAY(String)))
        )
        return set(self._connection.execute(query).scalars())

    def mark_default_changed(self, customer_id: str, *, at: datetime) -> None:
        """Remember when a customer's default payment method was last changed."""
        self._connection.execute(
            update(customers)
            .where(customers.c.account_id == self._account, customers.c.id == customer_id)
            .values(default_changed_at=func.greatest(customers.c.default_changed_at, at))
        )

    def mark_mandate(self, payment_method_id: str, *, status: str) -> None:
        """Remember whether a bank debit may still be collected from a payment method."""
        self._connection.execute(
            update(payment_methods)
            .where(
                payment_methods.c.account_id == self._account,
                payment_methods.c.id == payment_method_id,
            )
            .values(mandate_status=status)
        )

    def put_dispute(
        self, *, dispute_id: str, charge_id: str, status: str, seen_at: datetime
    ) -> str:
        """Upsert one dispute and return the customer of its charge, as far as known.

        A dispute does not name its customer. One on a charge that no event told of, since it is
        older than the ledger, is marked stale until that charge is read.
        """
        customer_id = self._connection.execute(
            select(network_attempts.c.customer_id).where(
                network_attempts.c.account_id == self._account,
                network_attempts.c.charge_id == charge_id,
            )
        ).scalar_one_or_none()
        row = {
            "id": dispute_id,
            "charge_id": charge_id,
            "customer_id": customer_id or "",
            "status": status,
            "seen_at": seen_at,
            "stale": customer_id is None and charge_id != "",
        }
        self._put(disputes, [row])
        return customer_id or ""

    def name_disputes(self, charge_id: str, *, customer_id: str) -> None:
        """Remember whose charge it is that is disputed."""
        self._connection.execute(
            update(disputes)
            .where(disputes.c.account_id == self._account, disputes.c.charge_id == charge_id)
            .values(customer_id=customer_id, stale=False)
        )

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
        """Record that a charge was made, by whomever, once per charge; its status may change."""
        told = Told(customer_id, at, made_by, key, may_be_of)
        put_charge(self._connection, self._account, charge, told, now=now)

    def charge(self, charge_id: str) -> ChargeReading | None:
        """Return a charge as its event or a read told of it."""
        return find_charge(self._connection, self._account, charge_id)

    def mark_failed(self, invoice_id: str, *, at: datetime) -> None:
        """Remember the first failure of an invoice."""
        self._connection.execute(
            update(invoices)
            .where(invoices.c.account_id == self._account, invoices.c.id == invoice_id)
            .values(failed_at=func.least(invoices.c.failed_at, at))
        )

    def failed_before(self, invoice_id: str) -> bool:
        """Return whether a payment of the invoice was ever seen failing."""
        row = self._one(invoices, invoice_id)
        return row is not None and row["failed_at"] is not None

    def customer(self, customer_id: str) -> CustomerReading | None:
        """Return what is known of a customer, with the default payment method."""
        row = self._one(customers, customer_id)
        if row is None:
            return None
        return customer_of(row, self.payment_method(row["default_payment_method_id"]))

    def payment_method(self, payment_method_id: str) -> PaymentMethodReading | None:
        """Return what is known of a payment method, or None."""
        row = self._one(payment_methods, payment_method_id)
        return payment_method_of(row) if row is not None else None

    def subscription(self, subscription_id: str) -> SubscriptionReading | None:
        """Return what is known of a subscription, with its own payment method."""
        row = self._one(subscriptions, subscription_id)
        if row is None:
            return None
        return subscription_of(row, self.payment_method(row["default_payment_method_id"]))

    def _one(self, table: Table, object_id: str) -> Any:
        if not object_id:
            return None
        query = select(table).where(table.c.account_id == self._account, table.c.id == object_id)
        return self._connection.execute(query).mappings().one_or_none()

    def renewing(self, *, from_at: datetime, to_at: datetime) -> list[SubscriptionReading]:
        """Return active subscriptions whose period ends in [from_at, to_at), by id."""
        return renewing(self._connection, self._account, from_at, to_at)

    def trials_ending(self, *, from_at: datetime, to_at: datetime) -> list[SubscriptionReading]:
        """Return trials that end in [from_at, to_at), by id."""
        return trials_ending(self._connection, self._account, from_at, to_at)

    def cards_in_use(
        self, *, expiring_from: tuple[int, int], expiring_to: tuple[int, int]
    ) -> list[tuple[PaymentMethodReading, SubscriptionReading]]:
        """Return cards that live subscriptions use, expiring in the (year, month) range."""
        return cards_in_use(self._connection, self._account, expiring_from, expiring_to)

    def stale(self, *, limit: int) -> list[tuple[str, str]]:
        """Return (kind, id) of what must be read again: `invoice`, `subscription`, `charge`."""
        return stale_objects(self._connection, self._account, limit=limit)

    def doubt_ended(self) -> int:
        """Ask for a fresh read of invoices whose closed case came out otherwise."""
        return doubt_ended(self._connection, self._account)

    def settled(self, kind: str, object_id: str) -> None:
        """Remember that what was stale is certain again, or gone."""
        settle_stale(self._connection, self._account, kind, object_id)


def _outranks(table: Table, row: dict[str, Any], known: dict[str, Any]) -> bool:
    """Return whether *row* says later, or more final, things of an object than *known*."""
    if table is invoices and (row["status"] in TERMINAL) != (known["status"] in TERMINAL):
        return row["status"] in TERMINAL
    return bool(known["seen_at"] <= row["seen_at"])
