"""What a customer may use: the words, when a step changes it, and what a case's end makes of it.

The words between `full` and `none` are the operator's own (`read_only`); what they mean is the
application's matter. Nothing here is asked of Stripe and no request is sent.
"""

from dataclasses import dataclass
from datetime import datetime

from worker.domain.case import Case, CaseState, Outcome
from worker.domain.policy import CancelWhen, EndingAct, Policy, Step
from worker.domain.timetable import ending_due_at, step_due_at

FULL = "full"
NONE = "none"

OWN_NAME = "access of "
"""Begins the name under which a step's access is recorded where the step does something else too:
a letter that is left out must not take the access with it."""

GIVEN_BACK = frozenset(
    (
        Outcome.RECOVERED,
        Outcome.RECOVERED_LATE,
        Outcome.PAID_ON_TIME,
        Outcome.VOIDED,
        Outcome.WRITTEN_OFF,
        Outcome.CLOSED_BY_HAND,
    )
)
"""Outcomes after which nobody asks the customer for that money any more."""


@dataclass(frozen=True, slots=True)
class AccessChange:
    """A change of access to come, if nobody pays."""

    at: datetime
    """At the earliest: hours, letters and a try that is made first may move it, never forward."""
    access: str
    step: str
    """The policy's step, or `ending`."""


def record_name(step: Step) -> str:
    """Return the name under which a step's change of access is recorded in its case."""
    alone = not step.charge and step.letter is None
    return step.name if alone else f"{OWN_NAME}{step.name}"


def pending_access(case: Case, policy: Policy, office_zone: str) -> list[tuple[datetime, Step]]:
    """Return the policy's changes of access that are still to come, in order of time."""
    steps = [s for s in policy.steps if s.access and case.record(record_name(s)) is None]
    dated = ((step_due_at(case, step, office_zone), step) for step in steps)
    return sorted(dated, key=lambda each: each[0])


def next_change(
    case: Case, policy: Policy, office_zone: str, *, now: datetime
) -> AccessChange | None:
    """Return the next change if nobody pays; None where none is planned or the case stands still.

    An end that cancels at once or pauses takes all access, one that waits for the period's end, or
    holds invoices back, does not.
    """
    if case.state is not CaseState.OPEN or case.stood_down_at is not None:
        return None
    coming = [
        AccessChange(max(at, now), step.access or FULL, step.name)
        for at, step in pending_access(case, policy, office_zone)
    ]
    ending = policy.ending
    cancels_at_once = ending.do is EndingAct.CANCEL and ending.when is CancelWhen.NOW
    if cancels_at_once or ending.do is EndingAct.PAUSE:
        coming.append(AccessChange(max(ending_due_at(case, policy), now), NONE, "ending"))
    return min(coming, key=lambda change: change.at, default=None)


def access_at_close(outcome: Outcome, *, subscription_over: bool, leads: bool, known: str) -> str:
    """Return what the customer may use once a case has closed.

    Args: leads: no older case of the subscription is unfinished; known: what they may use now.
    A subscription that goes on for the rest of its period, or that is left as it is, keeps the
    policy's last word.
    """
    if subscription_over:
        return NONE
    return FULL if leads and outcome in GIVEN_BACK else known
