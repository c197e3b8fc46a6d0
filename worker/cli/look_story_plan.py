"""What lies ahead of a case, from what the ledger holds: the engine's own arithmetic, no Stripe."""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from worker.domain.access import OWN_NAME, record_name
from worker.domain.case import CaseState
from worker.domain.engine_charging import no_charge_because, plan_charge, settle_owner
from worker.domain.engine_ending import EndingPlan, expected_end, own_time, plan_ending
from worker.domain.engine_letters import plan_letter
from worker.domain.engine_person import RULE
from worker.domain.engine_situation import Situation
from worker.domain.engine_timeline import planned_steps
from worker.domain.network_rules import Allowance
from worker.domain.policy import CancelWhen, Ending, EndingAct, InvoiceEnd, Mode, Policy
from worker.domain.step_names import readable
from worker.domain.timetable import ending_due_at, next_open, step_due_at
from worker.domain.watching import as_if_done
from worker.office.ways import Office
from worker.store.reading_case import CaseRecord

ORDINARY = frozenset(
    ("not_yet", "owner_unconfirmed", "limit_reached", "charge_due", "letter_due", "watched")
)
"""Rules of a case that simply waits for its next step."""

FIRST_LOOK = "Stripe is asked who retries and why it failed"

MOVED = timedelta(hours=1)
"""An ending this much later than its own time is told with the reason."""


@dataclass(frozen=True, slots=True)
class Coming:
    """A step to come, as if nobody pays and every try fails."""

    at: datetime
    step: str
    charge: bool
    why: str = ""
    """Why it is later than its own time."""


@dataclass(frozen=True, slots=True)
class Ends:
    """When and how the case ends if nobody pays."""

    at: datetime
    act: str
    due_at: datetime
    """The policy's own time."""
    because: str
    moved: bool


@dataclass(frozen=True, slots=True)
class Ahead:
    """What lies ahead; all empty for a closed case."""

    standing: str = ""
    """The sentence that says why the case does not simply go on; empty where it does."""
    asks: bool = False
    """Whether it waits for a person's approval."""
    look_at: datetime | None = None
    coming: tuple[Coming, ...] = ()
    no_charge: str = ""
    ends: Ends | None = None


def situation_of(record: CaseRecord, office: Office, now: datetime) -> Situation | None:
    """Return what the engine would look at, from the ledger alone; None for a policy long gone.

    A paid invoice has nothing left to pay; the networks count tries of what was owed.
    """
    case, invoice = record.case, record.invoice
    if record.policy is None:
        return None
    if invoice.amount_remaining_minor <= 0:
        invoice = replace(invoice, amount_remaining_minor=case.amount_minor)
    at = Situation(case, invoice, record.around, record.policy, office.limits, office.zone.key, now)
    return as_if_done(at, record.watched) if office.mode is Mode.WATCH else at


def plan_ahead(record: CaseRecord, office: Office, now: datetime) -> Ahead:
    """Return what lies ahead of the case at *now*, business time."""
    case, look_at = record.case, record.line.next_action_at
    if case.state is CaseState.CLOSED:
        return Ahead()
    if case.state in {CaseState.HELD, CaseState.IN_REVIEW}:
        return Ahead(standing=case.reason, look_at=look_at)
    if record.around.hold is not None:  # the worker has yet to look; nothing begins all the same
        return Ahead(standing=record.around.hold.said(office.zone.key), look_at=look_at)
    last = record.decisions[-1] if record.decisions else None
    if last is not None and last.act == "Wait" and last.rule not in ORDINARY:
        return Ahead(standing=last.reason, look_at=look_at, asks=last.rule == RULE)
    if case.in_flight is not None:
        said = f"Stripe's answer to {readable(case.in_flight.step)} is awaited"
        return Ahead(standing=said, look_at=look_at)
    at = situation_of(record, office, now)
    if at is None or (case.failure is None and case.due_at is None):
        first = Coming(look_at or now, "first look", charge=True, why=FIRST_LOOK)
        return Ahead(look_at=look_at, coming=(first,))
    owner = settle_owner(at)
    return Ahead(
        look_at=look_at,
        coming=tuple(_coming(at)),
        no_charge="" if at.never_charged else no_charge_because(at, owner),
        ends=_ends(at),
    )


def _coming(at: Situation) -> list[Coming]:
    owner = settle_owner(at)
    charge, letter = plan_charge(at, owner), plan_letter(at)
    dropped = {skip.step for skip in (*charge.skips, *letter.skips)}
    may_charge = not no_charge_because(at, owner)
    found: dict[str, Coming] = {}
    if charge.at is not None:
        found[charge.step] = Coming(charge.at, charge.step, charge=True, why=charge.why)
    if letter.at is not None:
        found[letter.step] = Coming(letter.at, letter.step, charge=False)
    earliest_at = charge.at
    for due_at, name in planned_steps(at):
        step = at.policy.step(name)
        if step is None or name in dropped or name in found or (step.charge and not may_charge):
            continue
        when = due_at
        if step.charge and earliest_at is not None:
            when = max(due_at, earliest_at + at.policy.retry_gap)
            when = next_open(when, at.office_zone, step.charge_window)
            earliest_at = when
        found[name] = Coming(when, name, charge=step.charge)
    return sorted(found.values(), key=lambda coming: coming.at)


def _ends(at: Situation) -> Ends | None:
    ending, planned = at.policy.ending, plan_ending(at)
    ends_at = planned.at if ending.do is EndingAct.LEAVE else expected_end(at)
    if ends_at is None:
        return None
    due_at = ending_due_at(at.case, at.policy)
    moved = ends_at - due_at > MOVED
    because = planned.blocked or (_why_later(at, planned, due_at) if moved else planned.reason)
    if not moved and not planned.blocked:
        because = own_time(at)
    return Ends(ends_at, ending_words(ending), due_at, because, moved)


def _why_later(at: Situation, planned: EndingPlan, due_at: datetime) -> str:
    """Return what moves the ending: its letter, Stripe's own try, or the office's hours."""
    if planned.at is not None:
        return "office hours" if planned.reason == own_time(at) else planned.reason
    step = at.policy.step(at.policy.ending.final_letter_step or "")
    gap = at.policy.ending.final_letter_gap
    if step is not None and step_due_at(at.case, step, at.office_zone) + gap > due_at:
        return f"{gap // timedelta(hours=1)} hours after the final letter"
    return "office hours"


def ending_words(ending: Ending) -> str:
    """Return what the ending does: `cancel, invoice uncollectible`."""
    subscription = _subscription_end(ending.do, ending)
    if ending.if_refused is not None:
        subscription += f" (if Stripe refuses: {_subscription_end(ending.if_refused, ending)})"
    invoice = {
        InvoiceEnd.LEAVE: "",
        InvoiceEnd.UNCOLLECTIBLE: ", invoice uncollectible",
        InvoiceEnd.VOID: ", invoice void",
    }[ending.invoice]
    return subscription + invoice


def is_access(policy: Policy | None, name: str) -> bool:
    """Return whether *name* stands for a change of access, of a step that may do more."""
    step = policy.step(name) if policy is not None else None
    alone = step is not None and step.access is not None and record_name(step) == name
    return alone or name.startswith(OWN_NAME)


def _subscription_end(act: EndingAct, ending: Ending) -> str:
    at_end = ending.when is CancelWhen.PERIOD_END
    return {
        EndingAct.CANCEL: "cancel at the period's end" if at_end else "cancel",
        EndingAct.PAUSE: "pause",
        EndingAct.HOLD_INVOICES: "hold new invoices back",
        EndingAct.DOWNGRADE: f"move to {ending.to_price_id}",
        EndingAct.LEAVE: "the subscription is left as it is",
    }[act]


def is_charge_step(policy: Policy | None, name: str) -> bool:
    """Return whether the step called *name* charges rather than writes."""
    step = policy.step(name) if policy is not None else None
    if step is not None:
        return step.charge
    return not name.startswith("confirm ") and not name.endswith("letter")


def network_use(at: Situation | None) -> Allowance | None:
    """Return what the networks say about the method in use; None where there is nothing to say."""
    if at is None or at.method is None:
        return None
    found = at.allowance(at.method)
    return found if found.rule or any(use.highest for use in found.uses) else None
