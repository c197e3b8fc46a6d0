"""Fold Stripe's events into facts about subscriptions, in order, behind a watermark.

Events are folded in order of (created, arrival) once the feed is ten minutes past them; what
arrives behind the watermark is folded when it comes, and its fact carries its own time.
"""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any, cast

from worker.domain.engine_situation import SUBSCRIPTION_OVER
from worker.domain.facts import Fact
from worker.domain.readings import InvoiceReading, SubscriptionReading
from worker.domain.subscription_story import GONE, Context, Told, fold_subscription, renewed_fact
from worker.ports import Clock, InboxEvent, Json, Ledger, ObjectReader, Tx
from worker.services.change_access import access_of_the_gone, access_of_the_resumed
from worker.services.read_feed import CURSOR

WATERMARK = timedelta(minutes=10)
BATCH = 500


def fold_facts(
    *, ledger: Ledger, reader: ObjectReader, clock: Clock, watermark: timedelta = WATERMARK
) -> int:
    """Fold everything behind the watermark and return how many facts were written.

    What a subscription was told to be goes from event to event, so two never fold at once.
    Args: watermark: how far behind the feed an event must be.
    """
    written = 0
    while True:
        with ledger.begin() as tx:
            tx.facts.fold_alone()
            cursor = tx.control.cursor(CURSOR)
            if cursor is None:
                return written
            found = tx.inbox.unfolded(until=cursor - watermark, limit=BATCH)
            facts = [fact for event in found for fact in _fold(tx, event, reader)]
            written += tx.facts.append(facts, wall_now=clock.wall_now())
            if found:
                tx.inbox.mark_folded([e.event_id for e in found], wall_now=clock.wall_now())
        if len(found) < BATCH:
            return written


def _fold(tx: Tx, event: InboxEvent, reader: ObjectReader) -> list[Fact]:
    data = cast(Mapping[str, Any], event.payload["data"])
    raw = cast(Json, data["object"])
    if event.type.startswith("customer.subscription."):
        subscription = reader.subscription(raw, event.api_version)
        return tell_subscription(tx, subscription, at=event.created_at, occasion=event.event_id)
    if event.type == "invoice.paid":
        invoice = reader.invoice(raw, event.api_version)
        return _renewal(tx, invoice, event.created_at)
    if event.type == "payment_method.automatically_updated":
        return _updated_method(raw, event, reader)
    return []


def tell_subscription(
    tx: Tx, subscription: SubscriptionReading, *, at: datetime, occasion: str
) -> list[Fact]:
    """Remember what is told of a subscription in this state, and return the facts that tell it."""
    state, mrr_minor = tx.facts.fact_state(subscription.id)
    context = Context()
    if subscription.status in GONE:
        context = Context(
            ended_by_class=tx.facts.ending_of(subscription.id),
            in_dunning=tx.facts.in_dunning(subscription.id, at=at),
        )
    elif subscription.collection_paused:
        context = Context(held_by_us=tx.facts.held_by_us(subscription.id, at=at))
    told, facts = fold_subscription(
        Told(state, mrr_minor),
        subscription,
        at=at,
        occasion=occasion,
        context=context,
    )
    if (told.state, told.mrr_minor) != (state, mrr_minor):
        tx.facts.set_fact_state(subscription.id, told.state, told.mrr_minor)
    if subscription.status in SUBSCRIPTION_OVER:
        facts = [*facts, *access_of_the_gone(tx, subscription, at=at)]
    elif any(fact.type == "subscription.resumed" for fact in facts):
        facts = [*facts, *access_of_the_resumed(tx, subscription, at=at)]
    return facts


def _renewal(tx: Tx, invoice: InvoiceReading, at: datetime) -> list[Fact]:
    if invoice.billing_reason != "subscription_cycle" or not invoice.subscription_id:
        return []
    state, mrr_minor = tx.facts.fact_state(invoice.subscription_id)
    subscription = tx.mirror.subscription(invoice.subscription_id)
    interval = subscription.items[0].interval if subscription and subscription.items else ""
    failed_before = tx.mirror.failed_before(invoice.id)
    told = Told(state, mrr_minor)
    return [renewed_fact(invoice, told, interval=interval, failed_before=failed_before, at=at)]


def _updated_method(raw: Json, event: InboxEvent, reader: ObjectReader) -> list[Fact]:
    method = reader.payment_method(raw)
    if method is None:
        return []
    data = {
        "customer_id": method.customer_id,
        "payment_method_id": method.id,
        "brand": method.brand,
        "exp_month": method.exp_month,
        "exp_year": method.exp_year,
    }
    return [Fact("payment_method.updated", method.id, event.created_at, event.event_id, data)]
