"""The policy's timeline: which charge or letter is next, what is skipped, and until when to wait.

Overdue steps of one kind collapse into the last of them (D16): the others are recorded as
skipped, so an outage never ends in a burst of letters or charges.
"""

from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from worker.domain.case import Attempt
from worker.domain.decisions import Charge, Decision, Review, Skip, Wait, Write
from worker.domain.engine_ending import ending_due, plan_ending
from worker.domain.engine_situation import Situation
from worker.domain.engine_truth import LOOK_AGAIN
from worker.domain.policy import DeclineClass, Reaction, RetriesBy, Step
from worker.domain.timetable import (
    OWNER_CONFIRMED_AFTER,
    next_open,
    quick_tries_max,
    quick_try_at,
    step_due_at,
)

ONE_ATTEMPT_COUNTRY = "IN"
"""Recurring charges of cards issued in India are attempted once, whatever a policy says.

Source: docs.stripe.com/india-recurring-payments (domain.md 1.3).
"""

COLLAPSED = "a later step is due as well and takes its place"


@dataclass(frozen=True, slots=True)
class Plan:
    """The next step of one kind, when it may happen, and the steps that fall away."""

    step: str = ""
    at: datetime | None = None
    notice: str = ""
    skips: tuple[Skip, ...] = field(default_factory=tuple)
    why: str = ""
    """Why nothing is planned, or why the step happens later than its own time."""


def timeline(at: Situation) -> Decision:
    """Return the next act of the policy, or a wait until the nearest one."""
    owner = settle_owner(at)
    if at.now < at.case.failed_at + OWNER_CONFIRMED_AFTER:
        return Decision(
            Wait(),
            "owner_unconfirmed",
            "Who retries this invoice is confirmed 15 minutes after the failure.",
            at.case.failed_at + OWNER_CONFIRMED_AFTER,
        )
    if at.reaction.do is Reaction.ASK_OPERATOR:
        code = at.case.failure.code if at.case.failure else ""
        return Decision(
            Review(f"{code}: only a change of set-up can cure this"),
            "ask_operator",
            f"The decline {code} says that the set-up is wrong; no letter goes out.",
            owner=owner,
        )
    charge, letter = plan_charge(at, owner), plan_letter(at)
    skips = charge.skips + letter.skips
    if charge.at is not None and charge.at <= at.now and at.method is not None:
        return Decision(
            Charge(charge.step, at.method.id),
            "charge_due",
            f"{charge.step} is due.",
            skips=skips,
            owner=owner,
            inputs=_inputs(at),
        )
    if letter.at is not None and letter.at <= at.now:
        return Decision(
            Write(letter.step, letter.notice),
            "letter_due",
            f"{letter.step} is due.",
            at.now,
            skips=skips,
            owner=owner,
        )
    ending = ending_due(at)
    if ending is not None:
        return replace(ending, skips=skips, owner=owner)
    return _wait(at, charge, letter, owner)


def _wait(at: Situation, charge: Plan, letter: Plan, owner: RetriesBy) -> Decision:
    ending = plan_ending(at)
    coming = [(p.at, p.step, p.why) for p in (charge, letter) if p.at is not None]
    if ending.at is not None:
        coming.append((ending.at, "ending", ending.reason))
    next_at, step, why = min(coming, default=(at.now + LOOK_AGAIN, "", ending.reason))
    no_charge = charge.why if charge.at is None else ""
    said = why or no_charge or "nothing is due before then"
    return Decision(
        Wait(),
        "not_yet",
        f"Waits for {step}: {said}." if step else f"{said[:1].upper()}{said[1:]}.",
        max(next_at, at.now + timedelta(minutes=1)),
        skips=charge.skips + letter.skips,
        owner=owner,
        next_step=step,
        inputs=_inputs(at),
    )


def _inputs(at: Situation) -> dict[str, object]:
    failure = at.case.failure
    return {
        "class": failure.decline_class.value if failure else "",
        "code": failure.code if failure else "",
        "charges": len(at.case.charges),
        "last_try_at": at.around.last_try_at.isoformat() if at.around.last_try_at else "",
    }


def settle_owner(at: Situation) -> RetriesBy:
    """Return who retries this invoice; once Stripe was seen to, it stays Stripe (D10)."""
    if RetriesBy.STRIPE in {at.case.owner, at.policy.retries_by}:
        return RetriesBy.STRIPE
    if at.invoice.next_payment_attempt_at is not None:
        return RetriesBy.STRIPE
    return at.case.owner or at.policy.retries_by


def no_charge_because(at: Situation, owner: RetriesBy) -> str:
    """Return why no further charge may be made at all, or the empty string."""
    failure, rule = at.case.failure, at.reaction
    if owner is RetriesBy.STRIPE:
        return "Stripe retries this invoice itself"
    if owner is RetriesBy.NOBODY:
        return "the policy leaves retries to nobody"
    if at.method is None:
        return "the customer has no payment method"
    if at.method.type == "card" and at.method.country == ONE_ATTEMPT_COUNTRY:
        return "a card issued in India is attempted once"
    if rule.do is Reaction.ASK_CUSTOMER:
        return "only the customer can authenticate this payment"
    if rule.do is Reaction.STOP:
        return "the customer withdrew the consent to be charged"
    if failure is None or rule.do not in {Reaction.RETRY, Reaction.RETRY_SOON}:
        return "the decline needs a new payment method"
    if not failure.may_retry:
        return "the issuer said not to try this payment method again"
    named = _counted_charges(at)
    if len(named) >= at.policy.retries_max:
        return f"all {at.policy.retries_max} retries are used up"
    of_class = [a for a in named if a.decline_class is failure.decline_class]
    if rule.at_most is not None and len(of_class) >= rule.at_most:
        return f"all {rule.at_most} retries for this kind of decline are used up"
    return ""


def _counted_charges(at: Situation) -> list[Attempt]:
    """Return the charges that use up retries: all but the quick technical ones."""
    return [a for a in at.case.charges if not a.step.startswith("quick")]


def plan_charge(at: Situation, owner: RetriesBy) -> Plan:
    """Return the next charge: a new card at once, a quick technical try, or the next step."""
    new_card = _plan_new_card(at, owner)
    if new_card is not None:
        return new_card
    pending = _pending(at, charge=True)
    due = [step for due_at, step in pending if due_at <= at.now]
    why_not = no_charge_because(at, owner)
    if why_not:
        return Plan(skips=tuple(Skip(step.name, why_not) for step in due), why=why_not)
    quick = _plan_quick_try(at)
    if quick is not None:
        return quick
    if not pending:
        return Plan(why="all tries of the policy are made")
    step_at, step = (at.now, due[-1]) if due else pending[0]
    allowed_at = earliest_charge(at)
    skips = tuple(Skip(old.name, COLLAPSED) for old in due[:-1])
    moved = allowed_at > step_at
    why = f"moved to the earliest allowed time, {_why_moved(at)}" if moved else ""
    # A moved or late charge keeps to its hours as well.
    open_at = next_open(max(step_at, allowed_at), at.office_zone, step.charge_window)
    return Plan(step.name, open_at, skips=skips, why=why)


def earliest_charge(at: Situation) -> datetime:
    """Return the earliest instant at which another charge of this invoice is allowed."""
    bounds = [at.case.failed_at + OWNER_CONFIRMED_AFTER]
    if at.around.last_try_at is not None:
        bounds.append(at.around.last_try_at + at.policy.retry_gap)
    if at.case.failure is not None and at.case.failure.retry_not_before is not None:
        bounds.append(at.case.failure.retry_not_before)
    return max(bounds)


def _why_moved(at: Situation) -> str:
    failure = at.case.failure
    if failure is not None and failure.retry_not_before == earliest_charge(at):
        return f"by the decline {failure.code}"
    hours = int(at.policy.retry_gap.total_seconds() // 3600)
    return f"{hours} hours after the last try"


def _plan_new_card(at: Situation, owner: RetriesBy) -> Plan | None:
    step = at.new_card_step
    if not step or not at.policy.charge_new_card_at_once or owner is not RetriesBy.WORKER:
        return None
    if at.reaction.do in {Reaction.STOP, Reaction.ASK_OPERATOR}:
        return None
    if at.case.record(step) is not None or _charged(at, step):
        return None
    if len(_counted_charges(at)) >= at.policy.retries_max:
        return None
    return Plan(step, max(at.now, at.case.failed_at + OWNER_CONFIRMED_AFTER))


def _plan_quick_try(at: Situation) -> Plan | None:
    """A technical failure is retried in minutes to hours, without using up a step."""
    failure, rule, last = at.case.failure, at.reaction, at.around.last_try_at
    if failure is None or last is None or rule.do is not Reaction.RETRY_SOON:
        return None
    done = sum(1 for a in at.case.charges if a.step.startswith("quick"))
    if rule.within is None or done >= quick_tries_max(rule.within):
        return None
    number, allowed_at = done + 1, failure.retry_not_before or failure.failed_at
    if allowed_at > failure.failed_at + rule.within:
        return None
    quick_at = max(quick_try_at(at.case, number, last), allowed_at)
    return Plan(f"quick try {number}", quick_at, why="technical failure")


def plan_letter(at: Situation) -> Plan:
    """Return the next letter; a customer without an address gets none, which is recorded."""
    pending = _pending(at, charge=False)
    due = [step for due_at, step in pending if due_at <= at.now]
    if due and not at.around.can_be_written_to:
        why = "the customer has no e-mail address"
        return Plan(skips=tuple(Skip(step.name, why) for step in due), why=why)
    if not pending:
        return Plan(why="all letters of the policy are written")
    step_at, step = (at.now, due[-1]) if due else pending[0]
    skips = tuple(Skip(old.name, COLLAPSED) for old in due[:-1])
    return Plan(step.name, step_at, notice_for(at, step), skips)


def notice_for(at: Situation, step: Step) -> str:
    """Return the notice of a letter step; authentication has its own until the final one."""
    failure = at.case.failure
    final = step.name == at.policy.ending.final_letter_step
    if failure is not None and failure.decline_class is DeclineClass.AUTHENTICATION and not final:
        return "action_required"
    return step.letter or ""


def _pending(at: Situation, *, charge: bool) -> list[tuple[datetime, Step]]:
    """Return the steps of one kind that are still to come, in order of their instants."""
    steps = [s for s in at.policy.steps if (s.charge if charge else s.letter)]
    open_steps = [s for s in steps if at.case.record(s.name) is None and not _charged(at, s.name)]
    return sorted(
        ((step_due_at(at.case, s, at.office_zone), s) for s in open_steps), key=lambda p: p[0]
    )


def _charged(at: Situation, step: str) -> bool:
    """Return whether *step* was charged, also where only the attempt tells, as after a return."""
    return any(a.step == step for a in at.case.charges)


def planned_steps(at: Situation) -> list[tuple[datetime, str]]:
    """Return what is still to come, for a person: (instant, step name), in order of time."""
    coming = [(due, s.name) for charge in (True, False) for due, s in _pending(at, charge=charge)]
    ending = plan_ending(at)
    if ending.at is not None:
        coming.append((ending.at, f"ending: {at.policy.ending.do.value}"))
    return sorted(coming)
