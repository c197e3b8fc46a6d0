"""Fold Stripe's events into facts about subscriptions, in order, behind a watermark.

Events are folded in order of (created, arrival) once the feed is ten minutes past them. What
arrives behind the watermark is told as corrections, booked at the watermark, so that a period that
was closed never changes.
"""

from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any, cast

from worker.domain.facts import Fact
from worker.domain.metrics_rules import MetricsRules
from worker.ports import Clock, InboxEvent, Json, Ledger, ObjectReader
from worker.services.read_feed import CURSOR
from worker.services.tell_subscription import INSTANT, Storyteller

WATERMARK = timedelta(minutes=10)
BATCH = 500
FOLDED = "facts"
"""The cursor behind which all is told: facts of earlier times are corrections."""


def fold_facts(
    *,
    ledger: Ledger,
    reader: ObjectReader,
    clock: Clock,
    rules: MetricsRules,
    watermark: timedelta = WATERMARK,
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
            until = cursor - watermark
            found = tx.inbox.unfolded(until=until, limit=BATCH)
            whole = len(found) < BATCH
            teller = Storyteller(tx, reader, rules, tx.control.cursor(FOLDED))
            learnt, taxes = tx.customer_discounts.changed(), tx.taxes.changed()
            teller.reconsider(learnt, taxes)
            facts = _facts(teller, found, reader)
            # More events of the last second may be in the next batch.
            folded_until = until if whole else found[-1].created_at - INSTANT
            facts += teller.finish(folded_until)
            teller.keep()
            written += tx.facts.append(facts, wall_now=clock.wall_now())
            if found:
                tx.inbox.mark_folded([e.event_id for e in found], wall_now=clock.wall_now())
            tx.customer_discounts.told(learnt)
            tx.taxes.told(taxes)
            tx.control.set_cursor(FOLDED, folded_until)
        if whole:
            return written


def _facts(teller: Storyteller, found: Sequence[InboxEvent], reader: ObjectReader) -> list[Fact]:
    facts: list[Fact] = []
    for event in found:
        if event.type.startswith("customer.subscription."):
            facts += teller.see(event)
        elif event.type == "invoice.paid":
            facts += teller.renew(event)
        elif event.type == "payment_method.automatically_updated":
            facts += _updated_method(event, reader)
    return facts


def _updated_method(event: InboxEvent, reader: ObjectReader) -> list[Fact]:
    raw = cast(Json, cast(Mapping[str, Any], event.payload["data"])["object"])
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
