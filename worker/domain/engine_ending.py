"""The end of a case: when it falls due, what must come first, and its requests in order."""

from dataclasses import dataclass
from datetime import datetime

from worker.domain.case import CANCELS, INVOICE_ENDS, AttemptKind, CaseLetter, LetterState, Outcome
from worker.domain.decisions import Close, Decision, End, Review
from worker.domain.engine_situation import Situation
from worker.domain.policy import CancelWhen, Ending, EndingAct, InvoiceEnd
from worker.domain.timetable import ending_due_at, next_open, step_due_at


@dataclass(frozen=True, slots=True)
class EndingPlan:
    """When the ending may happen; `at` None waits for its letter, `blocked` needs a person."""

    at: datetime | None
    reason: str
    blocked: str = ""


def plan_ending(at: Situation) -> EndingPlan:
    """Return when the ending may happen: its time, its letter's 48 hours, office hours."""
    ending = at.policy.ending
    due_at = ending_due_at(at.case, at.policy)
    reason = own_time(at)
    if _letter_under_way(at):
        return EndingPlan(None, "waits until the last letter is out")
    waits = ending.do is EndingAct.CANCEL or at.policy.for_sent_invoices
    if waits and ending.final_letter_step is not None:
        letter = final_letter(at, ending.final_letter_step)
        if letter is None:
            return _without_letter(at, ending.final_letter_step, due_at)
        if letter.state in {LetterState.QUEUED, LetterState.SENDING}:
            return EndingPlan(None, "waits until the final letter was accepted")
        if letter.state is not LetterState.SENT or letter.sent_at is None:
            return EndingPlan(due_at, reason, f"the final letter is {letter.state.value}")
        if letter.sent_at + ending.final_letter_gap > due_at:
            due_at = letter.sent_at + ending.final_letter_gap
            hours = int(ending.final_letter_gap.total_seconds() // 3600)
            reason = f"{hours} hours after the final letter"
    pending_at = at.invoice.next_payment_attempt_at
    if pending_at is not None and pending_at > max(due_at, at.now):
        due_at, reason = pending_at, "Stripe tries once more before"
    if ending.do is EndingAct.CANCEL:
        due_at = _office_hour(at, due_at)
    return EndingPlan(due_at, reason)


def own_time(at: Situation) -> str:
    """Return the policy's own time of the ending, in words."""
    since = "the first failure" if at.case.due_at is None else "the due date"
    return f"{at.policy.ending.after.days} days after {since}"


def _letter_under_way(at: Situation) -> bool:
    """Return whether a reminder of a sent invoice has still to go out: no ending overtakes it.

    Taken up late, such an invoice may be past its ending when its only reminder is written (D16).
    """
    if at.case.due_at is None:
        return False
    on_its_way = {LetterState.QUEUED, LetterState.SENDING}
    return any(letter.state in on_its_way for letter in at.case.letters)


def _office_hour(at: Situation, due_at: datetime) -> datetime:
    """Return the first office hour at or after *due_at* that has not passed: a late look, after an
    outage or the day's cap, must not end anything at night."""
    return next_open(
        max(due_at, at.now),
        at.office_zone,
        at.limits.endings_between,
        weekdays_only=at.limits.endings_on_weekdays_only,
    )


def expected_end(at: Situation) -> datetime | None:
    """Return when the subscription would end if nobody pays, as a letter may promise it.

    Where the final letter has not gone out yet, it counts as accepted when its step is due, or
    now if that has passed. None where the policy leaves the subscription as it is.
    """
    ending = at.policy.ending
    if ending.do is not EndingAct.CANCEL:
        return None
    planned = plan_ending(at)
    if planned.at is not None:
        return planned.at
    step = at.policy.step(ending.final_letter_step or "")
    written_at = at.now if step is None else step_due_at(at.case, step, at.office_zone)
    earliest_at = max(written_at, at.now) + ending.final_letter_gap
    return _office_hour(at, max(ending_due_at(at.case, at.policy), earliest_at))


def final_letter(at: Situation, step: str) -> CaseLetter | None:
    """Return the letter of the final step, or None where none was written."""
    return next((letter for letter in at.case.letters if letter.step == step), None)


def _without_letter(at: Situation, step: str, due_at: datetime) -> EndingPlan:
    record = at.case.record(step)
    if record is None:
        return EndingPlan(None, "waits for the final letter")
    return EndingPlan(due_at, "", f"no final letter could be sent ({record.reason})")


def ending_under_way(at: Situation) -> Decision | None:
    """Once we cancelled, the rest of the ending follows at once."""
    if at.case.did(INVOICE_ENDS) or at.ended_by_us:
        return next_ending_act(at)
    return None


def next_ending_act(at: Situation) -> Decision:
    """Return the next request of the ending, or the close once all of them are done."""
    ending = at.policy.ending
    cancel = cancel_kind(ending)
    needs_cancel = cancel is not None and at.invoice.subscription is not None
    if needs_cancel and cancel is not None and not at.ended_by_us:
        return Decision(
            End(cancel),
            "ending",
            "The last step is over and nobody paid: the subscription is cancelled.",
        )
    invoice_kind = invoice_end_kind(ending)
    if invoice_kind is not None and at.invoice.status == "open" and not at.case.tried(INVOICE_ENDS):
        return Decision(
            End(invoice_kind), "ending_invoice", "The subscription has ended: its invoice follows."
        )
    reason = "cancelled for the unpaid invoice" if needs_cancel else "left as it is by the policy"
    own_cancel = at.case.did(CANCELS)
    return Decision(
        Close(Outcome.ENDED, reason, letter="subscription_ended" if own_cancel else ""),
        "ended",
        f"The case has ended: {reason}.",
    )


def cancel_kind(ending: Ending) -> AttemptKind | None:
    """Return the request that ends the subscription, or None where it is left."""
    if ending.do is not EndingAct.CANCEL:
        return None
    at_once = ending.when is CancelWhen.NOW
    return AttemptKind.CANCEL if at_once else AttemptKind.CANCEL_AT_PERIOD_END


def invoice_end_kind(ending: Ending) -> AttemptKind | None:
    """Return the request that ends the invoice, or None where it is left open."""
    return {
        InvoiceEnd.LEAVE: None,
        InvoiceEnd.UNCOLLECTIBLE: AttemptKind.UNCOLLECTIBLE,
        InvoiceEnd.VOID: AttemptKind.VOID,
    }[ending.invoice]


def ending_due(at: Situation) -> Decision | None:
    """Begin the ending once it is due and its letter was accepted in time."""
    plan = plan_ending(at)
    if plan.at is None or plan.at > at.now:
        return None
    if plan.blocked:
        return Decision(
            Review(f"the ending is due, but {plan.blocked}"),
            "ending_blocked",
            f"The ending is due, but {plan.blocked}: a person decides.",
        )
    if at.case.did(CANCELS):
        return Decision(
            Review("our cancel was undone at Stripe, and nobody paid"),
            "cancel_undone",
            "Somebody undid our cancel and the invoice is unpaid: a person decides.",
        )
    return next_ending_act(at)
