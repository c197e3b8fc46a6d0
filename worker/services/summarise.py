"""The daily summary: one line of what is open, late and out of sight, once per office day."""

from datetime import datetime
from zoneinfo import ZoneInfo

from worker.ports import Ledger
from worker.services.approvals import remind_of_questions
from worker.services.case_turn import CasePorts


def summarise(*, ports: CasePorts, now: datetime) -> bool:
    """Write the summary line of the office day of *now*; False where it was written already."""
    zone = ZoneInfo(ports.configuration.dunning.office_zone)
    period = now.astimezone(zone).date().isoformat()
    with ports.ledger.begin() as tx:
        if not tx.jobs.once("summary", period, now=now):
            return False
        counts = tx.cases.counts(now=now)
        parked = tx.inbox.parked()
    remind_of_questions(ports, now=now)
    ports.log.info(
        "summary",
        open=counts.get("open", 0),
        held=counts.get("held", 0),
        in_review=counts.get("in_review", 0),
        closed=counts.get("closed", 0),
        not_due=counts.get("not_due", 0),
        late=counts.get("late", 0),
        parked=parked,
        business_at=now,
    )
    return True


def oldest_late_seconds(*, ledger: Ledger, now: datetime) -> int:
    """Return how late the oldest due case is, in seconds; 0 where none is due."""
    with ledger.begin() as tx:
        due_at = tx.cases.oldest_due_at()
    return max(0, int((now - due_at).total_seconds())) if due_at is not None else 0
