"""What a subscription's change means for recurring revenue: the facts of its life, folded.

`told` is what the facts have said so far; each event may add to it. Source: domain.md 5.2 (MRR of
`active` and `past_due`; `canceled` and `unpaid` leave).
"""

from dataclasses import dataclass
from datetime import datetime

from worker.domain.facts import Fact
from worker.domain.mrr import monthly_minor
from worker.domain.policy import DeclineClass
from worker.domain.readings import InvoiceReading, SubscriptionReading

COUNTED = frozenset(("active", "past_due"))
GONE = frozenset(("canceled", "unpaid", "incomplete_expired"))
INVOLUNTARY_REASONS = frozenset(("payment_failed", "payment_disputed"))


@dataclass(frozen=True, slots=True)
class Told:
    """What the facts have told of a subscription: `""`, `started`, `paused` or `churned`."""

    state: str = ""
    mrr_minor: int = 0


@dataclass(frozen=True, slots=True)
class Context:
    """What our ledger knows about the subscription's end."""

    ended_by_class: str = ""
    """Decline class of a case of ours that cancelled it; empty where we did not."""
    in_dunning: bool = False
    held_by_us: bool = False
    """Its new invoices are held back by an ending of ours."""


def fold_subscription(
    told: Told,
    subscription: SubscriptionReading,
    *,
    at: datetime,
    occasion: str,
    context: Context,
) -> tuple[Told, list[Fact]]:
    """Return what is told after this state of the subscription, and the facts that tell it."""
    mrr = monthly_minor(subscription.items) if subscription.status in COUNTED else 0
    paused = subscription.collection_paused or subscription.status == "paused"
    if subscription.status in GONE:
        if told.state in {"", "churned"}:
            return told, []
        data = _churn(subscription, context)
        fact = _fact("subscription.churned", subscription, at, occasion, 0, -told.mrr_minor, data)
        return Told("churned", 0), [fact]
    if paused and told.state == "started":
        for_payment = subscription.status == "paused" or context.held_by_us
        data = {"by": "payment" if for_payment else "staff"}
        fact = _fact("subscription.paused", subscription, at, occasion, told.mrr_minor, 0, data)
        return Told("paused", told.mrr_minor), [fact]
    if subscription.status not in COUNTED:
        return told, []
    if told.state == "paused" and not paused:
        fact = _fact("subscription.resumed", subscription, at, occasion, mrr, 0, {})
        return _revalued(Told("started", told.mrr_minor), subscription, at, occasion, mrr, [fact])
    if told.state in {"", "churned"}:
        kind = "subscription.started" if not told.state else "subscription.reactivated"
        return Told("started", mrr), [_fact(kind, subscription, at, occasion, mrr, mrr, {})]
    return _revalued(told, subscription, at, occasion, mrr, [])


def _revalued(
    told: Told,
    subscription: SubscriptionReading,
    at: datetime,
    occasion: str,
    mrr: int,
    facts: list[Fact],
) -> tuple[Told, list[Fact]]:
    delta = mrr - told.mrr_minor
    if delta == 0:
        return told, facts
    kind = "subscription.expanded" if delta > 0 else "subscription.contracted"
    return Told(told.state, mrr), [*facts, _fact(kind, subscription, at, occasion, mrr, delta, {})]


def _churn(subscription: SubscriptionReading, context: Context) -> dict[str, object]:
    reason = subscription.cancellation_reason or subscription.status
    if context.ended_by_class:
        withdrawn = context.ended_by_class == DeclineClass.CONSENT_WITHDRAWN.value
        kind, reason = ("voluntary" if withdrawn else "involuntary"), "payment_failed"
    else:
        failed = reason in INVOLUNTARY_REASONS or subscription.status == "unpaid"
        kind = "involuntary" if failed else "voluntary"
    return {"kind": kind, "reason": reason, "during_dunning": context.in_dunning}


def _fact(
    kind: str,
    subscription: SubscriptionReading,
    at: datetime,
    occasion: str,
    mrr: int,
    delta: int,
    data: dict[str, object],
) -> Fact:
    interval = subscription.items[0].interval if subscription.items else ""
    known = {
        "customer_id": subscription.customer_id,
        "subscription_id": subscription.id,
        "mrr_minor": mrr,
        "mrr_delta_minor": delta,
        "currency": subscription.currency,
        "interval": interval,
    }
    return Fact(kind, subscription.id, at, occasion, known | data)


def renewed_fact(
    invoice: InvoiceReading, told: Told, *, interval: str, failed_before: bool, at: datetime
) -> Fact:
    """Return `subscription.renewed` for a paid invoice of a new period."""
    data = {
        "customer_id": invoice.customer_id,
        "subscription_id": invoice.subscription_id,
        "invoice_id": invoice.id,
        "mrr_minor": told.mrr_minor,
        "mrr_delta_minor": 0,
        "currency": invoice.currency,
        "interval": interval,
        "amount_minor": invoice.amount_paid_minor,
        "period_start": invoice.period_start_at.isoformat() if invoice.period_start_at else "",
        "period_end": invoice.period_end_at.isoformat() if invoice.period_end_at else "",
        "on_time": not failed_before,
    }
    return Fact("subscription.renewed", invoice.subscription_id, at, invoice.id, data)
