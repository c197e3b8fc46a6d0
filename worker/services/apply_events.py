"""Apply Stripe's events to the mirrors, open cases and wake them; decide nothing (D9).

No Stripe call and no SDK object per event. Whoever learns something only makes a case due.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, cast

from worker.domain.facts import Fact
from worker.domain.identifiers import KEY_PREFIX, case_name
from worker.domain.network_rules import MadeBy
from worker.domain.opening import opens_case
from worker.domain.policy import DunningRules, Policy
from worker.domain.policy_match import choose_policy, traits_of
from worker.domain.policy_text import digest_of
from worker.domain.readings import (
    ChargeReading,
    CouponReading,
    CustomerReading,
    DiscountReading,
    InvoiceReading,
    PaymentMethodReading,
    SubscriptionReading,
)
from worker.domain.tax_shares import TaxesShown
from worker.domain.timetable import OWNER_CONFIRMED_AFTER
from worker.ports import InboxEvent, Json, NewCase, ObjectReader, Tx
from worker.services.mirror_customer_discounts import SeenDiscounts

FAILURES = frozenset(("invoice.payment_failed", "invoice.payment_action_required"))
FRAUD_WARNING = "fraud_warning"
"""The status under which an early fraud warning is mirrored: neither an open nor a lost dispute."""
CARD_CHANGES = frozenset(("payment_method.automatically_updated",))
UPCOMING = "invoice.upcoming"
"""It shows a preview, which has no id and is mirrored nowhere."""
NAMED = ("charge.", "coupon.", "customer.", "invoice.", "payment_method.", "radar.")
"""Families of events whose objects are kept under their id, and read and paid by it."""
DISCOUNTS = "customer.discount."
"""Discounts had no id before 2020; what has none is not kept."""


@dataclass(frozen=True, slots=True)
class SeenCharge:
    """A charge that an event told of."""

    charge: ChargeReading
    customer_id: str
    at: datetime
    made_by: MadeBy
    key: str
    """The idempotency key of the request that made it; empty unless it is one of ours."""


@dataclass(slots=True)
class Batch:
    """What a batch of events says, gathered before anything is written."""

    invoices: list[tuple[InvoiceReading, datetime]] = field(default_factory=list)
    subscriptions: list[tuple[SubscriptionReading, datetime]] = field(default_factory=list)
    customers: list[tuple[CustomerReading, datetime]] = field(default_factory=list)
    methods: list[tuple[PaymentMethodReading, datetime, bool]] = field(default_factory=list)
    charges: list[SeenCharge] = field(default_factory=list)
    defaults_changed: dict[str, datetime] = field(default_factory=dict)
    mandates: dict[str, str] = field(default_factory=dict)
    disputes: list[tuple[str, str, str, datetime]] = field(default_factory=list)
    warnings: list[tuple[str, str, bool, datetime]] = field(default_factory=list)
    failures: dict[str, tuple[InvoiceReading, datetime]] = field(default_factory=dict)
    sent: dict[str, tuple[InvoiceReading, datetime]] = field(default_factory=dict)
    """Invoices to be paid by hand, as the newest event shows them."""
    wake_invoices: set[str] = field(default_factory=set)
    wake_subscriptions: set[str] = field(default_factory=set)
    wake_customers: set[str] = field(default_factory=set)
    discounts: list[DiscountReading] = field(default_factory=list)
    coupons: list[CouponReading] = field(default_factory=list)
    of_customers: SeenDiscounts = field(default_factory=SeenDiscounts)
    taxes: list[TaxesShown] = field(default_factory=list)
    disputing: set[str] = field(default_factory=set)
    our_keys: set[str] = field(default_factory=set)


@dataclass(frozen=True, slots=True)
class Applied:
    """What applying a batch came to."""

    opened: tuple[str, ...]
    woken: int
    before_go_live: int
    foreign_keys: tuple[str, ...]


def gather(events: Sequence[InboxEvent], reader: ObjectReader) -> Batch:
    """Read *events*, oldest first, into one batch. Raises whatever a malformed event causes."""
    batch = Batch()
    for event in events:
        _gather_one(event, batch, reader)
    return batch


def _gather_one(event: InboxEvent, batch: Batch, reader: ObjectReader) -> None:
    data = cast(Mapping[str, Any], event.payload["data"])
    raw = cast(Json, data["object"])
    before = cast(Mapping[str, Any], data.get("previous_attributes") or {})
    request = cast(Mapping[str, Any], event.payload.get("request") or {})
    key = str(request.get("idempotency_key") or "")
    ours = key.startswith(KEY_PREFIX)
    if ours:
        batch.our_keys.add(key)
    family = event.type.split(".")[0]
    _refuse_nameless(event.type, raw)
    _discount(event.type, raw, batch, reader)
    batch.of_customers.hear(event, raw, before, reader)
    if event.type.startswith("customer.subscription."):
        _subscription(event, raw, batch, reader, wake=not ours)
    elif family == "invoice" and event.type != UPCOMING:
        _invoice(event, raw, batch, reader, wake=not ours)
    elif event.type in {"customer.created", "customer.updated", "customer.deleted"}:
        _customer(event, raw, before, batch, reader)
    elif family == "payment_method":
        _payment_method(event, raw, before, batch, reader)
    elif event.type.startswith("charge.dispute."):
        batch.disputes.append(
            (str(raw["id"]), str(raw.get("charge") or ""), str(raw["status"]), event.created_at)
        )
    elif event.type.startswith("radar.early_fraud_warning."):
        actionable = bool(raw.get("actionable"))
        batch.warnings.append(
            (str(raw["id"]), str(raw.get("charge") or ""), actionable, event.created_at)
        )
    elif event.type in {"charge.succeeded", "charge.failed"}:
        charge, customer_id = reader.charge(raw), str(raw.get("customer") or "")
        made_by, own_key = _made_by(request, ours=ours), key if ours else ""
        batch.charges.append(SeenCharge(charge, customer_id, event.created_at, made_by, own_key))
    elif event.type == "mandate.updated":
        batch.mandates[str(raw.get("payment_method") or "")] = str(raw.get("status") or "")
    elif family in {"invoice_payment", "credit_note"} and not ours:
        batch.wake_invoices.add(str(raw.get("invoice") or ""))


def _refuse_nameless(kind: str, raw: Json) -> None:
    """Raise ValueError where the object has no id: nothing could ever be read or paid by it."""
    if not kind.startswith(NAMED) or kind.startswith((UPCOMING, DISCOUNTS)):
        return
    name = raw.get("id")
    if not isinstance(name, str) or not name.strip():
        raise ValueError(f"its {raw.get('object') or 'object'} has no id")


def _discount(kind: str, raw: Json, batch: Batch, reader: ObjectReader) -> None:
    """Keep what an event tells of a coupon, or of who got which."""
    if kind.startswith(DISCOUNTS):
        batch.discounts.append(reader.discount(raw))
    elif kind.startswith("coupon."):
        batch.coupons.append(reader.coupon(raw))


def _made_by(request: Mapping[str, Any], *, ours: bool) -> MadeBy:
    """Return who asked for a charge: an event without a request is Stripe's own doing."""
    if ours:
        return MadeBy.WORKER
    asked = request.get("id") or request.get("idempotency_key")
    return MadeBy.CUSTOMER if asked else MadeBy.STRIPE


def _invoice(
    event: InboxEvent, raw: Json, batch: Batch, reader: ObjectReader, *, wake: bool
) -> None:
    invoice = reader.invoice(raw, event.api_version)
    batch.invoices.append((invoice, event.created_at))
    taxes = reader.taxes(raw, event.api_version, seen_at=event.created_at)
    if taxes is not None:
        batch.taxes.append(taxes)
    if invoice.is_sent:
        batch.sent[invoice.id] = (invoice, event.created_at)
    elif event.type in FAILURES:
        batch.failures.setdefault(invoice.id, (invoice, event.created_at))
    if wake:
        batch.wake_invoices.add(invoice.id)


def _subscription(
    event: InboxEvent, raw: Json, batch: Batch, reader: ObjectReader, *, wake: bool
) -> None:
    subscription = reader.subscription(raw, event.api_version)
    batch.subscriptions.append((subscription, event.created_at))
    if wake:
        batch.wake_subscriptions.add(subscription.id)


def _customer(
    event: InboxEvent, raw: Json, before: Mapping[str, Any], batch: Batch, reader: ObjectReader
) -> None:
    customer = reader.customer(raw)
    if customer is not None:
        settings = before.get("invoice_settings") or {}
        if "default_payment_method" in settings or "default_source" in before:
            batch.defaults_changed[customer.id] = event.created_at
        batch.customers.append((customer, event.created_at))
        batch.wake_customers.add(customer.id)


def _payment_method(
    event: InboxEvent, raw: Json, before: Mapping[str, Any], batch: Batch, reader: ObjectReader
) -> None:
    method = reader.payment_method(raw)
    if method is None:
        return
    changed = event.type in CARD_CHANGES or "card" in before
    batch.methods.append((method, event.created_at, changed))
    if method.customer_id:
        batch.wake_customers.add(method.customer_id)


def apply_batch(
    tx: Tx,
    batch: Batch,
    *,
    rules: DunningRules,
    go_live_at: datetime,
    now: datetime,
    wall_now: datetime,
) -> Applied:
    """Write a batch: mirrors in lock order, then wake-ups, then new cases."""
    _write_mirrors(tx, batch, now)
    woken = tx.cases.wake(
        now=now,
        invoice_ids=batch.wake_invoices,
        subscription_ids=batch.wake_subscriptions,
        customer_ids=batch.wake_customers,
        disputing_ids=batch.disputing,
        case_ids=tx.attempts.cases_unanswered({seen.key for seen in batch.charges} - {""}),
    )
    opened, early = [], 0
    for invoice_id in sorted(batch.failures):
        invoice, failed_at = batch.failures[invoice_id]
        tx.mirror.mark_failed(invoice_id, at=failed_at)
        early += failed_at < go_live_at
        name = open_case(
            tx,
            invoice,
            failed_at=failed_at,
            rules=rules,
            go_live_at=go_live_at,
            now=now,
            wall_now=wall_now,
        )
        opened += [name] if name else []
    for invoice_id in sorted(batch.sent):
        invoice, seen_at = batch.sent[invoice_id]
        name = open_case(
            tx,
            invoice,
            failed_at=seen_at,
            rules=rules,
            go_live_at=go_live_at,
            now=now,
            wall_now=wall_now,
        )
        opened += [name] if name else []
    foreign = tx.attempts.unknown_keys(batch.our_keys)
    return Applied(tuple(opened), woken, early, tuple(foreign))


def _write_mirrors(tx: Tx, batch: Batch, now: datetime) -> None:
    """Write what Stripe's objects are like now; who a dispute is about is learnt on the way."""
    tx.mirror.put_customers(batch.customers)
    tx.mirror.put_invoices(batch.invoices)
    tx.mirror.put_payment_methods(batch.methods)
    tx.mirror.put_subscriptions(batch.subscriptions)
    tx.discounts.put_discounts([each for each in batch.discounts if each.id and each.coupon_id])
    tx.discounts.put_coupons(batch.coupons)
    batch.of_customers.put(tx)
    tx.taxes.put(batch.taxes)
    for customer_id in sorted(batch.defaults_changed):
        changed_at = min(batch.defaults_changed[customer_id], now)
        tx.mirror.mark_default_changed(customer_id, at=changed_at)
    for method_id in sorted(batch.mandates):
        tx.mirror.mark_mandate(method_id, status=batch.mandates[method_id])
    for seen in sorted(batch.charges, key=lambda each: each.charge.id):
        tx.mirror.put_charge(
            seen.charge,
            customer_id=seen.customer_id,
            # A debit's event comes with its outcome, days after the try.
            at=min(seen.charge.created_at, seen.at, now),
            made_by=seen.made_by,
            now=now,
            key=seen.key,
        )
    for dispute_id, charge_id, status, seen_at in batch.disputes:
        customer = tx.mirror.put_dispute(
            dispute_id=dispute_id, charge_id=charge_id, status=status, seen_at=seen_at
        )
        batch.disputing.add(customer)
    for warning_id, charge_id, actionable, seen_at in batch.warnings:
        # Kept beside the disputes, since it does not name its customer either.
        customer = tx.mirror.put_dispute(
            dispute_id=warning_id, charge_id=charge_id, status=FRAUD_WARNING, seen_at=seen_at
        )
        tx.holds.warned(warning_id, charge_id=charge_id, actionable=actionable, now=now)
        batch.wake_customers.add(customer)


def open_case(
    tx: Tx,
    invoice: InvoiceReading,
    *,
    failed_at: datetime,
    rules: DunningRules,
    go_live_at: datetime,
    now: datetime,
    wall_now: datetime,
) -> str:
    """Open a case for a failed or a sent invoice, with its fact; empty where it opens none.

    The policy that serves it now serves it to the end, whatever is configured later.
    Args: failed_at: when it failed; for a sent invoice, when it was seen to be open.
    """
    failed_at = min(failed_at, now)
    if not opens_case(invoice, failed_at=failed_at, go_live_at=go_live_at):
        return ""
    policy = _policy_for(tx, invoice, rules, now)
    if policy is None:
        return ""
    policy_digest = digest_of(policy)
    if invoice.is_sent:
        # By its age, however late it was seen: the oldest of a subscription leads.
        new = NewCase(invoice, min(invoice.created_at, now), policy_digest, now, invoice.due_at)
    else:
        first_look_at = max(now, failed_at + OWNER_CONFIRMED_AFTER + timedelta(seconds=1))
        new = NewCase(invoice, failed_at, policy_digest, first_look_at)
    case_id = tx.cases.open(new, now=now)
    if case_id is None:
        return ""
    name = case_name(case_id)
    fact = Fact(
        "case.opened",
        name,
        failed_at,
        "opened",
        {
            "case": name,
            "customer_id": invoice.customer_id,
            "subscription_id": invoice.subscription_id,
            "invoice_id": invoice.id,
            "billing_reason": invoice.billing_reason,
            "state": "open",
            "policy_digest": policy_digest,
            "amount_minor": invoice.amount_remaining_minor,
            "currency": invoice.currency,
        }
        | ({"due_at": new.due_at.isoformat()} if new.due_at is not None else {}),
    )
    tx.facts.append([fact], wall_now=wall_now)
    return name


def _policy_for(
    tx: Tx, invoice: InvoiceReading, rules: DunningRules, now: datetime
) -> Policy | None:
    """Return the first policy that serves the invoice, by what the mirrors know of its customer."""
    if len(rules.policies) == 1 and not invoice.is_sent:
        return rules.policies[0]
    traits = traits_of(
        invoice,
        subscription=tx.mirror.subscription(invoice.subscription_id),
        customer=tx.mirror.customer(invoice.customer_id),
        now=now,
    )
    return choose_policy(rules, traits)
