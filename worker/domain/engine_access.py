"""Which change of access is next; overdue ones collapse into the last of them (D16)."""

from worker.domain.access import pending_access, record_name
from worker.domain.decisions import Skip
from worker.domain.engine_charging import COLLAPSED, Plan
from worker.domain.engine_situation import Situation

NO_SUBSCRIPTION = "the invoice belongs to no subscription"


def plan_access(at: Situation) -> Plan:
    """Return the next change of access; without a subscription there is nothing to use."""
    pending = pending_access(at.case, at.policy, at.office_zone)
    due = [step for due_at, step in pending if due_at <= at.now]
    if not at.case.subscription_id:
        return Plan(skips=tuple(Skip(record_name(step), NO_SUBSCRIPTION) for step in due))
    if not pending:
        return Plan()
    step_at, step = (at.now, due[-1]) if due else pending[0]
    skips = tuple(Skip(record_name(old), COLLAPSED) for old in due[:-1])
    return Plan(record_name(step), step_at, access=step.access or "", skips=skips)
