"""The facts that a case's changes are told as; written in the commit of the change."""

from collections.abc import Mapping
from datetime import datetime

from worker.domain.case import AttemptKind, Case, Failure
from worker.domain.facts import Fact
from worker.domain.identifiers import case_name
from worker.domain.readings import InvoiceReading


def case_fact(
    case: Case, kind: str, *, at: datetime, occasion: str, data: Mapping[str, object]
) -> Fact:
    """Return a fact about *case* with the ids every such fact carries."""
    known = {
        "case": case_name(case.id),
        "customer_id": case.customer_id,
        "subscription_id": case.subscription_id,
        "invoice_id": case.invoice_id,
    }
    return Fact(kind, case_name(case.id), at, occasion, known | dict(data))


def money_of(invoice: InvoiceReading) -> dict[str, object]:
    """Return what is still owed, as facts tell it."""
    return {"amount_minor": invoice.amount_remaining_minor, "currency": invoice.currency}


def failed_fact(case: Case, failure: Failure, invoice: InvoiceReading) -> Fact:
    """Return `payment.failed`: one per failed charge, whoever made it."""
    return case_fact(
        case,
        "payment.failed",
        at=failure.failed_at,
        occasion=failure.charge_id or "first",
        data=money_of(invoice)
        | {
            "decline_code": failure.code,
            "decline_class": failure.decline_class.value,
            "charge_id": failure.charge_id,
        },
    )


def retried_fact(
    case: Case,
    *,
    no: int,
    kind: AttemptKind,
    step: str,
    outcome: str,
    at: datetime,
    invoice: InvoiceReading,
    failure: Failure | None,
) -> Fact:
    """Return `payment.retried`: what one charge of ours came to."""
    return case_fact(
        case,
        "payment.retried",
        at=at,
        occasion=f"{no}:{outcome}",
        data=money_of(invoice)
        | {
            "attempt_no": no,
            "kind": kind.value,
            "step": step,
            "outcome": outcome,
            "decline_code": failure.code if failure else "",
            "decline_class": failure.decline_class.value if failure else "",
        },
    )
