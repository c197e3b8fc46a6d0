"""The facts that a case's changes are told as; written in the commit of the change."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime

from worker.domain.case import AttemptKind, Case, Failure
from worker.domain.decisions import Decision
from worker.domain.facts import Fact
from worker.domain.identifiers import case_name
from worker.domain.network_tries import NetworkTry
from worker.domain.policy import Policy
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


def moved_fact(case: Case, kind: str, *, at: datetime, reason: str, by: str = "") -> Fact:
    """Return `case.held`, `.released`, `.in_review` or `.opened`: a case changed its state.

    Args: by: the person who did it, where one did.
    """
    data = {"reason": reason, "policy_digest": case.policy_digest} | ({"by": by} if by else {})
    return case_fact(case, kind, at=at, occasion=at.isoformat(), data=data)


def scheduled_facts(case: Case, policy: Policy, decision: Decision, *, at: datetime) -> list[Fact]:
    """Return `payment.retry_scheduled` where a decision waits for a charge, else nothing."""
    step = policy.step(decision.next_step)
    charges = decision.next_step.startswith("quick") or (step is not None and step.charge)
    if decision.next_at is None or not charges:
        return []
    next_at = decision.next_at.isoformat()
    data = {"step": decision.next_step, "next_action_at": next_at, "reason": decision.reason}
    occasion = f"{decision.next_step}:{next_at}"
    return [case_fact(case, "payment.retry_scheduled", at=at, occasion=occasion, data=data)]


def money_of(invoice: InvoiceReading) -> dict[str, object]:
    """Return what is still owed, as facts tell it."""
    return {"amount_minor": invoice.amount_remaining_minor, "currency": invoice.currency}


def failed_fact(case: Case, failure: Failure, invoice: InvoiceReading) -> Fact:
    """Return `payment.failed`: one per failed charge that was no try of ours.

    A bank debit's charge is days older than its failure, so no fact is earlier than the first one.
    """
    return case_fact(
        case,
        "payment.failed",
        at=max(failure.failed_at, case.failed_at),
        occasion=failure.charge_id or "first",
        data=money_of(invoice)
        | {
            "decline_code": failure.code,
            "decline_class": failure.decline_class.value,
            "charge_id": failure.charge_id,
        },
    )


def late_failed_fact(
    case: Case, failure: Failure, invoice: InvoiceReading, tries: Sequence[NetworkTry]
) -> Fact:
    """Return the fact that was not told before it was known that the charge was no try of ours.

    By now the invoice may owe less, or nothing: it tells the charge's own amount, or the case's
    where the charge cannot be read.
    """
    fact = failed_fact(case, failure, invoice)
    made = next((each for each in tries if each.charge_id == failure.charge_id), None)
    owed_minor = made.amount_minor if made is not None else case.amount_minor
    return replace(fact, data=dict(fact.data) | {"amount_minor": owed_minor})


def retried_fact(
    case: Case,
    *,
    no: int,
    kind: AttemptKind,
    step: str,
    outcome: str,
    at: datetime,
    money: Mapping[str, object],
    decline: tuple[str, str] = ("", ""),
) -> Fact:
    """Return `payment.retried`: what one charge of ours came to.

    Args: money: of the charge, in the words of `money_of`; decline: code and class, where it was
    declined.
    """
    return case_fact(
        case,
        "payment.retried",
        at=at,
        occasion=f"{no}:{outcome}",
        data=dict(money)
        | {
            "attempt_no": no,
            "kind": kind.value,
            "step": step,
            "outcome": outcome,
            "decline_code": decline[0],
            "decline_class": decline[1],
        },
    )
