"""Which charge is next, with which payment method, and when it is allowed at the earliest.

A policy's gaps are wishes: a charge moves to the first instant that the decline, the card
networks, our own gaps and the office's hours allow, never before it. Overdue charges collapse into
the last of them (D16): the others are recorded as skipped.
"""

from dataclasses import dataclass, field, replace
from datetime import datetime

from worker.domain.case import Attempt
from worker.domain.decisions import Skip
from worker.domain.engine_ending import expected_end
from worker.domain.engine_situation import Situation, over_alone
from worker.domain.policy import DeclineClass, Reaction, RetriesBy, Step
from worker.domain.readings import PaymentMethodReading
from worker.domain.timetable import (
    OWNER_CONFIRMED_AFTER,
    ending_due_at,
    next_open,
    next_payday,
    quick_tries_max,
    quick_try_at,
    step_due_at,
)

PAID_BY_HAND = "the customer pays this invoice by hand"

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
    method: PaymentMethodReading | None = None
    """The payment method of a charge."""
    held_back: bool = False
    """The step is due, but something else keeps it from happening before `at`."""
    access: str = ""
    """What a change of access makes of it."""


@dataclass(frozen=True, slots=True)
class Bound:
    """An instant before which nothing may be charged, and what says so."""

    at: datetime
    why: str


def settle_owner(at: Situation) -> RetriesBy:
    """Return who retries this invoice; once Stripe was seen to, it stays Stripe (D10)."""
    if at.never_charged:
        return RetriesBy.NOBODY
    if RetriesBy.STRIPE in {at.case.owner, at.policy.retries_by}:
        return RetriesBy.STRIPE
    if at.invoice.next_payment_attempt_at is not None:
        return RetriesBy.STRIPE
    return at.case.owner or at.policy.retries_by


def plan_charge(at: Situation, owner: RetriesBy) -> Plan:
    """Return the next charge: a new card, a backup, a quick technical try, or the next step.

    What keeps every charge from starting moves it on, and skips nothing.
    """
    if at.never_charged:
        return Plan()
    wish, obstacle = _wished_charge(at, owner), at.charge_obstacle
    if wish.at is None or obstacle is None:
        return wish
    if obstacle.until is None:
        return Plan(why=obstacle.why)
    if wish.at > at.now:
        return wish
    return replace(wish, at=obstacle.until, why=obstacle.why, skips=(), held_back=True)


def _wished_charge(at: Situation, owner: RetriesBy) -> Plan:
    for chosen in (_plan_new_card(at, owner), _plan_backup(at, owner)):
        if chosen is not None:
            return chosen
    pending = pending_charges(at)
    due = [step for due_at, step in pending if due_at <= at.now]
    why_not = no_charge_because(at, owner)
    if why_not:
        return Plan(skips=tuple(Skip(step.name, why_not) for step in due), why=why_not)
    quick = _plan_quick_try(at)
    if quick is not None:
        return quick
    if not pending:
        return Plan(why="all tries of the policy are made")
    return _plan_step(at, pending, due)


def _plan_step(at: Situation, pending: list[tuple[datetime, Step]], due: list[Step]) -> Plan:
    step_at, step = (at.now, due[-1]) if due else pending[0]
    bound = earliest_charge(at)
    if bound.at > _window_ends_at(at):
        why = f"{bound.why}, and that is after the policy's end"
        return Plan(skips=tuple(Skip(each.name, why) for _, each in pending), why=why)
    skips = tuple(Skip(old.name, COLLAPSED) for old in due[:-1])
    moved = bound.at > step_at
    why = f"moved to the earliest allowed time, {bound.why}" if moved else ""
    wanted_at = max(step_at, bound.at)
    payday_at = _payday(at, wanted_at)
    if payday_at is not None and payday_at > wanted_at:
        wanted_at, why = payday_at, "moved to the payday"
    # A moved or late charge keeps to its hours as well.
    open_at = next_open(wanted_at, at.office_zone, step.charge_window)
    return Plan(step.name, open_at, skips=skips, why=why, method=at.method)


def _payday(at: Situation, wanted_at: datetime) -> datetime | None:
    """Return the payday to wait for, or None where the policy, or the time left, has none."""
    failure, rule = at.case.failure, at.reaction
    if failure is None or failure.decline_class is not DeclineClass.FUNDS:
        return None
    days = set(rule.paydays)
    customer = at.invoice.customer
    chosen = customer.metadata.get(rule.payday_key, "") if customer and rule.payday_key else ""
    if chosen.isdecimal() and 1 <= int(chosen) <= 31:
        days = {int(chosen)}
    if not days:
        return None
    payday_at = next_payday(wanted_at, at.office_zone, frozenset(days))
    return payday_at if payday_at < _window_ends_at(at) else None


def no_charge_because(at: Situation, owner: RetriesBy) -> str:
    """Return why no further charge may be made at all, or the empty string."""
    failure, rule = at.case.failure, at.reaction
    if at.never_charged:
        return PAID_BY_HAND
    if owner is RetriesBy.STRIPE:
        return "Stripe retries this invoice itself"
    if owner is RetriesBy.NOBODY:
        return "the policy leaves retries to nobody"
    if at.method is None:
        return "the customer has no payment method"
    if rule.do is Reaction.ASK_CUSTOMER:
        return "only the customer can authenticate this payment"
    if rule.do is Reaction.STOP:
        return "the customer withdrew the consent to be charged"
    if failure is None or rule.do not in {Reaction.RETRY, Reaction.RETRY_SOON}:
        return "the decline needs a new payment method"
    if not failure.may_retry and failure.payment_method_id == at.method.id:
        return "the issuer said not to try this payment method again"
    allowed = at.allowance(at.method)
    if allowed.at is None:
        return allowed.reason
    named = _counted_charges(at)
    if len(named) >= at.policy.retries_max:
        return f"all {at.policy.retries_max} retries are used up"
    of_class = [a for a in named if a.decline_class is failure.decline_class]
    if rule.at_most is not None and len(of_class) >= rule.at_most:
        return f"all {rule.at_most} retries for this kind of decline are used up"
    return ""


def by_hand_refusal(at: Situation, owner: RetriesBy) -> tuple[str, datetime | None]:
    """Return why a person's wish for a charge now must be refused, and when it could be granted.

    The reason is empty where the charge may happen now; the instant is None where only somebody
    else's act (a new card, Stripe's retries ending) could allow it.
    """
    if at.never_charged:
        return PAID_BY_HAND, None
    if at.method is None:
        return "the customer has no payment method", None
    if owner is RetriesBy.STRIPE:
        return "Stripe retries this invoice itself", None
    if at.reaction.do is Reaction.ASK_CUSTOMER and not at.new_card_step:
        return "only the customer can authenticate this payment", None
    if at.reaction.do is Reaction.STOP:
        return "the customer withdrew the consent to be charged", None
    allowed = at.allowance(at.method)
    if allowed.at is None:
        return allowed.reason, None
    too_much = over_alone(at)
    if too_much:
        return too_much, None
    obstacle = at.charge_obstacle
    if obstacle is not None and not obstacle.passes_soon:
        return obstacle.why, None
    bound = earliest_charge(at)
    return ("", None) if bound.at <= at.now else (bound.why, bound.at)


def _counted_charges(at: Situation) -> list[Attempt]:
    """Return the charges that use up retries: all but quick technical ones and those by hand."""
    uncounted = ("quick", "by hand")
    return [a for a in at.case.charges if not a.step.startswith(uncounted)]


def earliest_charge(at: Situation) -> Bound:
    """Return the earliest instant at which the same method may be charged again, and why."""
    bounds = [*_bounds_of_any_charge(at, at.method)]
    gap = at.policy.retry_gap
    if at.around.last_try_at is not None:
        bounds.append(Bound(at.around.last_try_at + gap, f"{_hours(at)} hours after the last try"))
    failure = at.case.failure
    if failure is not None and failure.retry_not_before is not None:
        bounds.append(Bound(failure.retry_not_before, f"by the decline {failure.code}"))
    return max(bounds, key=lambda bound: bound.at)


def _bounds_of_any_charge(at: Situation, method: PaymentMethodReading | None) -> list[Bound]:
    """Return what also a first try of a new or another method waits for."""
    confirmed_at = at.case.failed_at + OWNER_CONFIRMED_AFTER
    bounds = [Bound(confirmed_at, "Stripe is asked first who retries")]
    if at.around.other_try_at is not None:
        why = f"{_hours(at)} hours after the customer's last charge, for another invoice"
        bounds.append(Bound(at.around.other_try_at + at.policy.retry_gap, why))
    allowed = at.allowance(method) if method is not None else None
    if allowed is not None and allowed.at is not None and allowed.at > at.now:
        bounds.append(Bound(allowed.at, allowed.reason))
    return bounds


def _hours(at: Situation) -> int:
    return int(at.policy.retry_gap.total_seconds() // 3600)


def _window_ends_at(at: Situation) -> datetime:
    return max(expected_end(at) or ending_due_at(at.case, at.policy), at.now)


def _plan_new_card(at: Situation, owner: RetriesBy) -> Plan | None:
    """A new or changed payment method is charged once at once, where the rules allow."""
    step, method = at.new_card_step, at.method
    if not step or method is None or not at.policy.charge_new_card_at_once:
        return None
    if at.reaction.do in {Reaction.STOP, Reaction.ASK_OPERATOR}:
        return None
    return _plan_extra(at, owner, step, method)


def _plan_backup(at: Situation, owner: RetriesBy) -> Plan | None:
    """After a hard decline the customer's other methods follow, in the policy's order."""
    failure = at.case.failure
    if failure is None or not at.policy.backup_methods or at.method is None:
        return None
    hard = at.reaction.do is Reaction.WAIT_FOR_NEW_CARD or (
        at.reaction.do in {Reaction.RETRY, Reaction.RETRY_SOON} and not failure.may_retry
    )
    if not hard:
        return None
    planned = (
        _plan_extra(at, owner, f"backup {method.id}", method)
        for kind in at.policy.backup_methods
        for method in at.around.methods
        if method.type == kind and at.may_back_up(method)
    )
    return next((plan for plan in planned if plan is not None), None)


def _plan_extra(
    at: Situation, owner: RetriesBy, step: str, method: PaymentMethodReading
) -> Plan | None:
    """Return the one try of a method that was not charged yet, None where it may not be made."""
    if owner is not RetriesBy.WORKER or at.case.record(step) is not None or charged(at, step):
        return None
    if len(_counted_charges(at)) >= at.policy.retries_max or at.allowance(method).at is None:
        return None
    bound = max(_bounds_of_any_charge(at, method), key=lambda each: each.at)
    if bound.at > _window_ends_at(at):
        return None
    return Plan(step, max(at.now, bound.at), why=bound.why, method=method)


def _plan_quick_try(at: Situation) -> Plan | None:
    """A technical failure is retried in minutes to hours, without using up a step."""
    failure, rule, last = at.case.failure, at.reaction, at.around.last_try_at
    if failure is None or last is None or rule.do is not Reaction.RETRY_SOON:
        return None
    done = sum(1 for a in at.case.charges if a.step.startswith("quick"))
    if rule.within is None or done >= quick_tries_max(rule.within):
        return None
    number, allowed_at = done + 1, failure.retry_not_before or failure.failed_at
    bounds = [bound.at for bound in _bounds_of_any_charge(at, at.method)]
    allowed_at = max(allowed_at, *bounds)
    if allowed_at > failure.failed_at + rule.within:
        return None
    quick_at = max(quick_try_at(at.case, number, last), allowed_at)
    return Plan(f"quick try {number}", quick_at, why="technical failure", method=at.method)


def pending_charges(at: Situation) -> list[tuple[datetime, Step]]:
    """Return the policy's charges that are still to come, in order of their instants."""
    steps = [s for s in at.policy.steps if s.charge]
    open_steps = [s for s in steps if at.case.record(s.name) is None and not charged(at, s.name)]
    dated = ((step_due_at(at.case, s, at.office_zone), s) for s in open_steps)
    return sorted(dated, key=lambda each: each[0])


def charged(at: Situation, step: str) -> bool:
    """Return whether *step* was charged, also where only the attempt tells, as after a return."""
    return any(a.step == step for a in at.case.charges)
