"""The end of a case: when it falls due, what must come first, and its requests in order."""

from dataclasses import dataclass
from datetime import datetime

from worker.domain.case import (
    CANCELS,
    INVOICE_ENDS,
    SUBSCRIPTION_ENDS,
    AttemptKind,
    AttemptState,
    Case,
    CaseLetter,
    LetterState,
    Outcome,
)
from worker.domain.decisions import Close, Decision, End, Review
from worker.domain.engine_person import ENDING, ask, must_ask
from worker.domain.engine_situation import Situation
from worker.domain.policy import CancelWhen, EndingAct, InvoiceEnd, PersonDecides
from worker.domain.readings import PriceReading
from worker.domain.timetable import ending_due_at, next_open, step_due_at

MAY_HAVE_BEEN_READ = frozenset((LetterState.SENDING, LetterState.SENT, LetterState.UNKNOWN))
"""States of letters that have reached their customer, as far as we can tell."""


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
    if ending.final_letter_step is not None:
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
    if ending.do is not EndingAct.LEAVE:
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
    """Return when the ending would come if nobody pays, as a letter may promise it.

    Where the final letter has not gone out yet, it counts as accepted when its step is due, or
    now if that has passed. None where the policy leaves the subscription as it is.
    """
    ending = at.policy.ending
    if ending.do is EndingAct.LEAVE:
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
    """Once the subscription was ended, the rest of the ending follows at once.

    A person's yes to the ending of the case that led is none to writing off this one's invoice.
    """
    if not (at.case.did(INVOICE_ENDS) or at.ended_by_us):
        return None
    decision, own = next_ending_act(at), at.case.did(SUBSCRIPTION_ENDS | INVOICE_ENDS)
    if isinstance(decision.act, End) and not own and must_ask(at, PersonDecides.ENDING, ENDING):
        return ask(at, ENDING, (), look_at=None)
    return decision


def next_ending_act(at: Situation) -> Decision:
    """Return the next request of the ending, or the close once all of them are done."""
    ending = at.policy.ending
    kind = None if at.ended_by_us or _rests(at) else subscription_end_kind(at)
    if kind is AttemptKind.DOWNGRADE and sum(bool(i.item_id) for i in _items(at)) > 1:
        return Decision(
            Review("the subscription has several prices, so none can be exchanged by itself"),
            "ending_blocked",
            "The ending is due, but the subscription has several prices: a person decides.",
        )
    if kind is not None:
        return Decision(
            End(kind), "ending", f"The last step is over and nobody paid: {BECOMES[kind]}."
        )
    invoice_kind = invoice_end_kind(ending.invoice)
    if invoice_kind is not None and at.invoice.status == "open" and not at.case.tried(INVOICE_ENDS):
        return Decision(
            End(invoice_kind), "ending_invoice", "The subscription has ended: its invoice follows."
        )
    reason = _what_was_done(at)
    return Decision(
        Close(Outcome.ENDED, reason, letter=letter_owed(at)),
        "ended",
        f"The case has ended: {reason}.",
    )


BECOMES = {
    AttemptKind.CANCEL: "the subscription is cancelled",
    AttemptKind.CANCEL_AT_PERIOD_END: "the subscription is cancelled",
    AttemptKind.PAUSE: "the subscription is paused",
    AttemptKind.HOLD_INVOICES: "its new invoices are held back",
    AttemptKind.DOWNGRADE: "the subscription moves to another price",
}
"""What each request of an ending makes of the subscription."""

DONE = {
    AttemptKind.CANCEL: "cancelled for the unpaid invoice",
    AttemptKind.PAUSE: "paused for the unpaid invoice",
    AttemptKind.HOLD_INVOICES: "new invoices are held back for the unpaid invoice",
    AttemptKind.DOWNGRADE: "moved to {price} for the unpaid invoice",
}

LETTERS_AFTER = {
    AttemptKind.CANCEL: "subscription_ended",
    AttemptKind.PAUSE: "subscription_paused",
    AttemptKind.HOLD_INVOICES: "subscription_paused",
    AttemptKind.DOWNGRADE: "subscription_downgraded",
}


def _rests(at: Situation) -> bool:
    """Return whether the subscription is already as the policy's ending would leave it.

    One that is paused makes no invoices, so none need to be held back either; whoever paused it,
    a refusal to pause it once more must not lead to a cancel.
    """
    match at.policy.ending.do:
        case EndingAct.PAUSE | EndingAct.HOLD_INVOICES:
            return at.shows(AttemptKind.PAUSE)
        case EndingAct.DOWNGRADE:
            return at.shows(AttemptKind.DOWNGRADE)
        case _:
            return False


def _items(at: Situation) -> tuple[PriceReading, ...]:
    subscription = at.invoice.subscription
    return subscription.items if subscription is not None else ()


def _what_was_done(at: Situation) -> str:
    """Return what became of the subscription, as part of a sentence."""
    ours, has_one = at.ending_of_ours, at.invoice.subscription is not None
    done = DONE[ours] if ours is not None and has_one else "left as it is by the policy"
    done = done.format(price=at.policy.ending.to_price_id)
    if ours is None and _rests(at):
        done = "it was as the policy's ending leaves it already"
    return f"{done}; Stripe refused to pause it" if pause_refused(at) else done


def letter_owed(at: Situation) -> str:
    """Return the letter about an ending that holds; none where it is another case's, or where one
    has told of it: a case may close again that was opened anew after its end."""
    ours = at.ending_of_ours
    if ours is None:
        return ""
    cancelled = ours is AttemptKind.CANCEL
    own = at.own_cancel_holds if cancelled else at.case.did(frozenset((ours,)))
    notice = LETTERS_AFTER[ours]
    told = (each.notice for each in at.case.letters if each.state in MAY_HAVE_BEEN_READ)
    return notice if own and notice not in told else ""


def ended_by_us_at(case: Case) -> datetime | None:
    """Return when an ending of this case went through: a hold or a review may lie between it and
    the close. None where it ended nothing."""
    done = [
        each
        for each in case.attempts
        if each.kind in SUBSCRIPTION_ENDS and each.state is AttemptState.SUCCEEDED
    ]
    return done[-1].settled_at or done[-1].sent_at if done else None


def pause_refused(at: Situation) -> bool:
    """Return whether Stripe said that it does not pause this subscription."""
    return any(each.kind is AttemptKind.PAUSE and each.refused for each in at.case.attempts)


def subscription_end_kind(at: Situation) -> AttemptKind | None:
    """Return the request that ends the subscription now, or None where it is left.

    Once Stripe has refused the pause, it is what the policy says for that.
    """
    ending = at.policy.ending
    act = ending.if_refused or ending.do if pause_refused(at) else ending.do
    return None if at.invoice.subscription is None else end_kind(act, ending.when)


def end_kind(act: EndingAct, when: CancelWhen) -> AttemptKind | None:
    """Return the request that carries *act* out, or None for `leave`."""
    at_once = when is CancelWhen.NOW
    return {
        EndingAct.CANCEL: AttemptKind.CANCEL if at_once else AttemptKind.CANCEL_AT_PERIOD_END,
        EndingAct.PAUSE: AttemptKind.PAUSE,
        EndingAct.HOLD_INVOICES: AttemptKind.HOLD_INVOICES,
        EndingAct.DOWNGRADE: AttemptKind.DOWNGRADE,
        EndingAct.LEAVE: None,
    }[act]


def invoice_end_kind(end: InvoiceEnd) -> AttemptKind | None:
    """Return the request that ends the invoice, or None where it is left open."""
    return {
        InvoiceEnd.LEAVE: None,
        InvoiceEnd.UNCOLLECTIBLE: AttemptKind.UNCOLLECTIBLE,
        InvoiceEnd.VOID: AttemptKind.VOID,
    }[end]


UNDONE = {
    "cancel": CANCELS,
    "pause": frozenset((AttemptKind.PAUSE,)),
    "hold of its invoices": frozenset((AttemptKind.HOLD_INVOICES,)),
    "downgrade": frozenset((AttemptKind.DOWNGRADE,)),
}
"""Endings that no longer show at Stripe, in a person's words."""


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
    undone = next((each for each in UNDONE if at.case.did(UNDONE[each])), None)
    if undone is not None:
        return Decision(
            Review(f"our {undone} was undone at Stripe, and nobody paid"),
            f"{undone.split()[0]}_undone",
            f"Somebody undid our {undone} and the invoice is unpaid: a person decides.",
        )
    return next_ending_act(at)
