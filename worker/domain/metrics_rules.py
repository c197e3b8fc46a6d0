"""The conventions by which recurring revenue is counted, as the operator chose them."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from enum import StrEnum


class ChurnAt(StrEnum):
    """When a customer who does not pay counts as lost (domain.md 5.2)."""

    FIRST_FAILURE = "first_failure"
    """As soon as the subscription owes a failed renewal."""
    GRACE_END = "grace_end"
    """When it has owed for the whole of `grace`."""
    TERMINAL_STATE = "terminal_state"
    """When it is canceled or unpaid, as Stripe counts."""


@dataclass(frozen=True, slots=True)
class HealthDefinition:
    """How a customer's health score is weighed; figures keep the one that they came under."""

    version: str
    weights: Mapping[str, int]
    """Input -> its weight in percent; together 100."""


@dataclass(frozen=True, slots=True)
class MetricsRules:
    """What the facts of recurring revenue go by; a change of it counts for later facts only."""

    churn_at: ChurnAt = ChurnAt.TERMINAL_STATE
    grace: timedelta = timedelta(days=7)
    """How long a subscription owes until it counts as lost, with `grace_end`."""
    temporary_discounts_count: bool = False
    """Whether discounts that end by themselves lower MRR while they last; lasting ones always do.

    Stripe's figure leaves them out (support.stripe.com/questions/billing-analytics).
    """
    metadata: tuple[str, ...] = ()
    """Keys of Stripe's metadata that facts keep, to be grouped by: those listed, and those that
    policies match by."""
    office_days: bool = False
    """Whether periods of figures begin at the office's midnight; else at UTC's."""
    health: HealthDefinition | None = None
    """None where no health score is wanted."""
    comment_tags: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """Tag -> the words by which comments of surveys get it."""


DEFAULTS = MetricsRules()
"""What counts where the operator says nothing."""
