"""What `dunning metrics` shows: every figure of one period, as one value."""

from dataclasses import dataclass
from datetime import datetime

from worker.domain.comments import TaggedComments
from worker.domain.metric import Metric, Period
from worker.domain.metric_groups import GroupBy


@dataclass(frozen=True, slots=True)
class Measured:
    """Every figure of one period."""

    period: Period
    by: GroupBy | None
    now: datetime
    """Business time of the reading; what is pending then may be decided later."""
    metrics: tuple[Metric, ...]
    comments: tuple[TaggedComments, ...] = ()
    """Of the surveys; none where figures are grouped."""
