"""Rows to values and back: the only place that knows both shapes."""

from collections.abc import Mapping
from dataclasses import asdict, replace
from datetime import datetime
from typing import Any

from sqlalchemy import RowMapping

from worker.domain.case import (
    Attempt,
    AttemptKind,
    AttemptState,
    Case,
    CaseLetter,
    CaseState,
    Failure,
    LetterState,
    Outcome,
    StepRecord,
)
from worker.domain.policy import DeclineClass, RetriesBy
from worker.domain.readings import (
    ChargeReading,
    CustomerReading,
    DeclineSignals,
    PaymentMethodReading,
    PriceReading,
    SubscriptionReading,
)

Row = RowMapping | Mapping[str, Any]
"""A row, or the columns of one table taken from a row of several."""


def failure_to_json(failure: Failure) -> dict[str, object]:
    """Return a failure as it is stored on its case."""
    return {
        "decline_class": failure.decline_class.value,
        "code": failure.code,
        "charge_id": failure.charge_id,
        "failed_at": failure.failed_at.isoformat(),
        "payment_method_id": failure.payment_method_id,
        "method_changed_at": _iso(failure.method_changed_at),
        "retry_not_before": _iso(failure.retry_not_before),
        "may_retry": failure.may_retry,
        "masked": failure.masked,
        "signals": asdict(failure.signals),
    }


def failure_from_json(stored: Mapping[str, Any]) -> Failure | None:
    """Return the stored failure, or None where a case has none yet."""
    if not stored:
        return None
    return Failure(
        decline_class=DeclineClass(stored["decline_class"]),
        code=stored["code"],
        charge_id=stored["charge_id"],
        failed_at=datetime.fromisoformat(stored["failed_at"]),
        payment_method_id=stored["payment_method_id"],
        method_changed_at=_instant(stored.get("method_changed_at")),
        retry_not_before=_instant(stored.get("retry_not_before")),
        may_retry=stored.get("may_retry", True),
        masked=stored.get("masked", False),
        signals=DeclineSignals(**stored.get("signals", {})),
    )


def _iso(at: datetime | None) -> str | None:
    return at.isoformat() if at is not None else None


def _instant(text: str | None) -> datetime | None:
    return datetime.fromisoformat(text) if text else None


def attempt_of(row: RowMapping) -> Attempt:
    """Return an attempt row as a value."""
    return Attempt(
        no=row["no"],
        kind=AttemptKind(row["kind"]),
        step=row["step"],
        key=row["key"],
        state=AttemptState(row["state"]),
        amount_minor=row["amount_minor"],
        currency=row["currency"],
        payment_method_id=row["payment_method_id"],
        sent_at=row["sent_at"],
        first_sent_at=row["first_sent_at"],
        sends=row["sends"],
        settled_at=row["settled_at"],
        asked_at=row["asked_at"],
        reached_at=row["reached_at"],
        decline_class=DeclineClass(row["decline_class"]) if row["decline_class"] else None,
        answer_code=row["answer_code"],
    )


def letter_of(row: RowMapping) -> CaseLetter:
    """Return a letter row as the engine sees it."""
    return CaseLetter(
        row["id"], row["step"], row["notice"], LetterState(row["state"]), row["sent_at"]
    )


def step_of(row: RowMapping) -> StepRecord:
    """Return a step row as a value."""
    return StepRecord(row["step"], row["done"], row["at"], row["reason"])


def case_of(
    row: RowMapping,
    *,
    attempts: tuple[Attempt, ...],
    steps: tuple[StepRecord, ...],
    letters: tuple[CaseLetter, ...],
) -> Case:
    """Return a case row with what belongs to it."""
    return Case(
        id=row["id"],
        invoice_id=row["invoice_id"],
        customer_id=row["customer_id"],
        subscription_id=row["subscription_id"],
        amount_minor=row["amount_minor"],
        currency=row["currency"],
        state=CaseState(row["state"]),
        policy_digest=row["policy_digest"],
        failed_at=row["failed_at"],
        opened_at=row["opened_at"],
        wake_seq=row["wake_seq"],
        outcome=Outcome(row["outcome"]) if row["outcome"] else None,
        reason=row["reason"],
        owner=RetriesBy(row["owner"]) if row["owner"] else None,
        failure=failure_from_json(row["failure"]),
        action_required_at=row["action_required_at"],
        shift=row["shift"],
        stood_down_at=row["stood_down_at"],
        closed_at=row["closed_at"],
        due_at=row["due_at"],
        attempts=attempts,
        steps=steps,
        letters=letters,
    )


def payment_method_of(row: Row) -> PaymentMethodReading:
    """Return a payment method's mirror row as a reading."""
    return PaymentMethodReading(
        id=row["id"],
        type=row["type"],
        brand=row["brand"],
        last4=row["last4"],
        exp_month=row["exp_month"],
        exp_year=row["exp_year"],
        fingerprint=row["fingerprint"],
        country=row["country"],
        customer_id=row["customer_id"],
        created_at=row["created_at"],
        mandate_status=row["mandate_status"],
    )


def charge_of(row: RowMapping) -> ChargeReading:
    """Return a network attempt's row as a reading of its charge."""
    return ChargeReading(
        id=row["charge_id"],
        status=row["status"],
        payment_intent_id=row["payment_intent_id"],
        payment_method_id=row["payment_method_id"],
        amount_minor=row["amount_minor"],
        currency=row["currency"],
        created_at=row["at"],
        signals=DeclineSignals(**row["signals"]),
        brand=row["brand"],
        fingerprint=row["fingerprint"],
        country=row["country"],
        payment_method_type=row["payment_method_type"],
        customer_id=row["customer_id"],
    )


def charge_columns(charge: ChargeReading) -> dict[str, object]:
    """Return the columns of a network attempt that its charge alone tells and never changes."""
    return {
        "charge_id": charge.id,
        "payment_intent_id": charge.payment_intent_id,
        "payment_method_id": charge.payment_method_id,
        "fingerprint": charge.fingerprint,
        "brand": charge.brand,
        "country": charge.country,
        "payment_method_type": charge.payment_method_type,
        "amount_minor": charge.amount_minor,
        "currency": charge.currency,
    }


def customer_of(row: Row, method: PaymentMethodReading | None) -> CustomerReading:
    """Return a customer's mirror row as a reading."""
    return CustomerReading(
        id=row["id"],
        deleted=row["deleted"],
        email=row["email"],
        name=row["name"],
        locales=tuple(row["locales"]),
        country=row["country"],
        default_payment_method=method,
        default_payment_method_id=row["default_payment_method_id"],
        created_at=row["created_at"],
        metadata=row["metadata"],
    )


def subscription_of(row: Row, method: PaymentMethodReading | None = None) -> SubscriptionReading:
    """Return a subscription's mirror row as a reading.

    One item stands for the sum of all; the others, of quantity 0, only name their price or product.
    """
    whole = PriceReading(
        unit_amount_minor=row["amount_minor"],
        currency=row["currency"],
        interval=row["interval"],
        interval_count=row["interval_count"],
        quantity=1,
        product_id=row["product_id"],
    )
    named = [replace(whole, quantity=0, product_id="", price_id=each) for each in row["price_ids"]]
    named += [
        replace(whole, quantity=0, product_id=each)
        for each in row["product_ids"]
        if each != row["product_id"]
    ]
    return SubscriptionReading(
        id=row["id"],
        customer_id=row["customer_id"],
        status=row["status"],
        created_at=row["seen_at"],
        currency=row["currency"],
        items=(whole, *named),
        metadata=row["metadata"],
        period_end_at=row["period_end_at"],
        trial_start_at=row["trial_start_at"],
        trial_end_at=row["trial_end_at"],
        cancel_at=row["cancel_at"],
        cancel_at_period_end=row["cancel_at_period_end"],
        collection_paused=row["collection_paused"],
        collection_method=row["collection_method"],
        default_payment_method=method,
        default_payment_method_id=row["default_payment_method_id"],
    )
