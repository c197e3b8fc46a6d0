"""Metrics of imported figures: surveys, tickets, health, costs of retention (domain.md 5.1)."""

from collections.abc import Iterator
from fractions import Fraction

from worker.domain.metric import Definition, Metric, Parts, Period, Unit
from worker.domain.metric_counts import (
    CostCounts,
    HealthCounts,
    RevenueCounts,
    SurveyCounts,
    TicketCounts,
    VoiceCounts,
)

COSTS_TOO_MUCH = "more than the MRR per customer of the same time"
MRR_PER_CUSTOMER = "mrr_per_customer_of_the_period"
"""The term that the cost is held against: MRR at the start x months / customers at the start."""

_ANSWERS = "metrics.survey_answers"
_TICKETS = "metrics.tickets"

NPS = Definition("nps", "share of 9-10 less share of 0-6, of all answers", Unit.POINTS, _ANSWERS)
CSAT = Definition("csat", "answers of 4 or 5 / all answers", Unit.PERCENT, _ANSWERS)
CES = Definition("ces", "sum of answers (1 hard, 7 easy) / answers", Unit.RATIO, _ANSWERS)
FIRST_CONTACT = Definition(
    "first_contact_resolution",
    "of the tickets opened in the period: resolved with one answer / all",
    Unit.PERCENT,
    _TICKETS,
)
TIME_TO_RESOLUTION = Definition(
    "hours_to_resolution",
    "hours from opening to resolution, summed / tickets resolved in the period",
    Unit.HOURS,
    _TICKETS,
)
HEALTH = Definition(
    "customer_health_score",
    "last score of each customer in the period, summed / customers;"
    " a score is the mean of the inputs that there are, weighed by `metrics: health`",
    Unit.RATIO,
    "metrics.health_scores",
)
RETENTION_COST = Definition(
    "retention_cost_per_customer",
    "costs of retention in the period / (customers at the start + taken over)",
    Unit.MONEY,
    "metrics.retention_costs, metrics.movements",
    Parts.MONEY_PER_COUNT,
)

IMPORTED_DEFINITIONS = (
    NPS,
    CSAT,
    CES,
    FIRST_CONTACT,
    TIME_TO_RESOLUTION,
    HEALTH,
    RETENTION_COST,
)

_NONE = SurveyCounts()


def voice_metrics(counts: VoiceCounts) -> Iterator[Metric]:
    """Yield NPS, CSAT and CES of one group."""
    nps, csat, ces = (counts.surveys.get(name, _NONE) for name in ("nps", "csat", "ces"))
    for definition, number, survey in (
        (NPS, nps.promoters - nps.detractors, nps),
        (CSAT, csat.promoters, csat),
        (CES, ces.score_sum, ces),
    ):
        of = survey.answers
        yield Metric(definition, "", counts.group, Fraction(number), Fraction(of), basis=of)


def ticket_metrics(counts: TicketCounts) -> Iterator[Metric]:
    """Yield how tickets of one group were resolved."""
    yield Metric(
        FIRST_CONTACT,
        "",
        counts.group,
        Fraction(counts.resolved_at_once),
        Fraction(counts.opened),
        basis=counts.opened,
        pending=counts.still_open,
    )
    yield Metric(
        TIME_TO_RESOLUTION,
        "",
        counts.group,
        Fraction(counts.resolution_seconds, 3600),
        Fraction(counts.resolved),
        basis=counts.resolved,
    )


def health_metrics(counts: HealthCounts) -> Iterator[Metric]:
    """Yield the mean health of one group; 0 (bad) to 100 (good)."""
    scores = (weighted / present for present, (weighted, _) in counts.weighed.items())
    customers = sum(number for _, number in counts.weighed.values())
    total = sum(scores, Fraction(0))
    yield Metric(HEALTH, "", counts.group, total, Fraction(customers), basis=customers)


def cost_metrics(counts: CostCounts, revenue: RevenueCounts, period: Period) -> Iterator[Metric]:
    """Yield what keeping a customer costs, with a warning where that is more than it brings."""
    customers = revenue.customers_base
    terms, warning = {}, ""
    if customers:
        brought = revenue.base_minor * period.months / customers
        terms = {MRR_PER_CUSTOMER: brought}
        warning = COSTS_TOO_MUCH if Fraction(counts.amount_minor, customers) > brought else ""
    yield Metric(
        RETENTION_COST,
        counts.currency,
        "",
        Fraction(counts.amount_minor),
        Fraction(customers),
        basis=customers,
        terms=terms,
        warning=warning,
    )
