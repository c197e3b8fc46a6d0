"""Facts: append-only events of ours, one per state change (interface.md, Events).

A fact's id is a function of its type, subject and occasion, so writing it twice writes it once. It
holds ids, amounts and words of ours for ever; what a person typed is kept beside it, where it can
be erased.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from worker.domain.identifiers import stable_id
from worker.domain.staff_words import StaffWords

SOURCE = "dunning-worker"
SPEC_VERSION = "1.0"


FACT_TYPES = frozenset(
    (
        "access.changed",
        "case.adopted",
        "case.approval_over",
        "case.approved",
        "case.closed",
        "case.extended",
        "case.held",
        "case.in_review",
        "case.opened",
        "case.person_decides",
        "case.policy_changed",
        "case.released",
        "charging.resumed",
        "charging.stopped",
        "configuration.applied",
        "customer.forgotten",
        "figures.imported",
        "notice.failed",
        "notice.queued",
        "notice.sent",
        "notice.suppressed",
        "notice.unknown",
        "offer.given",
        "payment.failed",
        "payment.recovered",
        "payment.retried",
        "payment.retry_scheduled",
        "payment_method.expiring",
        "payment_method.updated",
        "subscription.churned",
        "subscription.contracted",
        "subscription.expanded",
        "subscription.found",
        "subscription.paused",
        "subscription.reactivated",
        "subscription.renewal_upcoming",
        "subscription.renewed",
        "subscription.resumed",
        "subscription.started",
        "subscription.trial_ending",
    )
)
"""Every type a fact may have; the part before the dot is its family."""


@dataclass(frozen=True, slots=True)
class Fact:
    """One thing that happened, at `time` (business time, aware UTC)."""

    type: str
    subject: str
    """The case, subscription or payment method that it is about."""
    time: datetime
    occasion: str
    """What tells this fact from another of the same type and subject."""
    data: Mapping[str, object] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Refuse a type that nobody was told of. Raises: ValueError: our defect."""
        if self.type not in FACT_TYPES:
            raise ValueError(f"{self.type} is no type of a fact")

    @property
    def kept(self) -> dict[str, object]:
        """What of its data is kept for ever."""
        return {k: v for k, v in self.data.items() if not isinstance(v, StaffWords)}

    @property
    def words(self) -> dict[str, str]:
        """What of its data people typed."""
        return {k: str(v) for k, v in self.data.items() if isinstance(v, StaffWords)}

    def id_in(self, account_id: str) -> str:
        """Return the fact's id, the same for every retelling."""
        return stable_id(account_id, self.type, self.subject, self.occasion)


def cloud_event(
    *,
    fact_id: str,
    fact_type: str,
    subject: str,
    time: datetime,
    data: Mapping[str, object],
    position: int | None = None,
) -> dict[str, object]:
    """Return the CloudEvents 1.0 envelope as a JSON-able dict; `time` is when it happened.

    Args: position: its place in the chain over the facts, an extension attribute; None before it
    is sealed.
    """
    event: dict[str, object] = {
        "specversion": SPEC_VERSION,
        "id": fact_id,
        "source": SOURCE,
        "type": fact_type,
        "subject": subject,
        "time": time.isoformat().replace("+00:00", "Z"),
        "datacontenttype": "application/json",
        "dataschema": f"urn:dunning-worker:event:{fact_type}:1",
        "data": dict(data),
    }
    return event if position is None else event | {"position": position}
