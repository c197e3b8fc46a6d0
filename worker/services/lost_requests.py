"""Read from the events under one idempotency key of ours what its request came to."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, cast

from worker.domain.case import AttemptKind, AttemptState
from worker.domain.identifiers import parse_idempotency_key
from worker.domain.lost_attempts import LostAttempt
from worker.ports import InboxEvent, Json, ObjectReader

_CHARGE_STATES = {
    "succeeded": AttemptState.SUCCEEDED,
    "failed": AttemptState.DECLINED,
    "pending": AttemptState.PROCESSING,
}
_INVOICE_EVENTS: dict[str, tuple[AttemptKind, AttemptState]] = {
    "invoice.paid": (AttemptKind.CHARGE, AttemptState.SUCCEEDED),
    "invoice.payment_succeeded": (AttemptKind.CHARGE, AttemptState.SUCCEEDED),
    "invoice.payment_failed": (AttemptKind.CHARGE, AttemptState.DECLINED),
    "invoice.payment_action_required": (AttemptKind.CHARGE, AttemptState.DECLINED),
    "invoice.marked_uncollectible": (AttemptKind.UNCOLLECTIBLE, AttemptState.SUCCEEDED),
    "invoice.voided": (AttemptKind.VOID, AttemptState.SUCCEEDED),
}
_CHANGED_BY = {
    "pause_collection": AttemptKind.HOLD_INVOICES,
    "cancel_at_period_end": AttemptKind.CANCEL_AT_PERIOD_END,
    "discounts": AttemptKind.COUPON,
    "items": AttemptKind.DOWNGRADE,
}
"""Attribute of a subscription -> the request of ours that changes it."""


def lost_attempt(
    key: str, events: Sequence[InboxEvent], reader: ObjectReader
) -> LostAttempt | None:
    """Return the attempt behind *key*, or None where its events do not tell which it was.

    Args: events: those under the key, oldest first. What the charge itself says outranks what is
    said of its invoice. Cancelling has no key, so no event tells of it.
    """
    named = parse_idempotency_key(key)
    if named is None or not events:
        return None
    found: LostAttempt | None = None
    for event in events:
        kind, state = _request_of(event)
        if kind is None or state is None:
            continue
        at = min(each.created_at for each in events)
        told = found or LostAttempt(key, named[0], named[1], kind, state, at)
        found = _with_money(replace(told, state=_later(told.state, state)), event, reader)
    return found


def _later(known: AttemptState, told: AttemptState) -> AttemptState:
    """Return what holds of two: money that moved is never taken back by another event."""
    return known if known is AttemptState.SUCCEEDED else told


def _request_of(event: InboxEvent) -> tuple[AttemptKind | None, AttemptState | None]:
    data = cast(Mapping[str, Any], event.payload["data"])
    raw = cast(Mapping[str, Any], data["object"])
    if event.type in _INVOICE_EVENTS:
        return _INVOICE_EVENTS[event.type]
    if event.type in {"charge.succeeded", "charge.failed", "charge.pending"}:
        return AttemptKind.CHARGE, _CHARGE_STATES.get(str(raw.get("status")))
    if event.type == "customer.subscription.paused":
        return AttemptKind.PAUSE, AttemptState.SUCCEEDED
    if event.type == "customer.subscription.updated":
        before = cast(Mapping[str, Any], data.get("previous_attributes") or {})
        kinds = [kind for name, kind in _CHANGED_BY.items() if name in before]
        return (kinds[0], AttemptState.SUCCEEDED) if kinds else (None, None)
    return None, None


def _with_money(told: LostAttempt, event: InboxEvent, reader: ObjectReader) -> LostAttempt:
    """Return *told* with what an event says of the amount and the charge."""
    raw = cast(Json, cast(Mapping[str, Any], event.payload["data"])["object"])
    if event.type.startswith("charge."):
        charge = reader.charge(raw)
        return replace(
            told,
            amount_minor=charge.amount_minor,
            currency=charge.currency,
            payment_method_id=charge.payment_method_id,
            charge_id=charge.id,
            signals=charge.signals,
            brand=charge.brand,
            payment_method_type=charge.payment_method_type,
        )
    if event.type.startswith("invoice.") and not told.currency:
        invoice = reader.invoice(raw, event.api_version)
        return replace(told, amount_minor=invoice.amount_due_minor, currency=invoice.currency)
    return told
