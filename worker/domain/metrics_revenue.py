"""Metrics of recurring revenue and customers (domain.md 5.1, 5.2)."""

from collections.abc import Iterator
from fractions import Fraction

from worker.domain.metric import Definition, Metric, Parts, Period, Unit
from worker.domain.metric_counts import RevenueCounts

MOVES = (
    "taken_over",
    "new",
    "reactivation",
    "expansion",
    "contraction",
    "pause",
    "resume",
    "churn",
)
"""Every kind of movement, as `metrics.movements` names it."""

GAINS = ("new", "reactivation", "expansion", "resume")
LOSSES = ("contraction", "pause", "churn")

_MOVEMENTS = "metrics.movements"


def _percent(name: str, formula: str) -> Definition:
    return Definition(name, formula, Unit.PERCENT, _MOVEMENTS)


def _share(name: str, formula: str, source: str = _MOVEMENTS) -> Definition:
    return Definition(name, formula, Unit.PERCENT, source, Parts.MONEY)


def _money(name: str, formula: str, source: str = _MOVEMENTS) -> Definition:
    return Definition(name, formula, Unit.MONEY, source, Parts.MONEY_PER_COUNT)


def _count(name: str, formula: str) -> Definition:
    return Definition(name, formula, Unit.COUNT, _MOVEMENTS)


CUSTOMERS_START = _count("customers_start", "customers at the start")
CUSTOMERS_TAKEN_OVER = _count(
    "customers_taken_over", "customers from before the ledger, where it began in the period"
)
CUSTOMERS_LOST = _count(
    "customers_lost", "customers at the start, or taken over, who are not there at the end"
)
CUSTOMERS_NEW = _count(
    "customers_new", "customers at the end who were neither there at the start nor taken over"
)
CUSTOMERS_END = _count("customers_end", "customers at the end = start + taken over + new - lost")
RETENTION = _percent(
    "customer_retention_rate",
    "(customers at the end - new ones) / (customers at the start + taken over)",
)
CHURN = _percent("customer_churn_rate", "customers lost / (customers at the start + taken over)")
CHURN_VOLUNTARY = _percent(
    "customer_churn_rate_voluntary",
    "of those lost, who left themselves / (customers at the start + taken over)",
)
CHURN_INVOLUNTARY = _percent(
    "customer_churn_rate_involuntary",
    "of those lost, who did not pay / (customers at the start + taken over)",
)
CHURN_AS_STRIPE = _percent(
    "subscriber_churn_rate_as_stripe",
    "customers lost, also of those who joined / (customers at the start + taken over + joined)",
)

MRR_START = _money("mrr_start", "monthly recurring revenue at the start")
MRR_END = _money("mrr_end", "monthly recurring revenue at the end = start + all movements")
MRR_MOVES = {
    "taken_over": _money(
        "mrr_taken_over", "of subscriptions from before the ledger; nobody's gain"
    ),
    "new": _money("mrr_new", "of customers who never were one"),
    "reactivation": _money("mrr_reactivation", "of customers who came back"),
    "expansion": _money("mrr_expansion", "increases of existing customers"),
    "contraction": _money("mrr_contraction", "decreases of customers who stay"),
    "pause": _money("mrr_pause", "of subscriptions that were paused"),
    "resume": _money("mrr_resume", "of subscriptions that go on after a pause"),
    "churn": _money("mrr_churn", "of customers who ended"),
}
RECOVERED_LATE = _money(
    "mrr_recovered_late", "of the reactivations: paid within 30 days after an involuntary end"
)
ARR = _money("arr", "MRR at the end x 12")
GRR = _share(
    "gross_revenue_retention",
    "of customers with MRR at the start, or taken over: lesser of MRR then and now / MRR then",
)
NRR = _share(
    "net_revenue_retention",
    "of customers with MRR at the start, or taken over: MRR at the end / MRR then",
)
REVENUE_CHURN = _share("revenue_churn_rate", "churned MRR / (MRR at the start + taken over)")
REVENUE_CHURN_VOLUNTARY = _share(
    "revenue_churn_rate_voluntary",
    "MRR of customers who left themselves / (MRR at the start + taken over)",
)
REVENUE_CHURN_INVOLUNTARY = _share(
    "revenue_churn_rate_involuntary",
    "MRR of customers who did not pay / (MRR at the start + taken over)",
)
NET_REVENUE_CHURN = _share(
    "net_revenue_churn_rate", "(churned MRR - expansion) / (MRR at the start + taken over)"
)
AT_RISK = _money(
    "mrr_at_risk",
    "MRR at the end of subscriptions in dunning: a payment overdue, no cancel asked for since",
    "metrics.case_spans, metrics.movements",
)
AT_RISK_SHARE = _share(
    "mrr_at_risk_share", "MRR at risk / MRR at the end", "metrics.case_spans, metrics.movements"
)
ARPU = _money("arpu", "MRR at the end / customers with MRR at the end")
CLV = _money(
    "clv",
    "average payment x payments of a payer in a year x lifespan in years (1 / yearly churn rate)",
    "metrics.paid_renewals, metrics.movements",
)
CLV_ARPU = _money("clv_arpu_over_churn", "ARPU / monthly customer churn rate")
QUICK_RATIO = Definition(
    "quick_ratio",
    "(new + reactivation + expansion + resume) / (contraction + pause + churn)",
    Unit.RATIO,
    _MOVEMENTS,
    Parts.MONEY,
)

REVENUE_DEFINITIONS = (
    CUSTOMERS_START,
    CUSTOMERS_TAKEN_OVER,
    CUSTOMERS_LOST,
    CUSTOMERS_NEW,
    CUSTOMERS_END,
    RETENTION,
    CHURN,
    CHURN_VOLUNTARY,
    CHURN_INVOLUNTARY,
    CHURN_AS_STRIPE,
    MRR_START,
    *MRR_MOVES.values(),
    RECOVERED_LATE,
    MRR_END,
    ARR,
    GRR,
    NRR,
    REVENUE_CHURN,
    REVENUE_CHURN_VOLUNTARY,
    REVENUE_CHURN_INVOLUNTARY,
    NET_REVENUE_CHURN,
    AT_RISK,
    AT_RISK_SHARE,
    ARPU,
    CLV,
    CLV_ARPU,
    QUICK_RATIO,
)


def revenue_metrics(counts: RevenueCounts, period: Period) -> Iterator[Metric]:
    """Yield the figures of one currency and group, in the order of REVENUE_DEFINITIONS."""
    yield from _customers(counts)
    yield from _movements(counts)
    yield from _retention(counts)
    yield from _worth(counts, period)


def _customers(counts: RevenueCounts) -> Iterator[Metric]:
    base, lost = counts.customers_base, counts.customers_lost
    involuntary = counts.customers_lost_involuntary
    for definition, number in (
        (CUSTOMERS_START, counts.customers_opening),
        (CUSTOMERS_TAKEN_OVER, counts.customers_taken_over),
        (CUSTOMERS_LOST, lost),
        (CUSTOMERS_NEW, counts.customers_new),
        (CUSTOMERS_END, counts.customers_closing),
    ):
        yield _sum(counts, definition, number)
    stayed = counts.customers_closing - counts.customers_new
    for definition, number in (
        (RETENTION, stayed),
        (CHURN, lost),
        (CHURN_VOLUNTARY, lost - involuntary),
        (CHURN_INVOLUNTARY, involuntary),
    ):
        yield _quotient(counts, definition, number, base, base)
    of = base + counts.customers_joined
    yield _quotient(counts, CHURN_AS_STRIPE, lost + counts.customers_joined_and_lost, of, of)


def _movements(counts: RevenueCounts) -> Iterator[Metric]:
    yield _sum(counts, MRR_START, counts.opening_minor)
    for kind, definition in MRR_MOVES.items():
        yield _sum(counts, definition, counts.moved_minor.get(kind, 0))
    yield _sum(counts, RECOVERED_LATE, counts.recovered_late_minor)
    yield _sum(counts, MRR_END, counts.closing_minor)
    yield _sum(counts, ARR, counts.closing_minor * 12)


def _retention(counts: RevenueCounts) -> Iterator[Metric]:
    base, basis = counts.base_minor, counts.customers_paying_base
    churned = -counts.moved_minor.get("churn", 0)
    involuntary = -counts.churned_involuntary_minor
    for definition, amount in (
        (GRR, counts.kept_minor),
        (NRR, counts.cohort_closing_minor),
        (REVENUE_CHURN, churned),
        (REVENUE_CHURN_VOLUNTARY, churned - involuntary),
        (REVENUE_CHURN_INVOLUNTARY, involuntary),
        (NET_REVENUE_CHURN, churned - counts.moved_minor.get("expansion", 0)),
    ):
        yield _quotient(counts, definition, amount, base, basis)


def _worth(counts: RevenueCounts, period: Period) -> Iterator[Metric]:
    closing, paying = counts.closing_minor, counts.customers_paying_closing
    base, lost = counts.customers_base, counts.customers_lost
    yield _sum(counts, AT_RISK, counts.at_risk_minor)
    yield _quotient(counts, AT_RISK_SHARE, counts.at_risk_minor, closing, paying)
    yield _quotient(counts, ARPU, closing, paying, paying)
    yield _lifetime_value(counts, period)
    # ARPU / (lost / start / months), written as one quotient so that nothing is rounded.
    yield _quotient(counts, CLV_ARPU, closing * base * period.months, paying * lost, base)
    gained = sum(counts.moved_minor.get(kind, 0) for kind in GAINS)
    let_go = -sum(counts.moved_minor.get(kind, 0) for kind in LOSSES)
    yield _quotient(counts, QUICK_RATIO, gained, let_go, base)


def _lifetime_value(counts: RevenueCounts, period: Period) -> Metric:
    """Value x frequency x lifespan; the length of the period cancels out of the product."""
    years = period.months / 12
    terms = {}
    if counts.payments and counts.payers and counts.customers_lost:
        terms = {
            "average_payment": Fraction(counts.payments_minor, counts.payments),
            "payments_per_year": Fraction(counts.payments, counts.payers) / years,
            "lifespan_years": Fraction(counts.customers_base, counts.customers_lost) * years,
        }
    return Metric(
        CLV,
        counts.currency,
        counts.group,
        Fraction(counts.payments_minor * counts.customers_base),
        Fraction(counts.payers * counts.customers_lost),
        basis=counts.customers_base,
        terms=terms,
    )


def _sum(counts: RevenueCounts, definition: Definition, number: int) -> Metric:
    return Metric(definition, counts.currency, counts.group, Fraction(number), None)


def _quotient(
    counts: RevenueCounts,
    definition: Definition,
    number: int | Fraction,
    of: int,
    basis: int,
) -> Metric:
    return Metric(
        definition, counts.currency, counts.group, Fraction(number), Fraction(of), basis=basis
    )
