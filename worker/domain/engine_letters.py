"""Which letter is next: the policy's steps, or the ladder of links for a confirmation.

Overdue letters collapse into the last of them (D16), so an outage never ends in a burst; but none
takes the place of the final one, which an ending needs.
"""

from datetime import datetime, timedelta

from worker.domain.case import LetterState
from worker.domain.decisions import Skip
from worker.domain.engine_charging import COLLAPSED, Plan
from worker.domain.engine_situation import Situation
from worker.domain.policy import DeclineClass, Reaction, Step
from worker.domain.timetable import step_due_at

GIVEN_UP = "payment_intent_authentication_failure"
"""Stripe's code after the customer began to confirm and did not succeed."""

NOTHING_NEW = timedelta(days=1)
"""A letter that falls due so soon after one that named the invoice already is not written."""

TOLD = "a letter of the case that led named this invoice"

MISSED = "its time was over when the case opened"

FINAL_FIRST = "the final letter, which an ending needs, takes its place"

ON_LADDER = "the customer is asked to confirm on an own ladder"


def plan_letter(at: Situation) -> Plan:
    """Return the next letter; a customer without an address gets none, which is recorded."""
    ladder, told, missed = _ladder(at), _told_already(at), _missed(at)
    pending = [
        each
        for each in pending_letters(at)
        if (not ladder or _is_final(at, each[1])) and each[1] not in (*told, *missed)
    ]
    replaced = [step for due_at, step in pending_letters(at) if ladder and due_at <= at.now]
    skips = tuple(Skip(s.name, ON_LADDER) for s in replaced if not _is_final(at, s))
    skips += tuple(Skip(s.name, MISSED) for s in missed)
    skips += tuple(Skip(s.name, TOLD) for s in told if s not in (*replaced, *missed))
    named = [(due_at, step.name, notice_for(at, step)) for due_at, step in pending]
    coming = sorted([*named, *ladder])
    due = [each for each in coming if each[0] <= at.now]
    if due and not at.around.can_be_written_to:
        why = "the customer has no e-mail address"
        return Plan(skips=(*skips, *(Skip(name, why) for _, name, _ in due)), why=why)
    if due and _final_is_on_its_way(at):
        skips += tuple(Skip(name, FINAL_FIRST) for _, name, _ in due)
        coming, due = coming[len(due) :], []
    if not coming:
        return Plan(skips=skips, why="all letters of the policy are written")
    names = [name for _, name, _ in due]
    final = at.policy.ending.final_letter_step
    place = names.index(final) if final in names else len(due) - 1
    letter_at, name, notice = (at.now, *due[place][1:]) if due else coming[0]
    skips += tuple(Skip(old, COLLAPSED) for old in names[:place])
    skips += tuple(Skip(later, FINAL_FIRST) for later in names[place + 1 :])
    return Plan(name, letter_at, notice, skips)


def _final_is_on_its_way(at: Situation) -> bool:
    """Return whether the final letter was written and has still to go out, as overnight: another
    one would take its place, and the ending wait for a person."""
    step = at.policy.ending.final_letter_step
    on_its_way = {LetterState.QUEUED, LetterState.SENDING}
    return any(each.step == step and each.state in on_its_way for each in at.case.letters)


def _told_already(at: Situation) -> list[Step]:
    """Return the letters that would say nothing new: a letter of the case that led named this one.

    The final one never counts as told: an ending needs its own (domain.md 3).
    """
    named_at = at.around.named_at
    if named_at is None:
        return []
    until = named_at + NOTHING_NEW
    return [s for due, s in pending_letters(at) if due <= until and not _is_final(at, s)]


def _missed(at: Situation) -> list[Step]:
    """Return the reminders before a due date whose time was over when the case opened: the terms
    are shorter than that, or the invoice was seen late. The customer has just got the invoice."""
    since = at.case.opened_at
    early = [(due, step) for due, step in pending_letters(at) if step.after < timedelta()]
    return [step for due, step in early if due < since]


def _ladder(at: Situation) -> list[tuple[datetime, str, str]]:
    """Return the links to confirm that are still to be sent: instant, step name, notice.

    It lasts while the confirmation does: paid closes the case, and once the customer gave it up
    the policy's own letters go on.
    """
    failure, rule = at.case.failure, at.reaction
    if failure is None or failure.decline_class is not DeclineClass.AUTHENTICATION:
        return []
    if rule.do is not Reaction.ASK_CUSTOMER or failure.code == GIVEN_UP:
        return []
    steps = [(f"confirm {no}", offset) for no, offset in enumerate(rule.ask_again, start=1)]
    return [
        (failure.failed_at + offset + at.case.shift, name, "action_required")
        for name, offset in steps
        if at.case.record(name) is None
    ]


def _is_final(at: Situation, step: Step) -> bool:
    return step.name == at.policy.ending.final_letter_step


def notice_for(at: Situation, step: Step) -> str:
    """Return the notice of a letter step; authentication has its own until the final one."""
    failure = at.case.failure
    if failure is None or failure.decline_class is not DeclineClass.AUTHENTICATION:
        return step.letter or ""
    gone_on = failure.code == GIVEN_UP or _is_final(at, step)
    return step.letter or "" if gone_on else "action_required"


def pending_letters(at: Situation) -> list[tuple[datetime, Step]]:
    """Return the policy's letters that are still to come, in order of their instants."""
    open_steps = [s for s in at.policy.steps if s.letter and at.case.record(s.name) is None]
    dated = ((step_due_at(at.case, s, at.office_zone), s) for s in open_steps)
    return sorted(dated, key=lambda each: each[0])
