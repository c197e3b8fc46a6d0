"""What the metrics are computed from: sums and counts of one period, currency and group.

The store reads them from the views of schema `metrics`; everything here is a whole number, money in
minor units of `currency`.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from fractions import Fraction


@dataclass(frozen=True, slots=True)
class RevenueCounts:
    """Recurring revenue and customers; a customer has a subscription that has not ended."""

    currency: str
    group: str = ""
    opening_minor: int = 0
    """MRR at the beginning."""
    closing_minor: int = 0
    """MRR at the end."""
    moved_minor: Mapping[str, int] = field(default_factory=dict)
    """Kind of movement -> its sum, signed: opening + all of them = closing."""
    recovered_late_minor: int = 0
    """Of the reactivations: paid within 30 days after an involuntary end."""
    churned_involuntary_minor: int = 0
    """Of the churn, signed as it is."""
    kept_minor: int = 0
    """Of the customers with MRR at the beginning, or taken over: the lesser of then and now."""
    cohort_closing_minor: int = 0
    """Of the same customers: MRR at the end."""
    at_risk_minor: int = 0
    """MRR at the end of subscriptions whose payment is overdue then."""
    customers_opening: int = 0
    customers_closing: int = 0
    customers_taken_over: int = 0
    """Not there at the beginning, since the ledger was not; found there when it began."""
    customers_paying_base: int = 0
    """Customers with MRR at the beginning, or taken over."""
    customers_paying_closing: int = 0
    customers_lost: int = 0
    """Of those at the beginning, or taken over: not there at the end."""
    customers_lost_involuntary: int = 0
    customers_new: int = 0
    """There at the end, neither at the beginning nor taken over."""
    customers_joined: int = 0
    """Of neither, began within the period, whether or not they stayed."""
    customers_joined_and_lost: int = 0
    payments: int = 0
    """Renewals paid in the period."""
    payments_minor: int = 0
    payers: int = 0
    """Customers who paid them."""

    @property
    def base_minor(self) -> int:
        """What rates of revenue are of: a period in which the ledger began begins there."""
        return self.opening_minor + self.moved_minor.get("taken_over", 0)

    @property
    def customers_base(self) -> int:
        """What rates of customers are of, as `base_minor`."""
        return self.customers_opening + self.customers_taken_over


@dataclass(frozen=True, slots=True)
class RenewalCounts:
    """Renewals by the day on which they were due."""

    currency: str
    group: str = ""
    due: int = 0
    renewed: int = 0
    """Paid within 30 days of the due day."""
    renewed_on_time: int = 0
    pending: int = 0


@dataclass(frozen=True, slots=True)
class HorizonCounts:
    """How a cohort of failures stood some days after each failure."""

    days: int
    recovered: int
    recovered_minor: int
    pending: int


@dataclass(frozen=True, slots=True)
class FailureCounts:
    """First attempts of the period, and the cohort of those that failed in it."""

    currency: str
    group: str = ""
    attempted: int = 0
    attempted_failed: int = 0
    failed: int = 0
    """Invoices of any kind whose first payment failed."""
    failed_minor: int = 0
    horizons: tuple[HorizonCounts, ...] = ()


@dataclass(frozen=True, slots=True)
class CreditCounts:
    """Recoveries of the period that are credited to one cause."""

    count: int
    amount_minor: int
    tries: int
    letters: int
    seconds: int
    """From failure to payment, all together."""


@dataclass(frozen=True, slots=True)
class RecoveryCounts:
    """Recoveries by the day on which the money came."""

    currency: str
    group: str = ""
    credited: Mapping[str, CreditCounts] = field(default_factory=dict)
    """`retry_alone`, `after_letter`, ... (metrics.recoveries) -> its counts."""


@dataclass(frozen=True, slots=True)
class SurveyCounts:
    """Answers to one survey, by standing (metrics.survey_answers)."""

    promoters: int = 0
    passives: int = 0
    detractors: int = 0
    score_sum: int = 0

    @property
    def answers(self) -> int:
        """All of them; passives stay in every denominator."""
        return self.promoters + self.passives + self.detractors


@dataclass(frozen=True, slots=True)
class VoiceCounts:
    """Answers of the period; the same in every currency."""

    group: str = ""
    surveys: Mapping[str, SurveyCounts] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class TicketCounts:
    """Support tickets; the same in every currency."""

    group: str = ""
    opened: int = 0
    """Opened in the period."""
    resolved_at_once: int = 0
    """Of these: resolved by now with one answer."""
    still_open: int = 0
    """Of these: not resolved by now."""
    resolved: int = 0
    """Resolved in the period, whenever they were opened."""
    resolution_seconds: int = 0
    """From opening to resolution, of those."""


@dataclass(frozen=True, slots=True)
class HealthCounts:
    """The last score of each customer in the period; customers are added up by present weight."""

    group: str = ""
    weighed: Mapping[int, tuple[Fraction, int]] = field(default_factory=dict)
    """Sum of present weights -> (sum of weight x value, customers)."""


@dataclass(frozen=True, slots=True)
class CostCounts:
    """What was spent in the period to keep customers; of the ledger as a whole."""

    currency: str
    amount_minor: int


@dataclass(frozen=True, slots=True)
class Counts:
    """Everything that the metrics of one period are computed from."""

    revenue: tuple[RevenueCounts, ...] = ()
    renewals: tuple[RenewalCounts, ...] = ()
    failures: tuple[FailureCounts, ...] = ()
    recoveries: tuple[RecoveryCounts, ...] = ()
    voices: tuple[VoiceCounts, ...] = ()
    tickets: tuple[TicketCounts, ...] = ()
    health: tuple[HealthCounts, ...] = ()
    costs: tuple[CostCounts, ...] = ()
