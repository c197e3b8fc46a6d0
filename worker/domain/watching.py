"""`mode: watch`: what would have been done counts as done, but only for what is decided next.

Nothing of it is written into a case: once the mode changes, the case stands where it really is, and
what is overdue collapses (architecture.md D16).
"""

from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum

from worker.domain.case import (
    Attempt,
    AttemptKind,
    AttemptState,
    CaseLetter,
    LetterState,
    StepRecord,
)
from worker.domain.decisions import Charge, Decision, End, SetAccess, Write
from worker.domain.engine_situation import Situation
from worker.domain.network_tries import MadeBy
from worker.domain.readings import InvoiceReading


class WatchedKind(StrEnum):
    """What would have been done."""

    CHARGE = "charge"
    LETTER = "letter"
    ENDING = "ending"
    ACCESS = "access"


@dataclass(frozen=True, slots=True)
class WatchedAct:
    """One act that fell due while the worker only watched."""

    kind: WatchedKind
    step: str
    at: datetime
    """Business time."""
    notice: str = ""
    reason: str = ""
    beside: str = ""
    """What Stripe did with the invoice beside it."""


def act_to_watch(at: Situation, decision: Decision) -> WatchedAct | None:
    """Return what a decision would do to a customer; None where it does nothing outward.

    A request whose answer is awaited from before is none: nothing new would be done.
    """
    match decision.act:
        case Charge(step):
            kind, notice = WatchedKind.CHARGE, ""
        case Write(step, notice):
            kind = WatchedKind.LETTER
        case SetAccess(step, notice):
            kind = WatchedKind.ACCESS
        case End(AttemptKind.COUPON, step):
            offering = at.policy.step(step)
            kind, notice = WatchedKind.LETTER, (offering.letter or "") if offering else ""
        case End(request):
            kind, step, notice = WatchedKind.ENDING, f"ending: {request.value}", ""
        case _:
            return None
    return WatchedAct(kind, step, at.now, notice, decision.reason, stripe_beside(at))


def as_if_done(at: Situation, watched: tuple[WatchedAct, ...]) -> Situation:
    """Return the situation in which *watched* acts were done: every charge declined as the last
    failure was, every letter accepted."""
    if not watched:
        return at
    case, failure = at.case, at.case.failure
    charges = tuple(
        Attempt(
            no=case.next_no + number,
            kind=AttemptKind.CHARGE,
            step=act.step,
            key="",
            state=AttemptState.DECLINED,
            amount_minor=at.invoice.amount_remaining_minor,
            currency=at.invoice.currency,
            payment_method_id=at.method.id if at.method is not None else "",
            sent_at=act.at,
            first_sent_at=act.at,
            settled_at=act.at,
            decline_class=failure.decline_class if failure is not None else None,
        )
        for number, act in enumerate(watched)
        if act.kind is WatchedKind.CHARGE
    )
    letters = tuple(
        CaseLetter(-number, act.step, act.notice, LetterState.SENT, act.at)
        for number, act in enumerate(watched, start=1)
        if act.kind is WatchedKind.LETTER
    )
    done = tuple(StepRecord(act.step, done=True, at=act.at) for act in watched)
    last = max((each.sent_at for each in charges), default=None)
    tried_at = max((t for t in (at.around.last_try_at, last) if t is not None), default=None)
    return replace(
        at,
        case=replace(
            case,
            attempts=(*case.attempts, *charges),
            steps=(*case.steps, *done),
            letters=(*case.letters, *letters),
        ),
        around=replace(at.around, last_try_at=tried_at),
    )


def stripe_beside(at: Situation) -> str:
    """Return what Stripe itself did with the invoice so far, for a person."""
    debts = {at.invoice.id, at.debt}
    tries = [t for t in at.around.tries if t.made_by is MadeBy.STRIPE and t.debt in debts]
    said = [f"{len(tries)} {'try' if len(tries) == 1 else 'tries'} by Stripe"]
    next_at = at.invoice.next_payment_attempt_at
    said.append(f"its next {next_at:%Y-%m-%d %H:%M} UTC" if next_at is not None else "none planned")
    subscription = at.invoice.subscription
    said.append(f"subscription {subscription.status}" if subscription is not None else "")
    return _joined([*said, _invoice(at.invoice)])


def _invoice(invoice: InvoiceReading) -> str:
    return "" if invoice.status == "open" else f"invoice {invoice.status}"


def _joined(parts: list[str]) -> str:
    return ", ".join(part for part in parts if part)
