"""What the ledger saw Stripe do by itself: plan retries, try again, cancel. Read only."""

from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Connection, Select, and_, exists, func, select
from sqlalchemy.dialects.postgresql import aggregate_order_by

from worker.domain.confirmations import Sighting, StripeHabits
from worker.domain.network_rules import MadeBy
from worker.domain.policy import RetriesBy
from worker.store.config_tables import policies
from worker.store.tables import cases, inbox, network_attempts

ENDED = "customer.subscription.deleted"
BY_STRIPE = "payment_failed"
"""`cancellation_details.reason` of a subscription that Stripe ended after a failure; what we end
ourselves says `cancellation_requested` (domain.md 1.2)."""


def stripe_habits(connection: Connection, account_id: str, *, since: datetime) -> StripeHabits:
    """Return what Stripe was seen doing since *since*, business time."""
    return StripeHabits(
        scheduled=_sighting(connection, _scheduled(account_id, since)),
        retried=_sighting(connection, _retried(account_id, since)),
        cancelled=_sighting(connection, _cancelled(account_id, since)),
    )


def _sighting(connection: Connection, query: Select[Any]) -> Sighting:
    row = connection.execute(query).one()
    return Sighting(row.seen, row.last_at, row.example or "")


def _seen(at: ColumnElement[Any], name: ColumnElement[Any]) -> Select[Any]:
    """Return a query for how many there are, the last instant and the name of the last."""
    newest = func.array_agg(aggregate_order_by(name, at.desc()))[1]
    return select(
        func.count().label("seen"), func.max(at).label("last_at"), newest.label("example")
    )


def _scheduled(account_id: str, since: datetime) -> Select[Any]:
    """A case belongs to Stripe from the moment that `next_payment_attempt` was seen on it."""
    kept = and_(
        policies.c.account_id == cases.c.account_id, policies.c.digest == cases.c.policy_digest
    )
    return (
        _seen(cases.c.failed_at, cases.c.invoice_id)
        .select_from(cases.join(policies, kept))
        .where(
            cases.c.account_id == account_id,
            cases.c.failed_at >= since,
            cases.c.owner == RetriesBy.STRIPE.value,
            policies.c.text["retries_by"].astext == RetriesBy.WORKER.value,
        )
    )


def _retried(account_id: str, since: datetime) -> Select[Any]:
    earlier = network_attempts.alias("earlier")
    return _seen(network_attempts.c.at, network_attempts.c.charge_id).where(
        network_attempts.c.account_id == account_id,
        network_attempts.c.at >= since,
        network_attempts.c.made_by == MadeBy.STRIPE.value,
        network_attempts.c.payment_intent_id != "",
        exists().where(
            earlier.c.account_id == network_attempts.c.account_id,
            earlier.c.payment_intent_id == network_attempts.c.payment_intent_id,
            earlier.c.at < network_attempts.c.at,
        ),
    )


def _cancelled(account_id: str, since: datetime) -> Select[Any]:
    told = inbox.c.payload["data"]["object"]["cancellation_details"]["reason"].astext
    return _seen(inbox.c.created_at, inbox.c.object_id).where(
        inbox.c.account_id == account_id,
        inbox.c.type == ENDED,
        inbox.c.created_at >= since,
        told == BY_STRIPE,
    )
