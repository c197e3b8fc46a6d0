"""Attempts that the ledger lost with a backup, as Stripe's events tell of them. Pure.

Every event that a request of ours caused carries its key, and the key carries invoice and number.
"""

from dataclasses import dataclass
from datetime import datetime

from worker.domain.case import AttemptKind, AttemptState, Case
from worker.domain.decisions import End
from worker.domain.policy import Policy
from worker.domain.readings import DeclineSignals
from worker.domain.timetable import step_due_at

LOST = "found at Stripe after the ledger was restored"
"""Why a step counts as done, or as left out."""
REBUILT = "rebuilt"
"""The answer code of an attempt that was found again: no read and no commit came before it here."""

NO_SIGNALS = DeclineSignals()


@dataclass(frozen=True, slots=True)
class LostAttempt:
    """What the events under one key tell of its request."""

    key: str
    invoice_id: str
    no: int
    kind: AttemptKind
    state: AttemptState
    at: datetime
    """When its first event was created: business time, and the wall's as well."""
    amount_minor: int = 0
    currency: str = ""
    payment_method_id: str = ""
    charge_id: str = ""
    signals: DeclineSignals = NO_SIGNALS
    brand: str = ""
    payment_method_type: str = ""


@dataclass(frozen=True, slots=True)
class StepsTaken:
    """Which step a lost charge was, and which earlier ones it had taken the place of."""

    step: str
    passed: tuple[str, ...] = ()


def steps_taken(case: Case, policy: Policy, lost: LostAttempt, *, office_zone: str) -> StepsTaken:
    """Return the policy's last charge that was due by then and is not recorded; else its own name.

    A charge of another method than the declined one (a new card, a backup) takes no step's place,
    and neither does an ending.
    """
    own = StepsTaken(f"{REBUILT} {lost.no}")
    failed_with = case.failure.payment_method_id if case.failure is not None else ""
    if lost.kind is not AttemptKind.CHARGE:
        return StepsTaken(End(lost.kind).step)
    if failed_with and lost.payment_method_id not in {"", failed_with}:
        return own
    charged = {attempt.step for attempt in case.charges}
    due = sorted(
        (step_due_at(case, step, office_zone), step.name)
        for step in policy.steps
        if step.charge and case.record(step.name) is None and step.name not in charged
    )
    names = [name for at, name in due if at <= lost.at]
    return StepsTaken(names[-1], tuple(names[:-1])) if names else own
