"""Metrics of renewals, first attempts and recoveries (domain.md 5.3)."""

from collections.abc import Iterator
from fractions import Fraction

from worker.domain.metric import Definition, Metric, Parts, Unit
from worker.domain.metric_counts import (
    CreditCounts,
    FailureCounts,
    HorizonCounts,
    RecoveryCounts,
    RenewalCounts,
)

HORIZON_DAYS = (7, 14, 30, 60)
"""On which days after its first failure an invoice is looked at."""

CREDITS = (
    "retry_alone",
    "after_letter",
    "customer",
    "updater",
    "backup",
    "by_hand",
    "out_of_band",
)
"""What a recovery may be credited to (metrics.recoveries)."""

LATE_DAYS_MAX = 30
"""A renewal that is paid later than this after its due day counts as not renewed."""

_FAILED = "metrics.failures, metrics.recoveries"
_RECOVERED = "metrics.recoveries"

RENEWAL = Definition(
    "renewal_rate",
    "of the renewals due in the period: paid within 30 days / all",
    Unit.PERCENT,
    "metrics.renewals",
)
RENEWAL_ON_TIME = Definition(
    "renewal_rate_on_time",
    "of the renewals due in the period: paid without a failed payment / all",
    Unit.PERCENT,
    "metrics.renewals",
)
FIRST_FAILURE = Definition(
    "first_attempt_failure_rate",
    "invoices of renewals whose first attempt failed / all first attempted in the period",
    Unit.PERCENT,
    "metrics.first_attempts",
)
FAILURES = Definition(
    "failures",
    "invoices in dunning whose first payment failed in the period",
    Unit.COUNT,
    "metrics.failures",
)
FAILED_AMOUNT = Definition(
    "failed_amount", "what was owed on these invoices", Unit.MONEY, "metrics.failures"
)
RECOVERY = {
    days: Definition(
        f"recovery_rate_day_{days}",
        f"of the invoices that first failed in the period: paid within {days} days / all",
        Unit.PERCENT,
        _FAILED,
    )
    for days in HORIZON_DAYS
}
RECOVERY_AMOUNT = {
    days: Definition(
        f"recovery_amount_rate_day_{days}",
        f"of what first failed in the period: amount paid within {days} days / all",
        Unit.PERCENT,
        _FAILED,
        Parts.MONEY,
    )
    for days in HORIZON_DAYS
}
RECOVERIES = Definition(
    "recoveries", "failed invoices paid in the period, whenever they failed", Unit.COUNT, _RECOVERED
)
RECOVERED_AMOUNT = Definition(
    "recovered_amount", "what came in for these invoices", Unit.MONEY, _RECOVERED
)
CREDITED = {
    cause: Definition(
        f"recovered_by_{cause}",
        f"recoveries of the period credited to `{cause}` / all of them",
        Unit.PERCENT,
        _RECOVERED,
    )
    for cause in CREDITS
}
CREDITED_AMOUNT = {
    cause: Definition(
        f"recovered_amount_by_{cause}",
        f"amount recovered in the period credited to `{cause}`",
        Unit.MONEY,
        _RECOVERED,
    )
    for cause in CREDITS
}
ATTEMPTS = Definition(
    "attempts_per_recovery", "our charges for these invoices / recoveries", Unit.RATIO, _RECOVERED
)
LETTERS = Definition(
    "letters_per_recovery", "letters sent about these invoices / recoveries", Unit.RATIO, _RECOVERED
)
DAYS_TO_CASH = Definition(
    "days_to_cash", "days from first failure to payment, summed / recoveries", Unit.DAYS, _RECOVERED
)

PAYMENT_DEFINITIONS = (
    RENEWAL,
    RENEWAL_ON_TIME,
    FIRST_FAILURE,
    FAILURES,
    FAILED_AMOUNT,
    *(each for days in HORIZON_DAYS for each in (RECOVERY[days], RECOVERY_AMOUNT[days])),
    RECOVERIES,
    RECOVERED_AMOUNT,
    *(each for cause in CREDITS for each in (CREDITED[cause], CREDITED_AMOUNT[cause])),
    ATTEMPTS,
    LETTERS,
    DAYS_TO_CASH,
)

_NOTHING = CreditCounts(0, 0, 0, 0, 0)


def renewal_metrics(counts: RenewalCounts) -> Iterator[Metric]:
    """Yield the renewal rates of one currency and group."""
    for definition, number in (
        (RENEWAL, counts.renewed),
        (RENEWAL_ON_TIME, counts.renewed_on_time),
    ):
        yield Metric(
            definition,
            counts.currency,
            counts.group,
            Fraction(number),
            Fraction(counts.due),
            basis=counts.due,
            pending=counts.pending,
        )


def failure_metrics(counts: FailureCounts) -> Iterator[Metric]:
    """Yield failure and recovery rates of the invoices that first failed in the period."""
    where = (counts.currency, counts.group)
    yield Metric(
        FIRST_FAILURE,
        *where,
        Fraction(counts.attempted_failed),
        Fraction(counts.attempted),
        basis=counts.attempted,
    )
    yield Metric(FAILURES, *where, Fraction(counts.failed), None)
    yield Metric(FAILED_AMOUNT, *where, Fraction(counts.failed_minor), None)
    stood = {horizon.days: horizon for horizon in counts.horizons}
    for days in HORIZON_DAYS:
        yield from _at_horizon(counts, stood.get(days, HorizonCounts(days, 0, 0, 0)))


def _at_horizon(counts: FailureCounts, horizon: HorizonCounts) -> Iterator[Metric]:
    for definition, number, of in (
        (RECOVERY[horizon.days], horizon.recovered, counts.failed),
        (RECOVERY_AMOUNT[horizon.days], horizon.recovered_minor, counts.failed_minor),
    ):
        yield Metric(
            definition,
            counts.currency,
            counts.group,
            Fraction(number),
            Fraction(of),
            basis=counts.failed,
            pending=horizon.pending,
        )


def recovery_metrics(counts: RecoveryCounts) -> Iterator[Metric]:
    """Yield what came in during the period, by cause, and what it took."""
    where = (counts.currency, counts.group)
    every = counts.credited.values()
    number = sum(each.count for each in every)
    amount_minor = sum(each.amount_minor for each in every)
    yield Metric(RECOVERIES, *where, Fraction(number), None)
    yield Metric(RECOVERED_AMOUNT, *where, Fraction(amount_minor), None)
    for cause in CREDITS:
        found = counts.credited.get(cause, _NOTHING)
        yield Metric(CREDITED[cause], *where, Fraction(found.count), Fraction(number), basis=number)
        yield Metric(CREDITED_AMOUNT[cause], *where, Fraction(found.amount_minor), None)
    for definition, total in (
        (ATTEMPTS, Fraction(sum(each.tries for each in every))),
        (LETTERS, Fraction(sum(each.letters for each in every))),
        (DAYS_TO_CASH, Fraction(sum(each.seconds for each in every), 86_400)),
    ):
        yield Metric(definition, *where, total, Fraction(number), basis=number)
