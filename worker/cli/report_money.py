"""The money report's readings: the metrics of a period and of the one before, and what is behind.

The figures are those of `dunning metrics`, by the same functions; the rest is read from the same
views, so that sums tie out.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, time, timedelta
from typing import TypeVar

from worker.cli.data_dir import View
from worker.cli.look_metrics import measure_on
from worker.cli.look_status import read_standing
from worker.cli.metrics_measured import Measured
from worker.cli.report_network import NetworkReport, network_report
from worker.domain.case import CaseState
from worker.domain.metric import Metric, Period
from worker.domain.metric_counts import FailureCounts, RenewalCounts
from worker.office.plan import Plan, read_plan_of
from worker.store.metric_sources import read_sources
from worker.store.metrics_groups import Groups
from worker.store.metrics_payments import read_failures, read_renewals
from worker.store.reading import CaseLine, list_cases, snapshot
from worker.store.reading_money import (
    ChurnGroup,
    FailureGroup,
    LetterGroup,
    read_churn_groups,
    read_failure_groups,
    read_letter_groups,
)
from worker.store.reading_network import read_network
from worker.store.reading_status import read_switch

Counted = TypeVar("Counted", FailureCounts, RenewalCounts)

WEEK = timedelta(days=7)
BY_MONTH_FROM = timedelta(days=63)
"""A period at least this long is looked at month by month, a shorter one by weeks."""
OPEN = (CaseState.OPEN.value, CaseState.HELD.value, CaseState.IN_REVIEW.value)
CALENDAR = timedelta(days=30)
"""How far the calendar of open cases looks ahead."""


@dataclass(frozen=True, slots=True)
class Slice:
    """A week or a month of the period."""

    period: Period
    failures: dict[str, FailureCounts]
    """By currency."""
    renewals: dict[str, RenewalCounts]


@dataclass(frozen=True, slots=True)
class MoneyReport:
    """Everything that the report is written from."""

    account: str
    live: bool
    now: datetime
    measured: Measured
    before: Measured
    """Of the period of the same length right before."""
    slices: tuple[Slice, ...]
    failures: tuple[FailureGroup, ...]
    churned: tuple[ChurnGroup, ...]
    letters: tuple[LetterGroup, ...]
    network: NetworkReport
    plan: Plan
    open_cases: tuple[CaseLine, ...]

    @property
    def period(self) -> Period:
        """The half-open period."""
        return self.measured.period

    @property
    def currencies(self) -> tuple[str, ...]:
        """Every currency there is, those with most failures and customers first."""
        found = {each.currency for each in self.measured.metrics if each.currency}
        found |= {line.owed.currency for line in self.open_cases}
        weight = {
            currency: sum(
                int(self.figure(name, currency).numerator)
                for name in ("failures", "customers_end")
                if self.knows(name, currency)
            )
            for currency in found
        }
        return tuple(sorted(found, key=lambda currency: (-weight[currency], currency)))

    @property
    def has_before(self) -> bool:
        """Whether there is any figure to compare with."""
        return bool(self.before.metrics)

    def knows(self, name: str, currency: str) -> bool:
        """Return whether the period has that figure."""
        return _find(self.measured, name, currency) is not None

    def figure(self, name: str, currency: str) -> Metric:
        """Return a figure of the period. Raises: KeyError: there is none of that name."""
        found = _find(self.measured, name, currency)
        if found is None:
            raise KeyError(name)
        return found

    def figure_before(self, name: str, currency: str) -> Metric | None:
        """Return a figure of the period before; None where that currency was not there yet."""
        return _find(self.before, name, currency)


def _find(measured: Measured, name: str, currency: str) -> Metric | None:
    for each in measured.metrics:
        if each.definition.name == name and each.currency == currency and not each.group:
            return each
    return None


def read_money(view: View, period: Period) -> MoneyReport:
    """Return the report of a period.

    Raises: ServiceUnavailable: the database is away, or no worker has begun the ledger.
    """
    account, now = view.ledger.account_id, view.now
    standing = read_standing(view)
    with snapshot(view.ledger) as connection:
        sources = read_sources(connection, account)
        measured = measure_on(connection, view, period, None)
        before = measure_on(connection, view, period.before, None)
        found = [
            Slice(
                part,
                _by_currency(read_failures(connection, account, part, Groups(), sources, now=now)),
                _by_currency(read_renewals(connection, account, part, Groups(), sources, now=now)),
            )
            for part in slices(period)
        ]
        failures = read_failure_groups(connection, account, period, sources, now=now)
        churned = read_churn_groups(connection, account, period, sources)
        letters = read_letter_groups(connection, account, period, sources, now=now)
        record = read_network(connection, account, to_at=period.to_at)
        switch = read_switch(connection, account)
        open_cases = tuple(list_cases(connection, account, words=OPEN))
    live = switch is not None and switch.live
    return MoneyReport(
        account=account,
        live=live,
        now=now,
        measured=measured,
        before=before,
        slices=tuple(found),
        failures=tuple(failures),
        churned=tuple(churned),
        letters=tuple(letters),
        network=network_report(
            record,
            view.office.limits.networks,
            account=account,
            live=live,
            from_at=period.from_at,
            to_at=period.to_at,
        ),
        plan=read_plan_of(
            view.ledger,
            view.office,
            standing.charging,
            now=now,
            wall_now=view.wall_now,
            until=now + CALENDAR,
        ),
        open_cases=open_cases,
    )


def _by_currency(found: Iterable[Counted]) -> dict[str, Counted]:
    return {each.currency: each for each in found}


def slices(period: Period) -> list[Period]:
    """Return the period cut into weeks, or into calendar months where it is long; all of it."""
    cuts = [period.from_at]
    by_month = period.to_at - period.from_at >= BY_MONTH_FROM
    while (following := _next_cut(cuts[-1], period, by_month=by_month)) < period.to_at:
        cuts.append(following)
    ends = [*cuts[1:], period.to_at]
    return [Period(begin, end, period.zone) for begin, end in zip(cuts, ends, strict=True)]


def _next_cut(at: datetime, period: Period, *, by_month: bool) -> datetime:
    if not by_month:
        return at.astimezone(period.zone) + WEEK  # by the calendar, also over a change of clocks
    local = at.astimezone(period.zone)
    years, month = divmod(local.month, 12)
    first = local.date().replace(year=local.year + years, month=month + 1, day=1)
    return datetime.combine(first, time(), period.zone)
