"""Parts of the money report that are made of metrics alone: money, causes, cohorts, MRR."""

from collections.abc import Sequence
from fractions import Fraction

from worker.cli.metrics_text import value_words
from worker.cli.report_money import MoneyReport
from worker.cli.report_money_words import (
    CAUSES,
    MOVES,
    money_scale,
    percent_scale,
    period_words,
    slice_words,
)
from worker.cli.report_parts import Cell, Change, Column, Part, Share, Table
from worker.domain.metric import Metric
from worker.domain.metric_counts import FailureCounts, HorizonCounts
from worker.domain.metrics_payments import HORIZON_DAYS
from worker.domain.money import Money
from worker.office.words import money_words
from worker.pages.charts import Chart, Kind, Mark, Series

COMPARED = (
    Column("name", "Figure", figures=False),
    Column("value", "This period"),
    Column("before", "Before"),
    Column("change", "Change"),
)
MONEY_FIGURES = {
    "failures": "Invoices whose first payment failed",
    "failed_amount": "What was owed on them",
    "first_attempt_failure_rate": "Renewals whose first attempt failed",
    "recoveries": "Failed invoices paid, whenever they failed",
    "recovered_amount": "What came in for them",
    "days_to_cash": "From failure to payment",
    "attempts_per_recovery": "Our charges per recovery",
    "letters_per_recovery": "Letters per recovery",
    "mrr_at_risk": "MRR at risk: a payment is overdue at the end",
    "mrr_at_risk_share": "… of all MRR",
}
DRAWN = ("failed_amount", "recovered_amount", "mrr_at_risk")
SHORT = {
    "failed_amount": "failed",
    "recovered_amount": "recovered",
    "mrr_at_risk": "MRR at risk",
}


def compared(report: MoneyReport, name: str, title: str, currency: str) -> tuple[Cell, ...]:
    """Return a row: a figure, the same of the period before, and the change."""
    now, before = report.figure(name, currency), report.figure_before(name, currency)
    return title, now, before, Change(now, before)


def money_part(report: MoneyReport, currency: str) -> Part:
    """Return what failed, what came in and what is at risk, beside the period before."""
    rows = tuple(compared(report, name, said, currency) for name, said in MONEY_FIGURES.items())
    chart = Chart(
        id=f"money-{currency}",
        title="Failed, recovered, at risk",
        description=f"Amounts in {currency.upper()}"
        + (", beside the period before." if report.has_before else "."),
        kind=Kind.BARS,
        labels=tuple(SHORT[name] for name in DRAWN),
        series=(
            _series("this period", [report.figure(name, currency) for name in DRAWN], Mark.GOOD),
            _series(
                "the period before",
                [report.figure_before(name, currency) for name in DRAWN],
                Mark.BEFORE,
            ),
        ),
        scale=money_scale(currency),
    )
    notes = (
        (
            "What came in counts by the day of payment, whenever the payment had failed; so it can"
            " be more than what failed in the period."
        ),
        "At risk is monthly revenue whose payment is overdue, not what is owed.",
    )
    table = Table("Money recovered and at risk", COMPARED, rows)
    return Part("money", currency, "Money recovered and at risk", notes, table, (chart,))


def _series(name: str, found: Sequence[Metric | None], mark: Mark) -> Series:
    return Series(
        name,
        tuple(metric.value if metric is not None else None for metric in found),
        mark,
        tuple(value_words(metric) if metric is not None else "" for metric in found),
    )


def causes_part(report: MoneyReport, currency: str) -> Part:
    """Return what recoveries are credited to."""
    rows: list[tuple[Cell, ...]] = []
    for cause, said in CAUSES.items():
        share = report.figure(f"recovered_by_{cause}", currency)
        amount = report.figure(f"recovered_amount_by_{cause}", currency)
        before = report.figure_before(f"recovered_amount_by_{cause}", currency)
        rows.append((said, int(share.numerator), share, amount, before, Change(amount, before)))
    columns = (
        Column("cause", "Recovered by", figures=False),
        Column("count", "Invoices"),
        Column("share", "Share"),
        Column("amount_minor", "Came in"),
        Column("before_minor", "Before"),
        Column("change_minor", "Change"),
    )
    chart = Chart(
        id=f"causes-{currency}",
        title="What brought the money",
        description=f"Amounts recovered in {currency.upper()} by their last cause.",
        kind=Kind.BARS,
        labels=tuple(CAUSES.values()),
        series=(
            _series(
                "this period",
                [report.figure(f"recovered_amount_by_{cause}", currency) for cause in CAUSES],
                Mark.GOOD,
            ),
        ),
        scale=money_scale(currency),
    )
    notes = ("The last cause before the payment; no proof that it would not have come without.",)
    table = Table("Recoveries by cause", columns, tuple(rows))
    return Part("recovered_by", currency, "Recovered by", notes, table, (chart,))


def cohorts_part(report: MoneyReport, currency: str) -> Part:
    """Return how much was paid 7, 14, 30 and 60 days after the failure, and what is pending."""
    cohorts: list[tuple[str, FailureCounts]] = []
    if len(report.slices) > 1:
        for part in report.slices:
            counts = part.failures.get(currency) or FailureCounts(currency)
            cohorts.append((slice_words(part.period), counts))
    cohorts.append((period_words(report.period), _whole(report, currency)))
    rows = tuple(row for name, counts in cohorts for row in _cohort_rows(name, counts))
    columns = (
        Column("failed", "Failed", figures=False),
        Column("day", "By day"),
        Column("invoices", "Invoices"),
        Column("paid", "Paid"),
        Column("paid_rate", "Paid, of invoices"),
        Column("pending", "Pending"),
        Column("amount_minor", "Owed"),
        Column("paid_minor", "Came in"),
        Column("amount_rate", "Came in, of amount"),
    )
    notes = (
        (
            "Invoices count by the day of their first failure. Pending ones are in dunning and the"
            " day is still to come, so the rate may rise yet."
        ),
    )
    table = Table("Recovery by days since the failure", columns, rows)
    charts = (_curve(report, currency),)
    return Part("cohorts", currency, "How fast it comes back", notes, table, charts)


def _whole(report: MoneyReport, currency: str) -> FailureCounts:
    """Return the cohort of the whole period, from its figures."""

    def number(name: str) -> int:
        return int(report.figure(name, currency).numerator)

    return FailureCounts(
        currency,
        failed=number("failures"),
        failed_minor=number("failed_amount"),
        horizons=tuple(
            HorizonCounts(
                days,
                number(f"recovery_rate_day_{days}"),
                number(f"recovery_amount_rate_day_{days}"),
                report.figure(f"recovery_rate_day_{days}", currency).pending,
            )
            for days in HORIZON_DAYS
        ),
    )


def _cohort_rows(name: str, counts: FailureCounts) -> list[tuple[Cell, ...]]:
    stood = {horizon.days: horizon for horizon in counts.horizons}
    rows: list[tuple[Cell, ...]] = []
    for days in HORIZON_DAYS:
        found = stood.get(days)
        paid, minor, pending = (
            (found.recovered, found.recovered_minor, found.pending) if found else (0, 0, 0)
        )
        rows.append(
            (
                name,
                days,
                counts.failed,
                paid,
                Share(paid, counts.failed, basis=counts.failed),
                pending,
                Money(counts.failed_minor, counts.currency),
                Money(minor, counts.currency),
                Share(minor, counts.failed_minor, basis=counts.failed),
            )
        )
    return rows


def _curve(report: MoneyReport, currency: str) -> Chart:
    counted = [report.figure(f"recovery_rate_day_{days}", currency) for days in HORIZON_DAYS]
    amounts = [report.figure(f"recovery_amount_rate_day_{days}", currency) for days in HORIZON_DAYS]
    before = [report.figure_before(f"recovery_rate_day_{days}", currency) for days in HORIZON_DAYS]
    highest = tuple(
        (each.numerator + each.pending) * 100 / each.denominator if each.denominator else None
        for each in counted
    )
    series = [
        _series("paid, of invoices", counted, Mark.GOOD),
        _quiet(_series("paid, of the amount", amounts, Mark.LATE)),
        _quiet(_series("paid, of invoices, the period before", before, Mark.BEFORE)),
    ]
    if any(each.pending for each in counted):
        said = tuple(f"{round(value)} %" if value is not None else "" for value in highest)
        most = Series("paid or pending, of invoices", highest, Mark.PENDING, said)
        series.append(_quiet(most))
    return Chart(
        id=f"cohorts-{currency}",
        title="Recovery curve",
        description="Share of what failed in the period that was paid by each day after it.",
        kind=Kind.LINES,
        labels=tuple(f"day {days}" for days in HORIZON_DAYS),
        series=tuple(series),
        scale=percent_scale,
        top=100,
    )


def _quiet(series: Series) -> Series:
    """Return the series with its words only for those who hear them: lines lie close together."""
    return Series(series.name, series.values, series.mark, series.said, is_labelled=False)


def mrr_part(report: MoneyReport, currency: str) -> Part:
    """Return MRR from its opening to its closing, movement by movement."""
    named = {f"mrr_{kind}": said.capitalize() for kind, said in MOVES.items()}
    rows = [
        compared(report, name, said, currency)
        for name, said in (
            ("mrr_start", "MRR at the start"),
            *named.items(),
            ("mrr_end", "MRR at the end"),
            ("arr", "The same for a year"),
            ("gross_revenue_retention", "Gross revenue retention"),
            ("net_revenue_retention", "Net revenue retention"),
            ("arpu", "MRR per paying customer"),
            ("quick_ratio", "Quick ratio: gained for each unit lost"),
        )
    ]
    table = Table("Movements of recurring revenue", COMPARED, tuple(rows))
    notes = ("Counted by the day on which a movement is booked: a closed month never changes.",)
    return Part(
        "mrr", currency, "Monthly recurring revenue", notes, table, (_waterfall(report, currency),)
    )


def _waterfall(report: MoneyReport, currency: str) -> Chart:
    start = int(report.figure("mrr_start", currency).numerator)
    end = int(report.figure("mrr_end", currency).numerator)
    steps = [
        (said, int(report.figure(f"mrr_{kind}", currency).numerator))
        for kind, said in MOVES.items()
    ]
    steps = [(said, delta) for said, delta in steps if delta]
    size = len(steps) + 2
    ground: list[Fraction | int | None] = [None] * size
    gained, lost, total = list(ground), list(ground), list(ground)
    words = [""] * size
    total[0], total[-1] = start, end
    words[0], words[-1] = (money_words(Money(minor, currency)) for minor in (start, end))
    level = start
    for place, (_, delta) in enumerate(steps, start=1):
        ground[place] = max(0, min(level, level + delta))
        (gained if delta > 0 else lost)[place] = abs(delta)
        sign = "+" if delta > 0 else "−"
        words[place] = sign + money_words(Money(abs(delta), currency))
        level += delta

    def said(values: list[Fraction | int | None]) -> tuple[str, ...]:
        pairs = zip(values, words, strict=True)
        return tuple(word if value is not None else "" for value, word in pairs)

    return Chart(
        id=f"mrr-{currency}",
        title="From the start to the end",
        description="Each bar begins where the one above it ended.",
        kind=Kind.STEPS,
        labels=("start", *(name for name, _ in steps), "end"),
        series=(
            Series("ground", tuple(ground), Mark.GROUND, ("",) * size),
            Series("MRR", tuple(total), Mark.GOOD, said(total)),
            Series("gained", tuple(gained), Mark.LATE, said(gained)),
            Series("lost", tuple(lost), Mark.LOST, said(lost)),
        ),
        scale=money_scale(currency),
    )
