"""Parts of the money report about what failed, who left, and which renewals were due."""

from collections import defaultdict
from collections.abc import Iterable

from worker.cli.metrics_text import value_words
from worker.cli.report_money import MoneyReport
from worker.cli.report_money_words import (
    STANDINGS,
    count_scale,
    money_scale,
    period_words,
    plain_words,
    slice_words,
)
from worker.cli.report_parts import Cell, Column, Part, Share, Table
from worker.domain.money import Money
from worker.office.words import decline_words, money_words
from worker.pages.charts import Chart, Kind, Mark, Series
from worker.store.reading_money import ChurnGroup, FailureGroup

REASONS_DRAWN = 10
"""The most frequent ones; all of them stand in the table."""


def funnel_part(report: MoneyReport, currency: str) -> Part:
    """Return the way from failure to cash, and where the rest stands now."""
    found = [each for each in report.failures if each.currency == currency]
    whole = _sum(found)
    worked = _sum(each for each in found if each.worked)
    paid = _sum(each for each in found if each.standing == "paid")
    stages = [
        ("failed", whole),
        ("written to or charged again", worked),
        ("paid, and still paid now", paid),
    ]
    standings: dict[str, list[FailureGroup]] = defaultdict(list)
    for each in found:
        if each.standing != "paid":
            standings[each.standing].append(each)
    rest = [
        (f"not paid: {STANDINGS.get(name, plain_words(name))}", _sum(groups))
        for name, groups in sorted(standings.items())
    ]
    rows = tuple(
        (
            name,
            sums[0],
            Share(sums[0], whole[0]),
            Money(sums[1], currency),
            Money(sums[2], currency),
        )
        for name, sums in (*stages, *rest)
    )
    columns = (
        Column("stage", "Stage", figures=False),
        Column("invoices", "Invoices"),
        Column("share", "Of failed"),
        Column("amount_minor", "Owed"),
        Column("paid_minor", "Came in and stayed"),
    )
    chart = Chart(
        id=f"funnel-{currency}",
        title="Invoices at each stage",
        description="Invoices that first failed in the period, as they stand now.",
        kind=Kind.BARS,
        labels=tuple(name for name, _ in stages),
        series=(
            Series(
                "invoices",
                tuple(sums[0] for _, sums in stages),
                Mark.GOOD,
                tuple(str(sums[0]) for _, sums in stages),
            ),
        ),
        scale=count_scale,
    )
    notes = (
        (
            "Some pay before anybody wrote or charged, so paid is no part of the stage before it."
            " Paid, and what is not paid, together are all that failed."
        ),
    )
    table = Table("From failure to cash", columns, rows)
    return Part("funnel", currency, "From failure to cash", notes, table, (chart,))


def _sum(groups: Iterable[FailureGroup]) -> tuple[int, int, int]:
    """Return how many, what was owed, and what came in and stayed."""
    count = amount = recovered = 0
    for each in groups:
        count += each.count
        amount += each.amount_minor
        recovered += each.recovered_minor
    return count, amount, recovered


def reasons_part(report: MoneyReport, currency: str) -> Part:
    """Return why payments failed, and how much of each reason came back."""
    groups: dict[tuple[str, str], list[FailureGroup]] = defaultdict(list)
    for each in report.failures:
        if each.currency == currency:
            groups[each.decline_class, each.decline_code].append(each)
    sums = sorted(
        ((name, _sum(found), _paid(found)) for name, found in groups.items()),
        key=lambda each: (-each[1][0], each[0]),
    )
    whole = sum(of[0] for _, of, _ in sums)
    rows = tuple(
        (
            plain_words(kind) or "not known yet",
            plain_words(code),
            of[0],
            Share(of[0], whole),
            Money(of[1], currency),
            paid,
            Share(paid, of[0], basis=of[0]),
            Money(of[2], currency),
        )
        for (kind, code), of, paid in sums
    )
    columns = (
        Column("class", "Reason", figures=False),
        Column("code", "Code", figures=False),
        Column("invoices", "Invoices"),
        Column("share", "Share"),
        Column("amount_minor", "Owed"),
        Column("paid", "Paid"),
        Column("paid_share", "Of them"),
        Column("paid_minor", "Came in and stayed"),
    )
    drawn = sums[:REASONS_DRAWN]
    chart = Chart(
        id=f"reasons-{currency}",
        title="Failed, and paid since",
        description="By the reason of the first failure"
        + (f", the {REASONS_DRAWN} most frequent." if len(sums) > REASONS_DRAWN else "."),
        kind=Kind.BARS,
        labels=tuple(decline_words(code, kind) or "not known yet" for (kind, code), _, _ in drawn),
        series=(
            _counts("failed", [of[0] for _, of, _ in drawn], Mark.BEFORE),
            _counts("paid since", [paid for _, _, paid in drawn], Mark.GOOD),
        ),
        scale=count_scale,
    )
    notes = ("The reason is that of the first failed charge, as Stripe or the bank named it.",)
    table = Table("Reasons for failure", columns, rows)
    return Part("failure_reasons", currency, "Why payments failed", notes, table, (chart,))


def _paid(found: Iterable[FailureGroup]) -> int:
    return sum(each.count for each in found if each.standing == "paid")


def _counts(name: str, values: list[int], mark: Mark) -> Series:
    return Series(name, tuple(values), mark, tuple(str(value) for value in values))


def churn_part(report: MoneyReport, currency: str) -> Part:
    """Return who was lost for which reason, and the revenue that went with them."""
    found = [each for each in report.churned if each.currency == currency]
    found.sort(key=lambda each: (-each.mrr_minor, each.kind, each.reason, each.during_dunning))
    whole = sum(each.mrr_minor for each in found)
    rows: list[tuple[Cell, ...]] = [
        (
            each.kind or "not told",
            _why(each),
            "yes" if each.during_dunning else "no",
            each.count,
            Money(each.mrr_minor, currency),
            Share(each.mrr_minor, whole),
        )
        for each in found
    ]
    before = report.figure_before("mrr_churn", currency)
    lost = report.figure("customer_churn_rate", currency)
    columns = (
        Column("kind", "Kind", figures=False),
        Column("reason", "Reason", figures=False),
        Column("during_dunning", "In dunning", figures=False),
        Column("lost", "Losses"),
        Column("mrr_minor", "MRR lost"),
        Column("share", "Of it"),
    )
    chart = Chart(
        id=f"churn-{currency}",
        title="MRR lost by reason",
        description=f"Monthly revenue in {currency.upper()} of customers who ended in the period.",
        kind=Kind.BARS,
        labels=tuple(f"{each.kind or 'not told'}: {_why(each)}" for each in found),
        series=(
            Series(
                "MRR lost",
                tuple(each.mrr_minor for each in found),
                Mark.LOST,
                tuple(money_words(Money(each.mrr_minor, currency)) for each in found),
            ),
        ),
        scale=money_scale(currency),
    )
    notes = (
        (
            "Voluntary: the customer left, also during dunning. Involuntary: nobody paid. Losses"
            " are counted as booked; a customer may be lost and come back within the period."
        ),
        (
            f"Customer churn rate: {value_words(lost)}; MRR churned in the period before:"
            f" {value_words(before) if before else 'no value'}."
        ),
    )
    table = Table("Reasons for churn", columns, tuple(rows))
    return Part("churn_reasons", currency, "Why customers left", notes, table, (chart,))


def _why(group: ChurnGroup) -> str:
    return plain_words(group.reason) or "no reason given"


def renewals_part(report: MoneyReport, currency: str) -> Part:
    """Return the renewals that were due, week by week, and what became of them."""
    columns = (
        Column("due", "Due", figures=False),
        Column("renewals", "Renewals due"),
        Column("on_time", "On time"),
        Column("late", "Late"),
        Column("pending", "Pending"),
        Column("missed", "Not renewed"),
        Column("rate", "Renewed"),
    )
    parts = []
    for each in report.slices:
        found = each.renewals.get(currency)
        if found is not None:
            late = found.renewed - found.renewed_on_time
            missed = found.due - found.renewed - found.pending
            parts.append((each, (found.due, found.renewed_on_time, late, found.pending, missed)))
    sums = tuple(sum(figures[place] for _, figures in parts) for place in range(5))
    rows: list[tuple[Cell, ...]] = [
        (slice_words(each.period), *figures, Share(figures[1] + figures[2], figures[0], figures[0]))
        for each, figures in parts
        if len(report.slices) > 1
    ]
    rows.append((period_words(report.period), *sums, report.figure("renewal_rate", currency)))
    before = report.figure_before("renewal_rate", currency)
    notes = (
        (
            "By the day on which the further term was due, until now. Late is after a failed"
            " payment and within 30 days; pending may still be paid within them."
        ),
        f"Renewed in the period before: {value_words(before) if before else 'no value'}.",
    )
    names = (("on time", Mark.GOOD), ("late", Mark.LATE), ("pending", Mark.PENDING))
    chart = Chart(
        id=f"renewals-{currency}",
        title="What became of those that were due",
        description="Renewals by the week or month in which they were due.",
        kind=Kind.STACKS,
        labels=tuple(slice_words(each.period) for each, _ in parts),
        series=tuple(
            Series(
                name,
                tuple(figures[place] for _, figures in parts),
                mark,
                tuple(str(figures[place]) for _, figures in parts),
            )
            for place, (name, mark) in enumerate((*names, ("not renewed", Mark.LOST)), start=1)
        ),
        scale=count_scale,
    )
    table = Table("Renewals by when they were due", columns, tuple(rows))
    return Part("renewals", currency, "Renewals due and done", notes, table, (chart,))
